"""Which songs are learnt from and which only judge: by artist where one is known, the same for the same seed."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from separator.errors import DatasetError
from training.data.layouts.detect import find_songs
from training.data.layouts.paths import parse_artist
from training.data.layouts.song import Song

LARGEST_GUESSED_GROUP = 0.3
"""A numbered series ("song_1", "song_2") that holds more of the songs than this is no artist but a habit of naming."""


def split_songs(
    songs: Sequence[Song], valid_share: float = 0.1, seed: int = 0, valid_dir: Path | str | None = None
) -> tuple[list[Song], list[Song]]:
    """Split songs into (train, valid); no artist is on both sides, unless all songs are by one.

    A split that comes with the data set is kept: its validation songs validate, its test songs are in neither list. Of
    the songs without one, `valid_share` validate. Each artist's place depends on the seed and its own name only, so
    adding songs moves few others.

    Args:
        valid_share: of the songs without a split of their own, 0 to 1.
        valid_dir: a data folder to validate on instead; then all `songs` not marked valid or test are trained on.

    Raises:
        DatasetError: nothing is left to train on, or nothing to validate on.
    """
    free = [song for song in songs if song.split is None]
    train = [song for song in songs if song.split == "train"]
    valid = [song for song in songs if song.split == "valid"]
    if valid_dir is not None:
        train, valid = train + free, list(find_songs(valid_dir).songs)
    else:
        if not valid:  # such as one half of a data set: its training songs have to give some away
            free, train = [song for song in songs if song.split != "test"], []
        chosen = _choose(free, valid_share, seed)
        valid += [song for song in free if song.folder in chosen]
        train += [song for song in free if song.folder not in chosen]
    if not train or (not valid and valid_share > 0):
        raise DatasetError(
            f"{len(songs)} song(s) cannot be split into training and validation songs ({len(train)} and {len(valid)}); "
            "add songs, or give a second folder to validate on with --val_dir"
        )
    return train, valid


def _choose(songs: Sequence[Song], share: float, seed: int) -> set[Path]:
    """The folders of the songs that validate: whole groups, in an order drawn by lot, until the share is reached."""
    wanted = max(1, round(share * len(songs))) if share > 0 and len(songs) > 1 else 0
    chosen: set[Path] = set()
    groups = _groups(songs)
    if len(groups) == 1:  # all by one artist: better that one is on both sides than that there is no training
        groups = {str(song.folder): [song] for song in songs}
    for name in sorted(groups, key=lambda name: _split_hash(name, seed)):
        # A large group may overshoot; it is passed over as long as a smaller one can still fill the share.
        if len(chosen) < wanted and len(chosen) + len(groups[name]) <= 1.5 * wanted:
            chosen.update(song.folder for song in groups[name])
    if wanted and not chosen:
        chosen.update(song.folder for song in min(groups.values(), key=len))
    return chosen


def _groups(songs: Iterable[Song]) -> dict[str, list[Song]]:
    songs = list(songs)
    known: dict[str, list[Song]] = defaultdict(list)
    guessed: dict[str, list[Song]] = defaultdict(list)
    for song in songs:
        artist = song.artist or parse_artist(song.name)
        (known if artist else guessed)[(artist or _series(song.name)).casefold()].append(song)
    for series, members in guessed.items():
        if len(members) > max(1, LARGEST_GUESSED_GROUP * len(songs)):
            known.update({str(song.folder): [song] for song in members})
        else:
            known[series] = known[series] + members
    return dict(known)


def _series(name: str) -> str:
    """The name before its number: "choir_amy_3" is one of the songs of "choir_amy", "album_2.Title" one of "album"."""
    return re.sub(r"(?<=\w)[ _.-]+\d+([ _.-].*)?$", "", name)


def _split_hash(name: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()
