"""Scores of stems: one pair of waveforms or files, or every song of a data folder.

The measures of `separator.metrics` make a `Score`, after `training.evaluation.alignment` has aligned the sounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from separator.audio import read
from separator.errors import AudioError, SeparatorError
from separator.metrics import (
    Grade,
    SilenceLeak,
    Summary,
    bss_eval,
    check_shapes,
    clean,
    compute_frame_energy,
    framewise_sdr,
    grade,
    grade_clean,
    grade_silence,
    is_silent_beside,
    remove_codec_noise,
    sdr,
    si_sdr,
    silence_leak,
    summarise,
)
from separator.progress import Cancel, raise_if_cancelled
from training.data.layouts.song import Song
from training.evaluation.alignment import Alignment, Sound, align
from training.evaluation.ideal_masks import Oracles, oracles
from training.evaluation.song_audio import SongAudio, load_song

__all__ = [
    "Oracles",
    "Score",
    "ScoreOptions",
    "SongScore",
    "oracles",
    "score_aligned",
    "score_files",
    "score_pair",
    "score_song",
]


@dataclass(frozen=True)
class Score:
    """Everything measured of one estimate. A number in dB is None where the reference is silent or it is undefined.

    A gain common to all sounds changes none of them but `silence.level_dbfs`.
    """

    seconds: float
    sample_rate: int
    channels: int
    sdr_db: float | None
    """Over the whole track; its mean over songs is uSDR."""
    si_sdr_db: float | None
    frames: Summary
    """Of the SDR per second; `frames.median` is cSDR."""
    sdr_per_second: tuple[float | None, ...]
    error_per_second: tuple[float, ...]
    """Energy of reference - estimate, for `bootstrap.sdr_difference`; of what is left after the last second too."""
    silence: SilenceLeak
    clean_db: float | None
    """Median over the seconds in which target and others play; needs the mixture."""
    isr_db: float | None = None
    sir_db: float | None = None
    sar_db: float | None = None
    estimate_is_silent: bool = False
    """Whether the estimate has no second above its reference's silence."""
    notes: tuple[str, ...] = ()
    """What was done to bring the sounds together."""

    @property
    def grade(self) -> Grade:
        return grade(self.sdr_db, self.estimate_is_silent)

    @property
    def silence_grade(self) -> Grade:
        return grade_silence(self.silence.level_dbfs)

    @property
    def clean_grade(self) -> Grade:
        return grade_clean(self.clean_db)

    def worst_seconds(self, count: int = 3) -> list[int]:
        """The seconds with the lowest SDR, worst first."""
        known = [second for second, value in enumerate(self.sdr_per_second) if value is not None]
        return sorted(known, key=lambda second: self.sdr_per_second[second] or 0.0)[:count]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings and lists, ready for JSON, with the grades' names."""
        grades = {"grade": self.grade, "silence_grade": self.silence_grade, "clean_grade": self.clean_grade}
        return asdict(self) | {key: value.name for key, value in grades.items()}


def score_pair(
    reference: Tensor,
    estimate: Tensor,
    sample_rate: int,
    mixture: Tensor | None = None,
    *,
    bss: bool = False,
    notes: Sequence[str] = (),
) -> Score:
    """Score an estimate against its reference, both (C, N) at one rate.

    Args:
        mixture: (C, N); Clean, Silence relative to the mixture, and SIR, SAR, ISR need it.
        bss: also run BSSEval, about a tenth of the song's length.
        notes: what was done to the sounds before, kept in the score.

    Raises:
        AudioError: shapes differ, samples are not finite, or `bss` without a mixture.
    """
    _check_finite({"reference": reference, "estimate": estimate, "mixture": mixture})
    if bss and mixture is None:
        raise AudioError("SIR, SAR and ISR need the mixture; give it, or the other stems that make it")
    if mixture is not None:
        check_shapes(reference, estimate, mixture)
        reference = remove_codec_noise(reference, mixture, sample_rate)
    per_second = framewise_sdr(reference, estimate, sample_rate)
    return Score(
        seconds=reference.shape[-1] / sample_rate,
        sample_rate=sample_rate,
        channels=reference.shape[0],
        sdr_db=_known(float(sdr(reference, estimate))),
        si_sdr_db=_known(float(si_sdr(reference, estimate))),
        frames=summarise(per_second),
        sdr_per_second=tuple(map(_known, per_second.tolist())),
        error_per_second=_error_per_second(reference, estimate, sample_rate),
        silence=silence_leak(reference, estimate, sample_rate, mixture),
        clean_db=None if mixture is None else summarise(clean(reference, estimate, mixture, sample_rate)).median,
        estimate_is_silent=is_silent_beside(estimate, reference, sample_rate),
        notes=tuple(notes),
        **(_bss_medians(reference, estimate, mixture, sample_rate) if bss and mixture is not None else {}),
    )


