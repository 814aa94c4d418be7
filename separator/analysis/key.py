"""Key and tuning of a waveform: its pitch classes against the profiles of the 24 keys, and its first chord.

Of the twelve practice songs of seed 0, nine have their own key found, of the 48 of the next four seeds 38: songs of the
same chords in a major key and in its relative minor differ only in the chord that they begin with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import librosa
import numpy as np
from numpy.typing import NDArray

_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_HOP = 1024
# How often each pitch class is in a key, from the tonic upwards: J. Albrecht and D. Shanahan, "The use of large corpora
# to train a new type of key-finding algorithm", 2013.
_PROFILES = {
    "major": (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
    "minor": (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
}
_TRIADS = {"major": (1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0), "minor": (1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0)}
_OPENING_SECONDS = 1.5
"""From the first sound; the part of a song in which its first chord is looked for."""
_OPENING_WEIGHT = 0.2


@dataclass(frozen=True)
class SongKey:
    """The key that fits a song best."""

    name: str
    """Such as ``A minor``."""
    confidence: float
    """How far it fits better than the next key, 0 to 1."""
    tuning_hz: float
    """Of the A above middle C."""


def estimate_key(samples: NDArray[np.float32], sample_rate: int) -> SongKey:
    """The key and tuning of mono samples ``(N,)``, best without drums."""
    tuning = float(librosa.estimate_tuning(y=samples, sr=sample_rate))
    chroma = librosa.feature.chroma_cens(y=samples, sr=sample_rate, tuning=tuning, hop_length=_HOP)
    first = int(np.argmax(np.abs(samples) > 0.05 * np.abs(samples).max())) // _HOP
    opening = chroma[:, first : first + round(_OPENING_SECONDS * sample_rate / _HOP)].mean(axis=1)
    profiles, triads = _correlate(chroma.mean(axis=1), _PROFILES), _correlate(opening, _TRIADS)
    fits = {name: fit + _OPENING_WEIGHT * triads[name] for name, fit in profiles.items()}
    best, second = sorted(fits, key=lambda name: fits[name], reverse=True)[:2]
    return SongKey(best, min(1.0, fits[best] - fits[second]), 440 * 2 ** (tuning / 12))


def _correlate(chroma: NDArray[Any], patterns: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Each of the 24 keys -> correlation of the twelve pitch classes with its pattern; 0 where they are all equal."""
    return {
        f"{_NAMES[tonic]} {mode}": float(_standardise(chroma) @ np.roll(_standardise(np.array(pattern)), tonic))
        for mode, pattern in patterns.items()
        for tonic in range(12)
    }


def _standardise(values: NDArray[Any]) -> NDArray[Any]:
    centred = values - values.mean()
    return np.asarray(centred / max(float(np.linalg.norm(centred)), 1e-9))
