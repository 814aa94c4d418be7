"""Scores estimates against a reference and writes the files that the comparison player plays; no widgets here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from separator.api import Separator
from separator.audio import read, write
from separator.errors import AudioError
from separator.metrics import SILENCE_DB
from separator.progress import Cancel, Progress, raise_if_cancelled
from training.data.layouts.names import find_stem_word
from training.evaluation.alignment import Alignment, Sound, align_all
from training.evaluation.bootstrap import Interval, sdr_difference
from training.evaluation.ideal_masks import Oracles, oracles
from training.evaluation.scoring import Score, SongScore, score_aligned
from training.evaluation.stem_files import pair_stems, score_stem_files
from ui.components.player import make_comparison_value, make_track
from ui.score.error_map import compute_error_map


@dataclass(frozen=True)
class ScoreRequest:
    """Files to compare. ``estimates`` is keyed by ``a`` and ``b``."""

    reference: Path
    estimates: Mapping[str, Path]
    mixture: Path | None = None
    bss: bool = False
    fix_offset: bool = False


@dataclass(frozen=True)
class ScoreResult:
    """Scores by ``a`` and ``b``, the oracles' scores, and the value of the comparison player."""

    names: dict[str, str]
    """Key -> file name, of the reference and the estimates."""
    scores: dict[str, Score]
    oracles: Oracles | None
    lead: Interval | None
    """How many dB of SDR A is ahead of B, where there are both."""
    request: ScoreRequest
    aligned: dict[str, Path]
    """``reference`` and key of each estimate -> lossless file of what was scored, at one rate and length."""
    player_value: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class StemScores:
    """Scores of several stems, a row for each and for each set of estimates, ``a`` and ``b``."""

    rows: tuple[SongScore, ...]
    requests: Mapping[str, ScoreRequest]
    """Stem -> the files that are compared for it, of the stems that have a score."""
    fix_offset: bool


def score_stems(
    references: Sequence[Path],
    estimates: Mapping[str, Sequence[Path]],
    mixture: Path | None,
    *,
    bss: bool,
    fix_offset: bool,
    progress: Progress,
    cancel: Cancel,
) -> StemScores:
    """Score each stem of the sets of estimates ``a`` and ``b``. Raises as ``score_stem_files``."""
    rows = score_stem_files(
        references, estimates, mixture, bss=bss, fix_offset=fix_offset, progress=progress, cancel=cancel
    )
    pairs = {key: pair_stems(references, files) for key, files in estimates.items()}
    requests: dict[str, ScoreRequest] = {}
    for stem in dict.fromkeys(row.stem for row in rows):
        files = {row.name: pairs[row.name][stem][1] for row in rows if row.stem == stem and row.score is not None}
        reference = pairs[next(iter(pairs))][stem][0]
        if reference is not None and "a" in files:
            made = {key: path for key, path in files.items() if path is not None}
            requests[stem] = ScoreRequest(reference, made, mixture, fix_offset=fix_offset)
    return StemScores(tuple(rows), requests, fix_offset)


def separate_estimates(
    separator: Separator, mixture: Path, references: Sequence[Path], folder: Path, progress: Progress, cancel: Cancel
) -> list[Path]:
    """Make estimate A: the stems of ``mixture`` that the references are named after, as lossless files in ``folder``.

    Where none is, the first target.
    """
    named = [stem for stem in map(find_stem_word, (path.stem for path in references)) if stem in separator.stems]
    outputs = {stem: folder / f"by the model - {stem}.wav" for stem in named or separator.targets[:1]}
    made = separator.separate_to(mixture, outputs, bits=32, progress=progress, cancel=cancel)
    return [file.path for file in made.values()]


def compare(request: ScoreRequest, folder: Path, progress: Progress, cancel: Cancel) -> ScoreResult:
    """Score every estimate, and write the player's files into ``folder``.

    Raises AudioError for a file that cannot be read or compared, Cancelled.
    """
    reference = Sound(*read(request.reference))
    mixture = Sound(*read(request.mixture)) if request.mixture else None
    scores: dict[str, Score] = {}
    tracks: list[dict[str, Any]] = []
    maps: dict[str, Any] = {}
    if not request.estimates:
        raise AudioError("There is nothing to score; give an estimate.")
    estimates = []
    for path in request.estimates.values():
        raise_if_cancelled(cancel)
        estimates.append(Sound(*read(path)))
    together = align_all(reference, estimates, mixture, fix_offset=request.fix_offset)
    for number, (key, aligned) in enumerate(zip(request.estimates, together, strict=True)):
        raise_if_cancelled(cancel)
        progress(number / len(request.estimates), "scoring")
        scores[key] = score_aligned(aligned, request.bss and aligned.mixture is not None)
        tracks += _write_tracks(key, aligned, folder, first=not tracks)
        maps[key] = compute_error_map(aligned.reference, aligned.estimate, aligned.sample_rate)
    seconds = {key: list(score.sdr_per_second) for key, score in scores.items()}
    return ScoreResult(
        names={"reference": request.reference.name} | {key: path.name for key, path in request.estimates.items()},
        scores=scores,
        oracles=_compute_oracles(together[0]),
        lead=sdr_difference(scores["a"].error_per_second, scores["b"].error_per_second) if "b" in scores else None,
        request=request,
        aligned={track["kind"]: Path(track["file"]["path"]) for track in tracks},
        player_value=make_comparison_value(reference.sample_rate, _sort_tracks(tracks), seconds, maps),
    )


def _compute_oracles(aligned: Alignment) -> Oracles | None:
    if aligned.mixture is None:
        return None
    return oracles(aligned.mixture, aligned.reference, aligned.sample_rate)


def _write_tracks(key: str, aligned: Alignment, folder: Path, *, first: bool) -> list[dict[str, Any]]:
    """Estimate and error; before the first of them the reference."""
    error = aligned.estimate - aligned.reference
    waveforms = {"reference": aligned.reference} if first else {}
    waveforms |= {key: aligned.estimate, f"error_{key}": error}
    match = {key: compute_loudness_match_db(aligned.reference, aligned.estimate)}
    return [
        make_track(_write_lossless(folder / kind, waveform, aligned.sample_rate), kind, gain_db=match.get(kind, 0.0))
        for kind, waveform in waveforms.items()
    ]


def _sort_tracks(tracks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    order = ["reference", "a", "b", "error_a", "error_b"]
    return sorted(tracks, key=lambda track: order.index(track["kind"]))


def compute_loudness_match_db(reference: Tensor, estimate: Tensor) -> float:
    """Gain in dB that makes the estimate's mean power that of the reference; 0 where one is silent beside the other."""
    powers = [float(waveform.double().square().mean()) for waveform in (reference, estimate)]
    if min(powers) <= max(powers) * 10 ** (SILENCE_DB / 10):
        return 0.0
    return round(10 * float(torch.log10(torch.tensor(powers[0] / powers[1]))), 1)


def _write_lossless(path: Path, waveform: Tensor, sample_rate: int) -> Path:
    """Write 24-bit FLAC, or a float WAV where peaks go beyond full scale."""
    fits = float(waveform.abs().max()) <= 1.0
    file = path.with_suffix(".flac" if fits else ".wav")
    write(file, waveform, sample_rate, bits=24 if fits else 32)
    return file
