"""Files appear whole or not at all; what a dead process left is removed, what a living one writes is not."""

import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from separator.files import (
    FOREIGN_SECONDS,
    ProcessId,
    atomic_write,
    explain_os_error,
    make_part_path,
    read_start_time,
    remove_leftovers,
)

KILLED_WRITER = """
import os, signal, sys
from separator.files import atomic_write
with atomic_write(sys.argv[1]) as part:
    part.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_file_appears_when_its_block_ends(tmp_path: Path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with atomic_write(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
    assert (path.read_text(), list(tmp_path.iterdir())) == ("new", [path])


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_write(path) as part:
        part.write_text("half")
        raise ZeroDivisionError
    assert (path.read_text(), list(tmp_path.iterdir())) == ("old", [path])


def test_the_later_of_two_writers_wins_whole(tmp_path: Path):
    path = tmp_path / "a.txt"
    with atomic_write(path) as first, atomic_write(path) as second:
        first.write_text("first")
        second.write_text("second")
        assert first != second
    assert (path.read_text(), list(tmp_path.iterdir())) == ("first", [path])


def test_a_folder_appears_whole(tmp_path: Path):
    with atomic_write(tmp_path / "song") as part:
        part.mkdir()
        (part / "bass.wav").touch()
    assert (tmp_path / "song" / "bass.wav").is_file()
    with pytest.raises(OSError), atomic_write(tmp_path / "song") as part:
        part.mkdir()
    assert [path.name for path in tmp_path.iterdir()] == ["song"]


def test_a_name_of_full_length_can_be_written(tmp_path: Path):
    path = tmp_path / ("소" * 83 + ".wav")
    with atomic_write(path) as part:
        part.touch()
    assert path.is_file()


@pytest.mark.slow
def test_the_next_process_removes_what_a_killed_one_left(tmp_path: Path):
    subprocess.run([sys.executable, "-c", KILLED_WRITER, str(tmp_path / "a.txt")], check=False)
    (left,) = tmp_path.iterdir()
    assert left.read_text() == "half"
    with atomic_write(tmp_path / "b.txt") as part:
        part.touch()
    assert [path.name for path in tmp_path.iterdir()] == ["b.txt"]


def test_only_parts_of_dead_processes_are_leftovers(tmp_path: Path, leftover: Callable[[Path], Path]):
    own, foreign = make_part_path(tmp_path / "a"), tmp_path / ".film.mp4.part"
    elsewhere, long_ago = (tmp_path / f".00000000.{n:08x}.1.1.0.part" for n in (1, 2))
    start = ProcessId.current().start
    reused = own.with_name(own.name.replace(f".{start}.", f".{start + 1}."))
    for path in (own, foreign, elsewhere, long_ago, reused, leftover(tmp_path / "b")):
        path.touch()
    leftover(tmp_path / "c").mkdir()
    old = time.time() - FOREIGN_SECONDS - 1
    os.utime(long_ago, (old, old))
    remove_leftovers(tmp_path)
    assert set(tmp_path.iterdir()) == {own, foreign, elsewhere}
    remove_leftovers(tmp_path / "absent")


def test_a_process_is_its_number_and_its_start():
    own = ProcessId.current()
    assert own.is_alive()
    assert not ProcessId(own.pid, own.start + 1).is_alive()
    assert not ProcessId(2**22 + 1, own.start).is_alive()


def test_a_process_that_only_waits_to_be_reaped_is_dead():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdin is not None
    identity = ProcessId(process.pid, read_start_time(process.pid) or 0)
    assert identity.is_alive()
    process.stdin.close()
    deadline = time.monotonic() + 10
    while identity.is_alive():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.wait()


def test_a_full_disk_is_named_with_what_is_free(tmp_path: Path):
    full = OSError(errno.ENOSPC, "No space left on device")
    assert "the disk is full" in explain_os_error(full, tmp_path / "new" / "a.txt")
    assert "GB are free" in explain_os_error(full, tmp_path / "a.txt")
    assert explain_os_error(PermissionError(errno.EACCES, "Permission denied"), tmp_path) == "Permission denied"
