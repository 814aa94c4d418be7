"""Decodes a song of a data folder for scoring: its mixture and one true stem, whole and at the song's own rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from separator.audio import read, resample
from separator.errors import DatasetError
from training.data.layouts.detect import find_songs
from training.data.layouts.paths import audio_files
from training.data.layouts.plain import read_song
from training.data.layouts.song import ACCOMPANIMENT, FOUR_STEMS, Song
from training.data.layouts.stem_folders import find_stem_folders
from training.evaluation.alignment import Sound


@dataclass(frozen=True)
class SongAudio:
    """Mixture and reference, each with its rate; `notes` list what had to be derived."""

    mixture: Sound
    reference: Sound
    notes: tuple[str, ...]


def find_scored_songs(folder: str | Path, target: str) -> tuple[list[Song], list[str]]:
    """The songs to score in a folder, and what its reader noted: one song's folder, a folder of songs, or a data set.

    Of a data set with parts of its own (MUSDB18-HQ, MoisesDB, Slakh2100), only its test part.

    Raises:
        DatasetError: nothing to score there; the message shows what was found.
    """
    folder = Path(folder).expanduser()
    if not folder.exists():
        raise DatasetError(f"no folder {folder}: give a song's folder, or a folder that holds one per song")
    song = (read_song(folder) or _single_stem_song(folder, target)) if folder.is_dir() else None
    if song is not None:
        return [song], []
    found = find_songs(folder)
    tests = [song for song in found.songs if song.split == "test"]
    return tests or list(found.songs), list(found.notes)


def _single_stem_song(folder: Path, target: str) -> Song | None:
    """A song of nothing but the reference: enough to score a file with."""
    files = [path for path in audio_files(folder) if path.stem.lower() == target]
    return Song(folder.name, folder, {target: tuple(files)}, None, None, None, "plain") if files else None


def load_song(song: Song, target: str) -> SongAudio:
    """Decode a song; where it has no mixture, that is the sum of its stems.

    Raises:
        AudioError: a file cannot be read.
        DatasetError: the song has no such stem, or nothing to make the mixture of.
    """
    stem_files = reference_files(song, target)
    reference = _sum(stem_files)
    if song.mixture is not None:
        return SongAudio(Sound(*read(song.mixture)), reference, ())
    rest = song.stems.get("vocals", ()) if target == ACCOMPANIMENT else song.rest(target)
    if not rest:
        raise DatasetError(f"{song.name} has neither a mixture nor stems besides {target}")
    names = " + ".join(path.stem for path in (*stem_files, *rest))
    return SongAudio(_add(reference, _sum(rest)), reference, (f"mixture = {names}",))


def reference_files(song: Song, target: str) -> tuple[Path, ...]:
    """The files whose sum is the true `target`.

    Raises:
        DatasetError: the song has none; the message lists what it has.
    """
    files = song.stems.get(target) or (song.rest("vocals") if target == ACCOMPANIMENT else ())
    if not files:
        has = ", ".join(sorted(song.stems)) or "no stems"
        raise DatasetError(f"{song.name} has no {target} to score against (it has: {has}); choose another --target")
    return files


def find_true_stems(song: Song, stems: Sequence[str]) -> list[str]:
    """Those of `stems` that a song has true audio of. Its `other` holds any of vocals, drums and bass that it has no
    files of, and is then left out."""
    is_full = all(song.has(stem) or song.lacks(stem) for stem in FOUR_STEMS)
    return [
        stem
        for stem in stems
        if (song.has(stem) and (stem != "other" or is_full)) or (stem == ACCOMPANIMENT and song.rest("vocals"))
    ]


def _sum(paths: Sequence[Path]) -> Sound:
    total = Sound(*read(paths[0]))
    for path in paths[1:]:
        total = _add(total, Sound(*read(path)))
    return total


def _add(one: Sound, other: Sound) -> Sound:
    """The sum at the rate of `one`, as long as the shorter; a mono sound plays in every channel of the other."""
    added = resample(other.waveform, other.sample_rate, one.sample_rate)
    n = min(one.waveform.shape[1], added.shape[1])
    channels = {one.waveform.shape[0], added.shape[0]}
    if len(channels) > 1 and 1 not in channels:
        raise DatasetError(f"stems with {min(channels)} and {max(channels)} channels cannot be added; make them alike")
    return Sound(torch.add(one.waveform[:, :n], added[:, :n]), one.sample_rate)


def find_mixture_beside(reference_path: Path) -> tuple[Sound, str] | None:
    """The mixture of the song in whose folder a stem lies, and what it was made of; None where there is none.

    Without a mixture file only stems of the usual names are added up: an estimate may lie in the same folder.
    """
    reference_path = reference_path.resolve()
    by_stem = find_stem_folders(reference_path.parent.parent)
    songs = [song for song in (*(by_stem.songs if by_stem else ()), read_song(reference_path.parent)) if song]
    found = ((song, stem) for song in songs for stem, files in song.stems.items() if reference_path in files)
    song, target = next(found, (None, ""))
    if song is None:
        return None
    if song.mixture is None and not _sums_to_mixture(song):
        return None
    audio = load_song(song, target)
    return audio.mixture, audio.notes[0] if audio.notes else f"mixture = {Path(song.mixture or '').name}"


def _sums_to_mixture(song: Song) -> bool:
    """Whether the stems are known to be all there is, and nothing else lies beside them."""
    names = set(song.stems)
    return names in ({"vocals", ACCOMPANIMENT}, set(FOUR_STEMS), FOUR_STEMS | {ACCOMPANIMENT})
