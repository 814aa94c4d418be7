"""What the dataset doctor looks for in the decoded songs: damage, silence, clipping, lengths, rates, wrong mixtures."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from separator.metrics import SILENCE_DB
from separator.progress import Progress
from training.data.cache import Cache
from training.data.cached_audio import Entry
from training.data.layouts import Song
from training.data_checks.fingerprint import FingerprintIndex, Match, fingerprint
from training.data_checks.report import Finding, make_songs_finding

SILENT_RMS = 10 ** (SILENCE_DB / 20)
"""Of a stem, relative to the loudest half second of its song: a quiet recording is not a silent one."""
MOST_CLIPPED = 1e-3
LENGTH_TOLERANCE_SECONDS = 0.25
SHORTEST_SECONDS = 3.0
LOW_BANDWIDTH = 0.8
"""A song that holds nothing above this share of the cache's highest frequency was recorded at a low rate."""
MIXTURE_TOLERANCE_DB = -20.0
"""How far below the mixture its difference to the sum of the stems has to be."""
EXCERPT_SECONDS = 5
FINGERPRINT_SECONDS = 60.0

Entries = Mapping[Path, Entry]


def check_songs(songs: Sequence[Song], targets: tuple[str, ...], cache: Cache, entries: Entries) -> list[Finding]:
    """Findings about songs all of whose files are in the cache, from their cache entries."""
    return [
        *_check_truncated(songs, entries),
        *(finding for target in targets for finding in _check_silence(songs, target, entries)),
        *_check_clipping(songs, entries),
        *_check_lengths(songs, cache.sample_rate, entries),
        *_check_rates(songs, cache.sample_rate / 2, entries),
        *_check_mixtures(songs, cache),
    ]


def check_duplicates(
    train: Sequence[Song],
    valid: Sequence[Song],
    targets: tuple[str, ...],
    cache: Cache,
    progress: Progress | None = None,
) -> list[Finding]:
    """Validation songs whose rest is in a training song: another voice over a known backing is a leak, too."""
    prints = {}
    for done, song in enumerate(train, start=1):
        prints[song.folder] = fingerprint(cache.load(_backing(song, targets)))
        if progress is not None:
            progress(done / len(train), f"listening for repeated songs: {song.name}")
    index, names = FingerprintIndex(prints), {song.folder: song.name for song in train}
    findings = []
    for song in valid:
        query = fingerprint(cache.load(_backing(song, targets)), FINGERPRINT_SECONDS)
        matches = index.matches(query, cache.sample_rate)
        if matches:
            folder, match = min(matches.items(), key=lambda item: item[1].bit_error)
            findings.append(_duplicate(song.name, names[folder], match, len(matches)))
    return findings


def measure_silence(song: Song, entries: Entries) -> float:
    """The RMS up to which a stem of this song is silent."""
    return SILENT_RMS * max(float(max(entries[path].rms, default=0.0)) for path in song.files())


def _duplicate(valid: str, train: str, match: Match, n_matches: int) -> Finding:
    more = f" (and {n_matches - 1} more)" if n_matches > 1 else ""
    return Finding(
        "warning",
        f"the validation song {valid} shares {match.seconds:.0f} s of music with the training song {train}{more}",
        "keep one of them: a score on a song that was learnt from says nothing about other songs",
    )


def _backing(song: Song, targets: tuple[str, ...]) -> tuple[Path, ...]:
    return song.rest(*targets) or ((song.mixture,) if song.mixture else song.files())


def _check_truncated(songs: Sequence[Song], entries: Entries) -> list[Finding]:
    return [
        Finding(
            "warning",
            f"{path} lacks {entries[path].missing_seconds:.1f} s of what its header states: damaged or cut off",
            "download or export it again; until then what is there is used",
        )
        for song in songs
        for path in song.files()
        if entries[path].missing_seconds
    ]


def _check_silence(songs: Sequence[Song], target: str, entries: Entries) -> list[Finding]:
    def is_silent(song: Song) -> bool:
        limit = measure_silence(song, entries)
        return song.has(target) and all(max(entries[path].rms) <= limit for path in song.stems[target])

    return make_songs_finding(
        "warning",
        [song.name for song in songs if is_silent(song)],
        f"whose {target} is silent throughout",
        "check that the right file bears that name",
    )


def _check_clipping(songs: Sequence[Song], entries: Entries) -> list[Finding]:
    return make_songs_finding(
        "warning",
        [song.name for song in songs if any(entries[path].clipped_share > MOST_CLIPPED for path in song.files())],
        f"with a file that is clipped in more than {MOST_CLIPPED:.1%} of its samples",
        "export them at a lower level if you can: the model learns from distorted sound otherwise",
    )


def _check_lengths(songs: Sequence[Song], sample_rate: int, entries: Entries) -> list[Finding]:
    seconds = {song.folder: [entries[path].n_samples / sample_rate for path in song.files()] for song in songs}
    uneven = [
        song.name
        for song in songs
        # The tracks of a MoisesDB song differ by design: silence at their end is not stored.
        if song.source != "moisesdb" and np.ptp(seconds[song.folder]) > LENGTH_TOLERANCE_SECONDS
    ]
    return [
        *make_songs_finding(
            "warning",
            uneven,
            "whose files differ in length",
            "export all stems of a song over the same time; the shorter ones are taken as silent at their end",
        ),
        *make_songs_finding(
            "warning",
            [song.name for song in songs if max(seconds[song.folder]) < SHORTEST_SECONDS],
            f"shorter than {SHORTEST_SECONDS:.0f} s",
            "remove them, or check that they were exported whole",
        ),
    ]


def _check_rates(songs: Sequence[Song], highest_hz: float, entries: Entries) -> list[Finding]:
    def bandwidth_hz(song: Song) -> float:
        return max(entries[path].bandwidth_hz for path in song.files())

    return [
        *make_songs_finding(
            "note",
            [song.name for song in songs if len({entries[path].source_rate for path in song.files()}) > 1],
            "whose files have different sample rates",
            "nothing, as each is resampled; but check that they belong together",
        ),
        *make_songs_finding(
            "note",
            [song.name for song in songs if bandwidth_hz(song) < LOW_BANDWIDTH * highest_hz],
            f"with practically nothing above {LOW_BANDWIDTH * highest_hz / 1000:.1f} kHz",
            "prefer better recordings: mixed with others, the missing top gives them away",
        ),
    ]


def _check_mixtures(songs: Sequence[Song], cache: Cache) -> list[Finding]:
    return make_songs_finding(
        "warning",
        [song.name for song in songs if not _mixture_fits(song, cache)],
        "whose mixture is not the sum of its stems",
        "align the files, or remove the mixture so that the sum of the stems is used",
    )


def _mixture_fits(song: Song, cache: Cache) -> bool:
    """Whether mixture and stems agree in three excerpts; True where there is nothing to compare."""
    if song.mixture is None or not song.has("vocals") or not song.rest("vocals"):
        return True
    mixture, stems = cache.load([song.mixture]), cache.load([*song.stems["vocals"], *song.rest("vocals")])
    length = EXCERPT_SECONDS * cache.sample_rate
    starts = [int(share * max(0, mixture.n_samples - length)) for share in (0.25, 0.5, 0.75)]
    wanted = np.concatenate([mixture.read(start, length) for start in starts])
    error = wanted - np.concatenate([stems.read(start, length) for start in starts])
    return bool(np.square(error).sum() <= 10 ** (MIXTURE_TOLERANCE_DB / 10) * np.square(wanted).sum() + 1e-9)