@dataclass(frozen=True)
class ScoreOptions:
    """How sounds are compared."""

    sample_rate: int | None = None
    """Score at this rate in Hz instead of the reference's."""
    mono: bool = False
    """Downmix everything first."""
    fix_offset: bool = False
    """Shift an estimate that is late or early into place."""
    bss: bool = False
    """Also run BSSEval: SIR, SAR and ISR."""
    oracle: bool = False
    """Also score the mixture and ideal masks (`score_song` only)."""


def score_files(
    reference_path: str | Path,
    estimate_path: str | Path,
    mixture_path: str | Path | None = None,
    *,
    sample_rate: int | None = None,
    mono: bool = False,
    fix_offset: bool = False,
    bss: bool = False,
    cancel: Cancel | None = None,
) -> Score:
    """Score one file against another; differing rates, channels and lengths are brought together and noted.

    The keywords are those of `ScoreOptions`; ``cancel`` is called before each step.

    Raises:
        AudioError: a file cannot be read, or there is nothing to compare.
        Cancelled: by ``cancel``.
    """

    def read_sound(path: str | Path) -> Sound:
        raise_if_cancelled(cancel)
        return Sound(*read(path))

    reference, estimate = read_sound(reference_path), read_sound(estimate_path)
    mixture = None if mixture_path is None else read_sound(mixture_path)
    raise_if_cancelled(cancel)
    aligned = align(reference, estimate, mixture, sample_rate=sample_rate, mono=mono, fix_offset=fix_offset)
    raise_if_cancelled(cancel)
    return score_aligned(aligned, bss)


@dataclass(frozen=True)
class SongScore:
    """A row of a table: the score of one stem of a song, or why it has none."""

    name: str
    score: Score | None
    oracles: Oracles | None = None
    problem: str | None = None
    stem: str = ""


Separate = Callable[[Song, Sound], Mapping[str, Sound]]
"""(song, its mixture) -> estimates of its stems."""


def score_song(
    song: Song, targets: Sequence[str], separate: Separate, options: ScoreOptions = ScoreOptions()
) -> Iterator[SongScore]:
    """Score the estimates of a song, separated once, against its stems `targets`; each row comes when it is done.

    A stem that cannot be read or separated has the reason in its row and does not stop the others.
    """
    estimates: Mapping[str, Sound] = {}
    for target in targets:
        try:
            audio = load_song(song, target)
            estimates = estimates or separate(song, audio.mixture)
            yield _score_stem(song.name, target, audio, estimates[target], options)
        except SeparatorError as error:
            yield SongScore(song.name, None, problem=str(error), stem=target)


def _score_stem(name: str, target: str, audio: SongAudio, estimate: Sound, options: ScoreOptions) -> SongScore:
    aligned = align(
        audio.reference,
        estimate,
        audio.mixture,
        sample_rate=options.sample_rate,
        mono=options.mono,
        fix_offset=options.fix_offset,
    )
    score = score_aligned(aligned, options.bss, audio.notes)
    if not options.oracle or aligned.mixture is None:
        return SongScore(name, score, stem=target)
    ideal = oracles(aligned.mixture, aligned.reference, aligned.sample_rate)
    return SongScore(name, score, ideal, stem=target)


def score_aligned(aligned: Alignment, bss: bool, notes: Sequence[str] = ()) -> Score:
    """The score of sounds that were brought together; ``notes`` come before those about that."""
    return score_pair(
        aligned.reference,
        aligned.estimate,
        aligned.sample_rate,
        aligned.mixture,
        bss=bss,
        notes=(*notes, *aligned.notes),
    )


def _check_finite(waveforms: dict[str, Tensor | None]) -> None:
    for name, waveform in waveforms.items():
        if waveform is not None and not bool(waveform.sum().isfinite()):
            raise AudioError(f"the {name} has samples that are not numbers (NaN or infinite); export the file again")


def _error_per_second(reference: Tensor, estimate: Tensor, sample_rate: int) -> tuple[float, ...]:
    """Adds up to the error of the whole track, so that leads and ranks agree."""
    whole = reference.shape[-1] // sample_rate * sample_rate
    parts = [slice(0, whole), slice(whole, None)]
    spans = [(reference[:, part], estimate[:, part]) for part in parts]
    return tuple(
        energy
        for true, guess in spans
        if true.shape[-1]
        for energy in compute_frame_energy(true, sample_rate, guess).tolist()
    )


def _bss_medians(reference: Tensor, estimate: Tensor, mixture: Tensor, sample_rate: int) -> dict[str, float | None]:
    scores = bss_eval(reference, estimate, mixture, sample_rate)
    names = {"isr_db": scores.isr, "sir_db": scores.sir, "sar_db": scores.sar}
    return {name: summarise(values).median for name, values in names.items()}


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
