"""A folder per stem, one file per song with the same name in each: `vocals/song 1.wav`, `drums/song 1.wav`."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from training.data.layouts.names import MIXTURE, is_stem_word, stem_name
from training.data.layouts.paths import abbreviate, audio_files, parse_artist, split_folders, subfolders
from training.data.layouts.song import DataFolder, Song, SplitName

Files = Mapping[str, Path]
"""Song name to its file, of one stem."""


def find_stem_folders(root: Path) -> DataFolder | None:
    """Read the songs of a data folder that holds a folder per stem, below `train`, `valid`, `test` or not.

    None if this is something else; no songs, and a note, if the folders share no file names.
    """
    songs, notes = [], []
    for split, parent in split_folders(root):
        stems = _stems_in(parent)
        names = sorted({name for files in stems.values() for name in files})
        # "data/train" given by itself holds all there is, so its own name is no split.
        part = None if parent == root else split
        found = [song for name in names if (song := _song(parent, name, stems, part)) is not None]
        songs += found
        lone = sorted(set(names) - {song.name for song in found})
        if lone:
            notes.append(
                f"{len(lone)} file(s) in one stem's folder only, left out: {abbreviate(lone)}; a song's stems need "
                "one file name, and what is only to be remixed is given with --target_dir and --rest_dir"
            )
    return DataFolder(root, "stem folders", tuple(songs), notes=tuple(notes)) if songs or notes else None


def _stems_in(parent: Path) -> dict[str, Files]:
    """The files of each stem; none where the folders are not named after stems, or the files rather are."""
    folders = {folder: {path.stem: path for path in reversed(audio_files(folder))} for folder in subfolders(parent)}
    folders = {folder: files for folder, files in folders.items() if files}
    named_so = [folder for folder in folders if is_stem_word(folder.name)]
    files_named_so = {name.lower() for folder in named_so for name in folders[folder] if is_stem_word(name)}
    if len(folders) < 2 or len(named_so) <= len(files_named_so):  # a song called "Voice" may hold vocals and a mixture
        return {}
    counts = Counter(name for files in folders.values() for name in files)
    shared = any(counts[name] > 1 for folder in named_so for name in folders[folder])
    if not shared and len(named_so) < len(folders):
        return {}
    stems: dict[str, Files] = {}
    for folder, files in folders.items():
        stems.setdefault(stem_name(folder.name), files)
    return stems


def _song(parent: Path, name: str, stems: Mapping[str, Files], split: SplitName | None) -> Song | None:
    """The song of one file name; None if it has fewer than two files. Its folder does not exist: it names the song."""
    files = {stem: of_stem[name] for stem, of_stem in stems.items() if name in of_stem}
    if len(files) < 2:
        return None
    mixture = files.pop(MIXTURE, None)
    paths: dict[str, tuple[Path, ...]] = {stem: (path,) for stem, path in files.items()}
    return Song(name, parent / name, paths, mixture, parse_artist(name), split, "stem folders")
