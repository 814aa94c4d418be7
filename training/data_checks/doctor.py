"""The dataset doctor: checks data folders before training and reports what is wrong, and what to do about it.

It decodes what training reads into the cache, which is needed anyway, so that it judges the audio and not its headers.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from separator.audio import probe
from separator.errors import AudioError, Cancelled, DatasetError, SeparatorError
from separator.progress import Progress
from training.data.cache import MOST_UNREADABLE, Cache
from training.data.cached_audio import PROFILE_SECONDS, Entry
from training.data.layouts import Song, WeightedFolder, find_loose, find_songs, find_weighted, split_songs
from training.data.layouts.song import ACCOMPANIMENT, split_stream, without_files
from training.data_checks.report import Finding, FolderSummary, Report, SplitSummary, gigabytes, make_songs_finding
from training.data_checks.songs import Entries, check_duplicates, check_songs, measure_silence

LITTLE_MEMORY = 2_000_000_000
BYTES_PER_SAMPLE = 2


@dataclass(frozen=True)
class Decoding:
    """How the doctor is to fill the cache."""

    cache: Cache
    workers: int | None = None
    progress: Progress | None = None
    cancel: Callable[[], bool] | None = None


def examine(
    data_dirs: Sequence[str | Path],
    targets: tuple[str, ...],
    cache: Cache,
    *,
    loose_dirs: Sequence[str | Path] = (),
    soft_dirs: Sequence[str | Path] = (),
    valid_dir: str | Path | None = None,
    valid_share: float = 0.1,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
    probe_epoch: Callable[[], float] | None = None,
) -> Report:
    """Examine data folders ("folder" or "folder=weight"): layout, audio, split, duplicates, disk and memory.

    Args:
        cache: is filled on the way.
        loose_dirs: folders of vocals-only or instrumental-only audio.
        soft_dirs: folders of songs whose stems are estimates.
        progress: called with the fraction done of a stage, and what is being done.
        probe_epoch: returns the seconds that an epoch will take; called if all is well.

    Raises:
        Cancelled: `cancel()` was true; what is decoded stays in the cache.
    """
    decoding = Decoding(cache, workers, progress, cancel)
    folders, findings = _recognise(data_dirs)
    songs = [song for folder in folders for song in folder.folder.songs]
    findings += _check_targets(songs, targets)
    songs = [song for song in songs if song.has(*targets)]
    loose, found = _find_more(loose_dirs, soft_dirs, targets)
    findings += found
    needed, free = _disk(cache, [*_files(song for song in songs if song.split != "test"), *loose])
    findings += _check_resources(cache, needed, free)
    splits: dict[str, SplitSummary] = {}
    if not _has_errors(findings):
        try:
            findings += _decode(decoding, loose, "left out")[1]
            splits, found = _examine_songs(decoding, songs, targets, (valid_dir, valid_share, seed))
            findings += found
        except DatasetError as error:
            findings.append(Finding("error", str(error), "give a folder of audio files, and room for the cache"))
    seconds = None
    if probe_epoch is not None and not _has_errors(findings):
        try:
            seconds = probe_epoch()
        except Cancelled:
            raise
        except SeparatorError as error:
            findings.append(Finding("error", f"a few steps of training were tried, and failed: {error}"))
    summaries = tuple(map(_summarise_folder, folders))
    return Report(", ".join(targets), tuple(findings), summaries, splits, needed, free, memory_bytes(), seconds)


def memory_bytes() -> int | None:
    """The machine's memory; None where the system has no such figure."""
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", ()):
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _recognise(data_dirs: Sequence[str | Path]) -> tuple[list[WeightedFolder], list[Finding]]:
    folders, findings = [], []
    for text in data_dirs:
        try:
            folders.append(find_weighted(str(text)))
        except DatasetError as error:
            findings.append(Finding("error", str(error), "give another folder, or arrange this one as expected"))
    notes = [Finding("note", note) for folder in folders for note in folder.folder.notes]
    return folders, [*findings, *notes]


def _check_targets(songs: Sequence[Song], targets: tuple[str, ...]) -> list[Finding]:
    target = " or ".join(targets)
    if songs and not any(song.has(*targets) for song in songs):
        stems = sorted({stem for song in songs for stem in song.stems} - {ACCOMPANIMENT})
        what = f"no song has {target}; the stems found are: {', '.join(stems) or 'none'}"
        return [Finding("error", what, f"give one of them as --target, or name the files {targets[0]}.wav")]
    lacking = [song for song in songs if not song.has(*targets)]
    used = [song for song in songs if song.has(*targets)]
    return [
        *(
            finding
            for one in targets
            for finding in make_songs_finding(
                "note",
                [song.name for song in used if not song.has(one) and not song.lacks(one)],
                f"without {one}, from which nothing is learned of it",
            )
        ),
        *make_songs_finding(
            "warning",
            [song.name for song in lacking if song.is_own],
            f"without {target}, left out",
            f"add {target}.wav (or .flac, .mp3, ...) to each, or their files to the folder {target}",
        ),
        *make_songs_finding(
            "note",
            [song.name for song in lacking if not song.is_own],
            f"in which {target} does not play, left out",
        ),
    ]


def _find_more(
    loose_dirs: Sequence[str | Path], soft_dirs: Sequence[str | Path], targets: tuple[str, ...]
) -> tuple[list[Path], list[Finding]]:
    """The audio besides the songs that is to be decoded, and what is wrong with its folders."""
    paths: list[Path] = []
    findings = []
    for folder in loose_dirs:
        try:
            paths += find_loose(folder)
        except DatasetError as error:
            findings.append(Finding("error", str(error)))
    for folder in soft_dirs:
        try:
            paths += _files(song for song in find_songs(folder).songs if song.has(*targets))
        except DatasetError as error:
            findings.append(Finding("error", str(error)))
    return paths, findings


