"""Tempo and beats of a waveform, by librosa's beat tracker and a straight line through the beats it finds."""

from dataclasses import dataclass

import librosa
import numpy as np
from numpy.typing import NDArray

from separator.errors import AudioError

_HOP = 256
_FEWEST_BEATS = 8


@dataclass(frozen=True)
class Tempo:
    """A song's beats, as far as they are regular."""

    bpm: float
    beats: tuple[float, ...]
    """Seconds from the start of the song."""
    confidence: float
    """Share of the beats that lie within a tenth of a period of a regular grid, 0 to 1."""


def estimate_tempo(samples: NDArray[np.float32], sample_rate: int) -> Tempo:
    """The tempo of mono samples ``(N,)``, best those of the drums.

    The tracker's own tempo is one of a coarse list (117.5, 123.0, ...): the median step over many beats is finer.
    Raises AudioError where there are fewer than eight beats.
    """
    strength = librosa.onset.onset_strength(y=samples, sr=sample_rate, hop_length=_HOP, aggregate=np.median)
    _, frames = librosa.beat.beat_track(onset_envelope=strength, sr=sample_rate, hop_length=_HOP, trim=True)
    beats = librosa.frames_to_time(frames, sr=sample_rate, hop_length=_HOP)
    if len(beats) < _FEWEST_BEATS:
        raise AudioError(f"Only {len(beats)} beats were found; a tempo needs {_FEWEST_BEATS} or more.")
    period = _fit_period(beats)
    offsets = (beats - _fit_start(beats, period) + period / 2) % period - period / 2
    confidence = float(np.mean(np.abs(offsets) < period / 10))
    return Tempo(60 / period, tuple(float(beat) for beat in beats), confidence)


def _fit_period(beats: NDArray[np.float64]) -> float:
    """Seconds per beat: the median slope of lines through two far beats (Theil and Sen), whatever a few beats do."""
    reach = len(beats) // 2
    count = np.round(np.diff(beats) / np.median(np.diff(beats))).cumsum()
    numbers = np.concatenate(([0.0], count))
    slopes = (beats[reach:] - beats[: len(beats) - reach]) / (numbers[reach:] - numbers[: len(beats) - reach])
    return float(np.median(slopes))


def _fit_start(beats: NDArray[np.float64], period: float) -> float:
    """Where in a period most beats lie: the mean direction of their phases."""
    phases = np.exp(2j * np.pi * beats / period)
    return float(np.angle(phases.mean()) / (2 * np.pi) * period)
