"""Disk space of visitors' songs: removed by age, and the oldest first above a limit."""

import shutil
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from separator.errors import BusyError

KEEP_SECONDS = 24 * 3600
FRESH_SECONDS = 900
"""A folder written to so recently may belong to a running job, or its files may still be played."""
MAX_BYTES = 20_000_000_000
"""Of all job folders together, and as much again of uploads."""


def make_job_folder(work: Path, max_bytes: int = MAX_BYTES) -> Path:
    """A fresh folder for one job. On the way the job folders older than a day are removed, and the oldest ones while
    all together hold more than ``max_bytes``. Raises BusyError where those of the last minutes do already."""
    work.mkdir(parents=True, exist_ok=True)
    remove_old_folders(work, KEEP_SECONDS)
    if not make_room(list(work.glob("job-*")), 0, max_bytes):
        raise BusyError("The page's share of the disk is full of other visitors' songs; try again in a quarter hour.")
    return Path(tempfile.mkdtemp(prefix="job-", dir=work))


def remove_old_folders(work: Path, keep_seconds: float) -> None:
    """Remove the job folders in ``work`` in which no file has been written for ``keep_seconds``."""
    oldest = time.time() - keep_seconds
    for folder in work.glob("job-*"):
        if _find_last_write(folder) < oldest:
            shutil.rmtree(folder, ignore_errors=True)


def _find_last_write(folder: Path) -> float:
    """When the newest file in ``folder`` was written; of an empty one, when it was made.

    A folder's own time is no measure: it changes when Gradio deletes a file in it.
    """
    times = []
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # deleted, or finished and renamed by a running job, since it was listed
            if path.is_file():
                times.append(path.stat().st_mtime)
    with suppress(FileNotFoundError):
        return max(times) if times else folder.stat().st_mtime
    return 0.0


def make_room(folders: Sequence[Path], wanted: int, max_bytes: int) -> bool:
    """Remove the oldest of ``folders`` until they and ``wanted`` more bytes are within ``max_bytes``.

    Those written to within ``FRESH_SECONDS`` stay. Returns whether there is room now.
    """
    if wanted > max_bytes:
        return False
    sizes = {folder: _measure_bytes(folder) for folder in folders}
    total = sum(sizes.values()) + wanted
    newest_to_go = time.time() - FRESH_SECONDS
    for written, folder in sorted((_find_last_write(folder), folder) for folder in folders):
        if total <= max_bytes or written > newest_to_go:
            break
        shutil.rmtree(folder, ignore_errors=True)
        total -= sizes[folder]
    return total <= max_bytes


def _measure_bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total
