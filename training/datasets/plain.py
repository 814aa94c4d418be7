"""The plain layout: one folder per song, one file per stem, named after it."""

from pathlib import Path

from separator.errors import DatasetError
from training.datasets.songs import ACCOMPANIMENT, DataFolder, Song
from training.datasets.tree import artist_of, audio_files, describe_tree, subfolders

MIXTURE_NAMES = ("mixture", "mix")
STEM_NAMES = {"vocal": "vocals", "voice": "vocals", "instrumental": ACCOMPANIMENT, "no_vocals": ACCOMPANIMENT}

EXPECTED = """expected one folder per song:
  <song>/mixture.wav        (may be missing: then it is the sum of the stems)
  <song>/vocals.wav         (or drums, bass, ...: named after what is to be separated)
  <song>/accompaniment.wav  (or drums, bass, other: the rest; may be missing if the mixture is there)"""


def find_plain(root: Path) -> DataFolder:
    """Read the songs of a plain data folder.

    Raises:
        DatasetError: no folder in it is a song; the message shows the tree found and the tree expected.
    """
    songs, notes = [], []
    for folder in subfolders(root):
        song = _read_song(folder)
        if song is None:
            notes.append(f"{folder.name}: left out, it is not a song folder (a mixture and a stem, or two stems)")
        else:
            songs.append(song)
    if not songs:
        raise DatasetError(f"no songs in {root}\nfound:\n{describe_tree(root)}\n{EXPECTED}")
    return DataFolder(root, "plain", tuple(songs), notes=tuple(notes))


def _read_song(folder: Path) -> Song | None:
    stems: dict[str, tuple[Path, ...]] = {}
    mixture = None
    for path in audio_files(folder):
        name = path.stem.lower()
        if name in MIXTURE_NAMES:
            mixture = mixture or path
        else:
            stems.setdefault(STEM_NAMES.get(name, name), (path,))
    if len(stems) + (mixture is not None) < 2:
        return None
    return Song(folder.name, folder, stems, mixture, artist_of(folder.name), None, "plain")
