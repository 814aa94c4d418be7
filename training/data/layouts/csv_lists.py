"""CSV lists of stems: a row per file (`instrum,path`, as other trainers take them), or a row per song.

A row per song has a column for each of its stems, and one for the mixture if it has one; its cells are files. Either
may have the columns `song`, `artist` and `split`. Paths are relative to the list's folder.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from separator.audio import AUDIO_SUFFIXES
from separator.errors import DatasetError
from training.data.layouts.names import MIXTURE, is_stem_word, stem_name
from training.data.layouts.paths import SPLIT_FOLDERS, abbreviate, parse_artist, visible
from training.data.layouts.song import DataFolder, Song, SplitName

SUFFIX = ".csv"
STEM_COLUMNS = ("instrum", "instrument", "stem")
SONG_COLUMNS = ("song", "track", "name", "title")

Row = dict[str, str]


@dataclass
class Listed:
    """A song, from its rows."""

    artist: str | None
    split: SplitName | None
    stems: dict[str, tuple[Path, ...]] = field(default_factory=dict)
    """Stem name, or "mixture", to its files."""

    def files(self) -> list[Path]:
        return [path for paths in self.stems.values() for path in paths]


def find_csv(root: Path) -> DataFolder | None:
    """Read a CSV list of stems, or those that lie right in a folder; None if there is none.

    Lists named `train.csv`, `valid.csv` and `test.csv` are splits; so are the values of a column `split`.

    Raises:
        DatasetError: `root` is a file, but no list of stems.
    """
    lists = [root] if root.is_file() else [path for path in visible(root) if path.suffix.lower() == SUFFIX]
    listed: dict[Path, Listed] = {}
    for path in lists:
        for stem, file, row in _files(_rows(path)):
            _add(listed, path, stem, file, row)
    if not listed and root.is_file():
        raise DatasetError(
            f"{root} is no list of stems: expected a row per file with the columns instrum and path, or a row per song "
            "with a column for each stem, such as song,mixture,vocals"
        )
    return _data_folder(root, listed) if listed else None


def _rows(path: Path) -> list[Row]:
    """The rows of a table, its columns' names in small letters; none if it is no text."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    delimiter = ";" if lines and ";" in lines[0] and "," not in lines[0] else ","
    try:
        table = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error:
        return []
    columns = [name.lower() for name in table[0]] if table else []
    return [dict(zip(columns, row, strict=False)) for row in table[1:]]


def _files(rows: Sequence[Row]) -> Iterator[tuple[str, str, Row]]:
    """(stem, file, its row) of a table of stems; nothing of one of something else."""
    columns = rows[0].keys() if rows else ()
    of_stem = next((name for name in STEM_COLUMNS if name in columns), None)
    if of_stem is not None and "path" in columns:
        yield from ((row[of_stem], row["path"], row) for row in rows if row.get("path"))
    elif sum(map(is_stem_word, columns)) >= 2:
        for row in rows:
            yield from ((name, cell, row) for name, cell in row.items() if cell.lower().endswith(AUDIO_SUFFIXES))


def _add(listed: dict[Path, Listed], path: Path, stem: str, file: str, row: Row) -> None:
    """Put a file of the list `path` to those of its song."""
    place = path.parent / Path(file).expanduser()
    name = next((row[column] for column in SONG_COLUMNS if row.get(column)), "")
    song = path.parent / name if name else _locate_song(place, stem)
    split = SPLIT_FOLDERS.get((row.get("split") or path.stem).lower())
    stems = listed.setdefault(song, Listed(row.get("artist") or parse_artist(song.name), split)).stems
    if all(place not in files for files in stems.values()):  # two lists may name one song
        stems[stem_name(stem)] = (*stems.get(stem_name(stem), ()), place)


def _locate_song(path: Path, stem: str) -> Path:
    """What a song's files share: `song 1` of `song 1/vocals.wav`, of `vocals/song 1.wav` and of `song 1_vocals.wav`."""
    if stem_name(path.stem) == stem_name(stem):
        return path.parent
    if stem_name(path.parent.name) == stem_name(stem):
        return path.parent.parent / path.stem
    word = re.escape(stem)
    return path.parent / re.sub(rf"[\s_.(\[-]+{word}[)\]]*$|^{word}[\s_.-]+", "", path.stem, flags=re.IGNORECASE)


def _data_folder(root: Path, listed: dict[Path, Listed]) -> DataFolder:
    songs, notes, lone = [], [], []
    for place, song in sorted(listed.items()):
        missing = [path for path in song.files() if not path.is_file()]
        if missing:
            notes.append(f"{place.name}: left out, {abbreviate([str(path) for path in missing])} is missing")
        elif len(song.files()) < 2:
            lone.append(place.name)
        else:
            mixture = song.stems.pop(MIXTURE, (None,))[0]
            songs.append(Song(place.name, place, song.stems, mixture, song.artist, song.split, "CSV list"))
    if lone:
        notes.append(
            f"{len(lone)} song(s) with one file only, left out: {abbreviate(lone)}; "
            "a column named song tells which files belong together"
        )
    return DataFolder(root, "CSV list", tuple(songs), notes=tuple(notes))
