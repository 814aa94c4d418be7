"""Recognises the layout of a data folder from what is on disk, and reports what is wrong where there is none."""

from dataclasses import dataclass
from pathlib import Path

from separator.errors import DatasetError
from training.data.layouts.csv_lists import SUFFIX, find_csv
from training.data.layouts.moisesdb import find_moisesdb
from training.data.layouts.musdb import find_musdb18, find_musdb18hq
from training.data.layouts.paths import describe_tree, subfolders
from training.data.layouts.plain import find_plain, read_song
from training.data.layouts.slakh import find_slakh
from training.data.layouts.song import DataFolder
from training.data.layouts.stem_folders import find_stem_folders

EXPECTED = """expected one folder per song:
  <song>/mixture.wav        (may be missing: then it is the sum of the stems)
  <song>/vocals.wav         (or drums, bass, ...: named after what is to be separated)
  <song>/accompaniment.wav  (or drums, bass, other: the rest; may be missing if the mixture is there)
or one folder per stem, with the same file names in each: vocals/<song>.wav, drums/<song>.wav, ...
or a CSV list with the columns instrum and path (and song), or a row per song: song,mixture,vocals
or MUSDB18-HQ, MUSDB18, MoisesDB or Slakh2100 as they are unpacked"""


@dataclass(frozen=True)
class WeightedFolder:
    """A data folder, and how often its songs are drawn compared to those of a folder of weight 1."""

    folder: DataFolder
    weight: float


def find_songs(root: Path | str, keep_bleed: bool = True) -> DataFolder:
    """Recognise the layout of a data folder, or read a CSV list, and list the songs.

    Args:
        keep_bleed: with False, the tracks that MoisesDB marks as having bleed are left out.

    Raises:
        DatasetError: the folder is missing, empty, or of no known layout; the message shows what was found.
    """
    root = Path(root).expanduser()
    is_list = root.is_file() and root.suffix.lower() == SUFFIX
    if not root.is_dir() and not is_list:
        raise DatasetError(f"no data folder at {root}: give a folder that holds one folder per song")
    found = find_csv(root) if is_list else _recognise(root, keep_bleed)
    if found is None or not found.songs:
        raise DatasetError(_nothing_found(root, found.notes if found else ()))
    return found


def _recognise(root: Path, keep_bleed: bool = True) -> DataFolder | None:
    return (
        find_musdb18(root)
        or find_slakh(root)
        or find_moisesdb(root, keep_bleed)
        or find_csv(root)
        or find_musdb18hq(root)
        or find_stem_folders(root)
        or find_plain(root)
    )


def find_weighted(text: str, keep_bleed: bool = True) -> WeightedFolder:
    """Read a data folder, or a list, given as "folder" or "folder=weight": `--data_dir real --data_dir slakh=0.5`.

    Raises:
        DatasetError: as `find_songs`, or the weight is not above 0.
    """
    name, sign, weight = text.rpartition("=")
    if not sign or Path(text).expanduser().exists():
        return WeightedFolder(find_songs(text, keep_bleed), 1.0)
    try:
        value = float(weight)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise DatasetError(f"the weight of {name} is {weight!r}; it must be a number above 0, as in {name}=0.5")
    return WeightedFolder(find_songs(name, keep_bleed), value)


def _nothing_found(root: Path, notes: tuple[str, ...]) -> str:
    if root.is_file():
        return "\n".join([f"no songs in {root}", *notes[:10]])
    parts = [f"no songs in {root}", "found:", describe_tree(root), *notes[:10]]
    if read_song(root) is not None:
        parts.append(f"{root} is itself a song: give the folder above it, {root.resolve().parent}")
    deeper = next((child for child in subfolders(root) if (found := _recognise(child)) and found.songs), None)
    if deeper is not None:
        parts.append(f"there are songs one folder deeper: give {deeper}")
    return "\n".join([*parts, EXPECTED])
