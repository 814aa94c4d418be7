"""Looking around in folders: the audio in them, a drawing of them for messages, the artist in a name."""

from collections.abc import Sequence
from pathlib import Path

from separator.audio import AUDIO_SUFFIXES
from separator.errors import DatasetError
from training.data.layouts.song import SplitName

SPLIT_FOLDERS: dict[str, SplitName] = {
    "train": "train",
    "valid": "valid",
    "val": "valid",
    "validation": "valid",
    "test": "test",
}


def audio_files(folder: Path) -> list[Path]:
    """The audio files right in a folder, sorted by name; hidden ones left out."""
    return [path for path in visible(folder) if path.suffix.lower() in AUDIO_SUFFIXES and path.is_file()]


def subfolders(folder: Path) -> list[Path]:
    """The folders right in a folder, sorted by name; hidden ones left out."""
    return [path for path in visible(folder) if path.is_dir()]


def find_loose(root: Path | str) -> list[Path]:
    """Audio files at any depth of a folder of vocals-only or instrumental-only music, sorted."""
    root = Path(root).expanduser()
    deeper = [path for folder in subfolders(root) for path in find_loose(folder)]
    return sorted([*audio_files(root), *deeper])


def split_folders(root: Path, otherwise: SplitName | None = None) -> list[tuple[SplitName | None, Path]]:
    """The (split, folder) pairs of a root with `train`, `valid` or `test` in it.

    Where there are none, the root itself: its own name may be a split, else `otherwise`.
    """
    found = [
        (SPLIT_FOLDERS[folder.name.lower()], folder)
        for folder in subfolders(root)
        if folder.name.lower() in SPLIT_FOLDERS
    ]
    return list(found) or [(SPLIT_FOLDERS.get(root.name.lower(), otherwise), root)]


def abbreviate(names: Sequence[str], most: int = 5) -> str:
    """The first few of some names, and how many more there are."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def parse_artist(name: str) -> str | None:
    """The artist in a name of the form "Artist - Title"; None for other names."""
    artist, dash, _ = name.partition(" - ")
    return artist.strip() or None if dash else None


def describe_tree(root: Path, max_entries: int = 6, depth: int = 2) -> str:
    """The first few entries of a folder and its subfolders, one a line, to show in a message."""
    return "\n".join(_tree_lines(root, max_entries, depth, "  ")) or "  (an empty folder)"


def _tree_lines(folder: Path, max_entries: int, depth: int, indent: str) -> list[str]:
    entries = visible(folder)
    lines = []
    for entry in entries[:max_entries]:
        lines.append(f"{indent}{entry.name}{'/' if entry.is_dir() else ''}")
        if entry.is_dir() and depth > 1:
            lines += _tree_lines(entry, max_entries, depth - 1, indent + "  ")
    if len(entries) > max_entries:
        lines.append(f"{indent}... and {len(entries) - max_entries} more")
    return lines


def visible(folder: Path) -> list[Path]:
    """What lies right in a folder, sorted by name; hidden files left out.

    Raises:
        DatasetError: the folder may not be read.
    """
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise DatasetError(f"cannot look into the folder {folder}: {error.strerror}") from error
