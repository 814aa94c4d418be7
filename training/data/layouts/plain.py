"""The plain layout: one folder per song, one file per stem, named after it; below `train`, `valid`, `test` or not."""

from dataclasses import replace
from pathlib import Path

from training.data.layouts.names import MIXTURE, stem_name
from training.data.layouts.paths import abbreviate, audio_files, parse_artist, split_folders, subfolders
from training.data.layouts.song import DataFolder, Song


def find_plain(root: Path) -> DataFolder | None:
    """Read the songs of a plain data folder; None if no folder in it is a song."""
    songs, others = [], []
    for split, parent in split_folders(root):
        for folder in subfolders(parent):
            song = read_song(folder)
            if song is None:
                others.append(folder.name)
            else:
                # "data/train" given by itself holds all there is, so its own name is no split.
                songs.append(song if parent == root else replace(song, split=split))
    note = f"{len(others)} folder(s) without a mixture and a stem, or two stems, left out: {abbreviate(others)}"
    return DataFolder(root, "plain", tuple(songs), notes=(note,) if others else ()) if songs else None


def read_song(folder: Path) -> Song | None:
    """The song in a folder of files named after their stems; None if there are fewer than two of use."""
    stems: dict[str, tuple[Path, ...]] = {}
    mixture = None
    for path in audio_files(folder):
        name = stem_name(path.stem)
        if name == MIXTURE:
            mixture = mixture or path
        else:
            stems.setdefault(name, (path,))
    if len(stems) + (mixture is not None) < 2:
        return None
    return Song(folder.name, folder, stems, mixture, parse_artist(folder.name), None, "plain")
