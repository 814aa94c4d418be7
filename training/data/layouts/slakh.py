"""Slakh2100: synthesised multitracks, one file per instrument, as listed in `metadata.yaml`.

There are no vocals in it: it is for learning instruments, or for pre-training before real songs.
"""

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import yaml

from training.data.layouts.paths import abbreviate, audio_files, split_folders, subfolders
from training.data.layouts.song import DataFolder, Song, SplitName, Terms

TERMS = Terms(
    "CC BY 4.0",
    "Manilow, Wichern, Seetharaman, Le Roux: Cutting Music Source Separation Some Slakh, WASPAA 2019",
)
METADATA = "metadata.yaml"
OWN_STEMS = ("bass", "drums")
LAST_TRAIN, LAST_VALID = 1500, 1875
"""Track numbers of the original split; the later ones are for testing."""


def find_slakh(root: Path) -> DataFolder | None:
    """Read Slakh2100 in its original, redux or 16 kHz form; None if there is no track folder."""
    songs, notes, originals = [], [], {}
    for split, folder in _track_folders(root):
        song, original, missing = _read_track(folder, split)
        notes += [f"{folder.name}: {message}" for message in missing]
        if song is None:
            continue
        songs.append(song)
        originals[song.folder] = original
    if not songs and not notes:
        return None
    songs, repeated = _without_repeats(songs, originals)
    if repeated:
        notes.append(
            f"{len(repeated)} songs left out, the same pieces are elsewhere in the set: {abbreviate(repeated)}"
        )
    return DataFolder(root, "slakh2100", tuple(songs), TERMS.licence, TERMS.citation, tuple(notes))


def _track_folders(root: Path) -> list[tuple[SplitName | None, Path]]:
    """Track folders with their parts: by folder, or by number where all lie in one folder.

    The folder `omitted` of redux, for songs that repeat others, is no part.
    """
    found = [
        (split, folder)
        for split, parent in split_folders(root)
        for folder in subfolders(parent)
        if re.fullmatch(r"Track\d{5}", folder.name) and (folder / METADATA).is_file()
    ]
    if all(split is None for split, _ in found):
        by_number: list[tuple[SplitName | None, Path]] = [(_parse_split(folder), folder) for _, folder in found]
        # The 16 kHz sample set holds Track00001 to Track00020: it has no split of its own.
        return by_number if len({split for split, _ in by_number}) > 1 else found
    return found


def _parse_split(folder: Path) -> SplitName:
    number = int(folder.name.removeprefix("Track"))
    if number <= LAST_TRAIN:
        return "train"
    return "valid" if number <= LAST_VALID else "test"


def _read_track(folder: Path, split: SplitName | None) -> tuple[Song | None, str, list[str]]:
    """(song, the MIDI file it was made from, complaints); no song if its metadata or audio is of no use."""
    try:
        original, entries = read_metadata((folder / METADATA).read_bytes())
    except (OSError, ValueError) as error:
        return None, "", [f"left out, its {METADATA} cannot be read ({error})"]
    audio = {path.stem: path for path in audio_files(folder / "stems")} if (folder / "stems").is_dir() else {}
    stems: dict[str, tuple[Path, ...]] = defaultdict(tuple)
    missing = []
    for name, fields in entries.items():
        if name in audio:
            for stem in _stem_names(fields):
                stems[stem] += (audio[name],)
        elif _is_true(fields.get("audio_rendered")):
            missing.append(f"stems/{name} is missing, so the song lacks an instrument")
    song = Song(folder.name, folder, dict(stems), None, None, split, "slakh2100")
    if len(song.files()) < 2:
        return None, original, [*missing, "left out, it has fewer than two stems with audio"]
    return song, original, missing


def _stem_names(fields: dict[str, Any]) -> tuple[str, ...]:
    """The class of an instrument as a stem's name; all but bass and drums are part of "other" too."""
    kind = str(fields.get("inst_class") or "other").split(" (")[0].lower().replace(" ", "_")
    name = "drums" if _is_true(fields.get("is_drum")) else kind
    return (name,) if name in (*OWN_STEMS, "other") else (name, "other")


def _is_true(value: object) -> bool:
    return str(value).lower() == "true"  # some write it in quotes


def read_metadata(text: bytes | str) -> tuple[str, dict[str, dict[str, Any]]]:
    """(UUID, stem name to its fields) of a `metadata.yaml`.

    Raises:
        ValueError: it is no YAML, or names no stems.
    """
    try:
        content = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # the one in C is ten times as fast
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
    stems = content.get("stems") if isinstance(content, dict) else None
    if not isinstance(stems, dict) or not all(isinstance(fields, dict | None) for fields in stems.values()):
        raise ValueError("it has no list of stems with their fields")
    return str(content.get("UUID") or ""), {str(name): fields or {} for name, fields in stems.items()}


def _without_repeats(songs: list[Song], originals: dict[Path, str]) -> tuple[list[Song], list[str]]:
    """Leave out training songs made from the same MIDI file as a validation or test song, and repeats in training."""
    order: dict[SplitName | None, int] = {"test": 0, "valid": 1, "train": 2, None: 2}
    seen: set[str] = set()
    kept, repeated = [], []
    for song in sorted(songs, key=lambda song: order[song.split]):
        original = originals[song.folder]
        if original and original in seen:
            repeated.append(song.name)
        else:
            kept.append(song)
        seen.add(original)
    return sorted(kept, key=lambda song: song.folder), repeated