def _disk(cache: Cache, files: Iterable[Path]) -> tuple[int, int]:
    """(bytes by which the cache will grow, bytes free where it is)."""
    needed = _bytes_needed(cache, cache.missing(files))
    folder = cache.folder.absolute()
    existing = next(parent for parent in [folder, *folder.parents] if parent.exists())
    return needed, shutil.disk_usage(existing).free


def _bytes_needed(cache: Cache, files: Sequence[Path]) -> int:
    """Bytes that decoding adds to the cache; after ``MOST_UNREADABLE`` that are no audio, others count as the mean."""
    sizes: list[int] = []
    bad = 0
    for path in files:
        try:
            sizes.append(int(probe(split_stream(path)[0]).seconds * cache.sample_rate) * BYTES_PER_SAMPLE)
        except AudioError:  # decoding will report it
            bad += 1
            if bad == MOST_UNREADABLE:
                break
    left = len(files) - bad - len(sizes)
    return sum(sizes) + (left * sum(sizes) // len(sizes) if sizes else 0)


def _check_resources(cache: Cache, needed: int, free: int) -> list[Finding]:
    findings = []
    if needed > free:
        what = f"the cache needs {gigabytes(needed)} more, and {gigabytes(free)} are free in {cache.folder}"
        to_do = "free some space, or give a folder on another disk with --cache_dir"
        findings.append(Finding("error", what, to_do))
    memory = memory_bytes()
    if memory is not None and memory < LITTLE_MEMORY:
        what = f"this machine has {gigabytes(memory)} of memory"
        findings.append(Finding("warning", what, "use a smaller --batch_size if training runs out of it"))
    return findings


def _examine_songs(
    decoding: Decoding, songs: list[Song], targets: tuple[str, ...], split: tuple[str | Path | None, float, int]
) -> tuple[dict[str, SplitSummary], list[Finding]]:
    """The songs by split, and the findings about their audio; `split` is (folder, share, seed) of validation."""
    valid_dir, valid_share, seed = split
    for_testing = [song for song in songs if song.split == "test"]  # never read
    songs, findings = _decode_songs(decoding, [song for song in songs if song.split != "test"])
    songs += for_testing
    try:
        train, valid = split_songs(songs, valid_share, seed, valid_dir)
    except DatasetError as error:
        return {}, [*findings, Finding("error", str(error))]
    if valid_dir is not None:
        valid, found = _decode_songs(decoding, valid)
        findings += found
    entries = _entries(decoding.cache, [*train, *valid])
    findings += check_songs([*train, *valid], targets, decoding.cache, entries)
    findings += check_duplicates(train, valid, targets, decoding.cache, decoding.progress)
    summaries = {
        name: _summarise_split(part, targets, decoding.cache, entries)
        for name, part in {"train": train, "valid": valid}.items()
    }
    return summaries, findings


def _decode_songs(decoding: Decoding, songs: list[Song]) -> tuple[list[Song], list[Finding]]:
    """The songs all of whose files can be decoded, and findings about the others."""
    bad, findings = _decode(decoding, _files(songs), "its song is left out")
    usable = without_files(songs, bad)
    kept = {song.folder for song in usable}
    lost = [song.name for song in songs if song.folder not in kept]
    return usable, [*findings, *make_songs_finding("warning", lost, "with damaged files, left out")]


def _decode(decoding: Decoding, files: Sequence[Path], consequence: str) -> tuple[list[Path], list[Finding]]:
    """The files that cannot be decoded, and why."""
    bad = decoding.cache.prepare([files], decoding.workers, decoding.progress, decoding.cancel)
    to_do = f"replace or remove the file; until then {consequence}"
    return [item.path for item in bad], [Finding("warning", item.message, to_do) for item in bad]


def _summarise_split(songs: Sequence[Song], targets: tuple[str, ...], cache: Cache, entries: Entries) -> SplitSummary:
    hour = cache.sample_rate * 3600
    stem_hours: dict[str, float] = {}
    loud = total = 0
    for song in songs:
        for stem, paths in song.stems.items():
            stem_hours[stem] = stem_hours.get(stem, 0.0) + _longest(paths, entries) / hour
        files = [path for target in targets for path in song.stems.get(target, ())]
        profile = cache.load(files).mean_square_profile
        loud += int((profile > measure_silence(song, entries) ** 2).sum())
        total += int(np.ceil(_longest(song.files(), entries) / (PROFILE_SECONDS * cache.sample_rate)))
    hours = sum(_longest(song.files(), entries) for song in songs) / hour
    return SplitSummary(len(songs), hours, stem_hours, 1 - loud / total if total else 0.0)


def _summarise_folder(weighted: WeightedFolder) -> FolderSummary:
    folder = weighted.folder
    return FolderSummary(
        str(folder.root), folder.layout, len(folder.songs), weighted.weight, folder.licence, folder.citation
    )


def _files(songs: Iterable[Song]) -> list[Path]:
    return [path for song in songs for path in song.files()]


def _entries(cache: Cache, songs: Iterable[Song]) -> dict[Path, Entry]:
    return {path: entry for path in _files(songs) if (entry := cache.entry(path)) is not None}


def _longest(paths: Iterable[Path], entries: Entries) -> int:
    return max((entries[path].n_samples for path in paths), default=0)


def _has_errors(findings: Sequence[Finding]) -> bool:
    return any(finding.severity == "error" for finding in findings)
