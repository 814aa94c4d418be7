"""Recognises the layout of a data folder from what is on disk."""

from pathlib import Path

from separator.errors import DatasetError
from training.datasets.plain import find_plain
from training.datasets.songs import DataFolder


def find_songs(root: Path | str) -> DataFolder:
    """Recognise the layout of a data folder and list its songs.

    Raises:
        DatasetError: the folder is missing, empty, or of no known layout; the message shows what was found.
    """
    root = Path(root).expanduser()
    if not root.is_dir():
        raise DatasetError(f"no data folder at {root}: give a folder that holds one folder per song")
    return find_plain(root)
