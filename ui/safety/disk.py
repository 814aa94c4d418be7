"""What visitors' songs take of the disk: removed by age, and the oldest first where it becomes too much."""

import shutil
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from separator.errors import BusyError

KEEP_SECONDS = 24 * 3600
FRESH_SECONDS = 900
"""A folder in which something was written so lately may belong to a running job, or to who listens to it."""
MOST_BYTES = 20_000_000_000
"""Of all job folders together, and as much again of uploads."""


def new_job_folder(work: Path, most_bytes: int = MOST_BYTES) -> Path:
    """A fresh folder for one job. On the way the job folders older than a day are removed, and the oldest ones while
    all together hold more than ``most_bytes``. Raises BusyError where those of the last minutes do already."""
    work.mkdir(parents=True, exist_ok=True)
    sweep(work, KEEP_SECONDS)
    if not make_room(list(work.glob("job-*")), 0, most_bytes):
        raise BusyError("The page's share of the disk is full of other visitors' songs; try again in a quarter hour.")
    return Path(tempfile.mkdtemp(prefix="job-", dir=work))


def sweep(work: Path, keep_seconds: float) -> None:
    """Remove the job folders in ``work`` in which no file has been written for ``keep_seconds``."""
    oldest = time.time() - keep_seconds
    for folder in work.glob("job-*"):
        if _last_written(folder) < oldest:
            shutil.rmtree(folder, ignore_errors=True)


def _last_written(folder: Path) -> float:
    """When the newest file in ``folder`` was written; of an empty one, when it was made.

    The age of a folder with files says nothing: it begins anew when Gradio deletes one of them.
    """
    times = []
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # deleted, or finished and renamed by a running job, since it was listed
            if path.is_file():
                times.append(path.stat().st_mtime)
    with suppress(FileNotFoundError):
        return max(times) if times else folder.stat().st_mtime
    return 0.0


def make_room(folders: Sequence[Path], wanted: int, most_bytes: int) -> bool:
    """Remove the oldest of ``folders`` until they and ``wanted`` more bytes are within ``most_bytes``.

    Those written to within ``FRESH_SECONDS`` stay. Returns whether there is room now.
    """
    if wanted > most_bytes:
        return False
    sizes = {folder: _size(folder) for folder in folders}
    total = sum(sizes.values()) + wanted
    newest_to_go = time.time() - FRESH_SECONDS
    for written, folder in sorted((_last_written(folder), folder) for folder in folders):
        if total <= most_bytes or written > newest_to_go:
            break
        shutil.rmtree(folder, ignore_errors=True)
        total -= sizes[folder]
    return total <= most_bytes


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total
