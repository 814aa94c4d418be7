"""MoisesDB: a folder per song with `data.json` and a folder per stem, each of several tracks to be summed."""

import json
from pathlib import Path
from typing import Any

from training.data.layouts.paths import subfolders
from training.data.layouts.song import DataFolder, Song, Terms

TERMS = Terms(
    "CC BY-NC-SA 4.0 (non-commercial)",
    "Pereira, Araújo, Korzeniowski, Vogl: MoisesDB, a dataset for source separation beyond 4 stems, ISMIR 2023",
)
INDEX = "data.json"
OWN_STEMS = ("vocals", "bass", "drums")
"""The stems that four-stem folding keeps; all the others together are "other"."""
DEEPEST = 3
"""Song folders lie one, two or three levels down, as the archive was unpacked: `<root>/<provider>/<track id>`."""


def find_moisesdb(root: Path, keep_bleed: bool = True) -> DataFolder | None:
    """Read MoisesDB; None if no song folder with its index is there.

    Args:
        keep_bleed: with False the tracks into which other instruments bleed are left out of stems and mixtures.
    """
    songs, notes, n_bleeding = [], [], 0
    for folder in _song_folders(root, DEEPEST):
        try:
            index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
            tracks = list(_tracks(index, folder))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            notes.append(f"{folder.name}: left out, its {INDEX} cannot be read ({error})")
            continue
        n_bleeding += sum(bleeds for _, _, bleeds in tracks)
        kept = [(stem, path) for stem, path, bleeds in tracks if keep_bleed or not bleeds]
        notes += [f"{folder.name}: {path.parent.name}/{path.name} is missing" for _, path in kept if not path.is_file()]
        songs.append(_song(folder, index, [(stem, path) for stem, path in kept if path.is_file()]))
    if not songs and not notes:
        return None
    if n_bleeding:
        notes.append(
            f"{n_bleeding} tracks with bleed from other instruments are {'kept' if keep_bleed else 'left out'}"
        )
    return DataFolder(root, "moisesdb", tuple(filter(_usable, songs)), TERMS.licence, TERMS.citation, tuple(notes))


def _song_folders(folder: Path, levels: int) -> list[Path]:
    if (folder / INDEX).is_file():
        return [folder]
    return [song for child in subfolders(folder) for song in _song_folders(child, levels - 1)] if levels else []


def _tracks(index: dict[str, Any], folder: Path) -> list[tuple[str, Path, bool]]:
    """(stem name, audio file, whether it has bleed) of each track in the index."""
    return [
        (
            stem["stemName"],
            folder / stem["stemName"] / f"{track['id']}.{track['extension']}",
            bool(track.get("has_bleed")),
        )
        for stem in index["stems"]
        for track in stem["tracks"]
    ]


def _song(folder: Path, index: dict[str, Any], tracks: list[tuple[str, Path]]) -> Song:
    stems: dict[str, tuple[Path, ...]] = {}
    other: tuple[Path, ...] = ()
    for stem, path in tracks:
        if stem not in OWN_STEMS:
            other += (path,)
        if stem != "other":
            stems[stem] = (*stems.get(stem, ()), path)
    if other:
        stems["other"] = other
    artist = index.get("artist") or None
    name = f"{artist} - {index['song']}" if artist and index.get("song") else folder.name
    return Song(name, folder, stems, None, artist, None, "moisesdb")


def _usable(song: Song) -> bool:
    return len(song.files()) >= 2
