"""Files that appear whole or not at all, and processes identified by number and start time.

A file is written beside its place under a name that carries its writer, then renamed. Of two writers of one file the
later one wins whole. What a killed writer left is removed by the next process that writes into the folder.
"""

import errno
import hashlib
import itertools
import os
import re
import shutil
import socket
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Self

PART_NAME = re.compile(r"\.[0-9a-f]{8}\.([0-9a-f]{8})\.(\d+)\.(\d+)\.\d+\.part(?:-journal)?")
"""A file being written: `.<hash of its name>.<hash of the machine>.<pid>.<start>.<count>.part`, short for any name."""
FOREIGN_SECONDS = 24 * 3600
"""A part file of another machine is left alone for so long after its last change: its process cannot be looked up."""

_count = itertools.count()


@dataclass(frozen=True)
class ProcessId:
    """A process of this machine. Its number alone is not enough: numbers are given again."""

    pid: int
    start: int
    """When it started, as `read_start_time` counts."""

    @classmethod
    def current(cls) -> Self:
        pid = os.getpid()
        return cls(pid, read_start_time(pid) or 0)

    def is_alive(self) -> bool:
        return read_start_time(self.pid) == self.start


def hash_file(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_start_time(pid: int) -> int | None:
    """When a running process started; None if there is no such process, or only its exit status is left.

    On Linux in clock ticks since boot, which no change of the clock moves; elsewhere in milliseconds since 1970.
    """
    if sys.platform == "linux":
        try:
            state, *fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            return None
        return None if state in (b"Z", b"X") else int(fields[18])
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else round(1000 * process.create_time())
    except psutil.Error:
        return None


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Gives a path to write a file or folder to, which takes the place of `path` when the block ends without error::

        with atomic_write("report.csv") as part:
            part.write_text(table)

    After an error nothing new remains. A folder takes no place where there is a folder with files already.

    Raises:
        OSError: it cannot be put in its place.
    """
    path = Path(path)
    _remove_leftovers_once(path.parent.absolute())
    part = make_part_path(path)
    try:
        yield part
        os.replace(part, path)
    finally:
        _remove(part)


def make_part_path(path: Path) -> Path:
    """A new name beside `path` that no other process or thread uses, and that `remove_leftovers` recognises."""
    owner = ProcessId.current()
    name = zlib.crc32(os.fsencode(path.name))
    return path.with_name(f".{name:08x}.{_hash_machine():08x}.{owner.pid}.{owner.start}.{next(_count)}.part")


def remove_leftovers(folder: Path) -> None:
    """Remove the part files in a folder whose process has ended."""
    with suppress(OSError):  # absent, or not ours to read
        for path in folder.iterdir():
            if (match := PART_NAME.fullmatch(path.name)) and _is_leftover(path, match):
                _remove(path)


def explain_os_error(error: OSError, path: Path) -> str:
    """The cause in words: of a full disk, how much is free where `path` lies."""
    if error.errno not in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return error.strerror or str(error) or type(error).__name__
    folder = next((parent for parent in path.absolute().parents if parent.is_dir()), Path())
    return f"the disk is full ({shutil.disk_usage(folder).free / 1e9:.2f} GB are free there)"


@lru_cache(maxsize=1024)
def _remove_leftovers_once(folder: Path) -> None:
    """At a process's first write into a folder, which may hold thousands of files."""
    remove_leftovers(folder)


def _is_leftover(path: Path, match: re.Match[str]) -> bool:
    if int(match[1], 16) != _hash_machine():
        return time.time() - path.stat().st_mtime > FOREIGN_SECONDS
    return not ProcessId(int(match[2]), int(match[3])).is_alive()


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _hash_machine() -> int:
    """A number for what process numbers are unique in: this machine, or this container of it."""
    namespace = ""
    with suppress(OSError):
        namespace = os.readlink("/proc/self/ns/pid")
    return zlib.crc32(os.fsencode(f"{socket.gethostname()} {namespace}"))
