"""MUSDB18-HQ (a folder of WAVs per song), MUSDB18 (one `.stem.mp4` per song) and their usual validation songs."""

from dataclasses import replace
from pathlib import Path

from training.data.layouts.paths import parse_artist, split_folders, subfolders, visible
from training.data.layouts.plain import read_song
from training.data.layouts.song import CONTAINER_SUFFIX, DataFolder, Song, SplitName, Terms, stream_path

STREAMS = ("mixture", "drums", "bass", "other", "vocals")
"""The audio streams of a `.stem.mp4`, in their order."""

VALIDATION_SONGS = frozenset(
    {
        "ANiMAL - Rockshow",
        "Actions - One Minute Smile",
        "Alexander Ross - Goodbye Bolero",
        "Clara Berry And Wooldog - Waltz For My Victims",
        "Fergessen - Nos Palpitants",
        "James May - On The Line",
        "Johnny Lokke - Promises & Lies",
        "Leaf - Summerghost",
        "Meaxic - Take A Step",
        "Patrick Talbot - A Reason To Leave",
        "Skelpolu - Human Mistakes",
        "Traffic Experiment - Sirens",
        "Triviul - Angelsaint",
        "Young Griffo - Pennies",
    }
)
"""The songs of `train` that everyone who publishes on MUSDB18 validates on."""

HQ_TERMS = Terms(
    "for academic, non-commercial use only (songs under several licences, many of them CC BY-NC-SA)",
    "Rafii, Liutkus, Stöter, Mimilakis, Bittner: MUSDB18-HQ, an uncompressed version of MUSDB18 (2019), "
    "doi:10.5281/zenodo.3338373",
)
TERMS = Terms(
    HQ_TERMS.licence,
    "Rafii, Liutkus, Stöter, Mimilakis, Bittner: The MUSDB18 corpus for music separation (2017), "
    "doi:10.5281/zenodo.1117372",
)


def find_musdb18hq(root: Path) -> DataFolder | None:
    """Read MUSDB18-HQ, or one of its halves; None if this is something else."""
    songs, notes = [], []
    for split, parent in split_folders(root, otherwise="train"):
        for folder in subfolders(parent):
            song = read_song(folder)
            absent = sorted(set(STREAMS) - {path.stem for path in song.files()}) if song else list(STREAMS)
            if song is None or absent:
                notes.append(f"{folder.name}: left out, it has no {', '.join(absent)}")
            else:
                songs.append(replace(song, split=_split(folder.name, split), source="musdb18hq"))
    # One's own songs may come as the same five files: MUSDB18 is recognised by its songs' names.
    known = {song.name for song in songs} & VALIDATION_SONGS
    if not songs or (len(known) < 2 and {song.split for song in songs} != {"train", "test"}):
        return None
    return DataFolder(root, "musdb18hq", tuple(songs), HQ_TERMS.licence, HQ_TERMS.citation, tuple(notes))


def find_musdb18(root: Path) -> DataFolder | None:
    """Read the `.stem.mp4` files of MUSDB18, or of one of its halves; None if there are none."""
    songs = [
        _stem_song(path, _split(_song_name(path), split))
        for split, folder in split_folders(root, otherwise="train")
        for path in visible(folder)
        if path.name.lower().endswith(CONTAINER_SUFFIX) and path.is_file()
    ]
    return DataFolder(root, "musdb18", tuple(songs), TERMS.licence, TERMS.citation) if songs else None


def _stem_song(path: Path, split: SplitName | None) -> Song:
    name = _song_name(path)
    stems: dict[str, tuple[Path, ...]] = {stream: (stream_path(path, stream),) for stream in STREAMS[1:]}
    return Song(name, path.parent / name, stems, stream_path(path, STREAMS[0]), parse_artist(name), split, "musdb18")


def _song_name(path: Path) -> str:
    return path.name[: -len(CONTAINER_SUFFIX)]


def _split(name: str, split: SplitName | None) -> SplitName | None:
    return "valid" if split == "train" and name in VALIDATION_SONGS else split
