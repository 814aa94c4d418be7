"""The analysis of a separated song: tempo of its drums, key of the rest, loudness of each stem."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from separator.analysis.key import SongKey, estimate_key
from separator.analysis.loudness import Loudness, measure_loudness
from separator.analysis.tempo import Tempo, estimate_tempo
from separator.audio.reader import read
from separator.audio.resampling import resample, to_mono
from separator.errors import AudioError

RATE = 22050
_SILENCE = 1e-4
_FEWEST_SECONDS = 4
"""Shorter sounds have neither a tempo nor a key."""


@dataclass(frozen=True)
class SongAnalysis:
    """What was found; None where a song has no beats or no pitch."""

    tempo: Tempo | None
    key: SongKey | None
    loudness: dict[str, Loudness]
    """Stem -> its levels."""

    def describe(self) -> str:
        """One line."""
        parts = []
        if self.tempo:
            parts.append(f"{self.tempo.bpm:.1f} bpm ({self.tempo.confidence:.0%} of the beats regular)")
        if self.key:
            parts.append(f"{self.key.name} (confidence {self.key.confidence:.2f})")
            parts.append(f"A = {self.key.tuning_hz:.1f} Hz")
        parts = parts or ["no tempo and no key found"]
        for stem, found in self.loudness.items():
            if found.integrated_lufs is not None and found.true_peak_dbtp is not None:
                parts.append(f"{stem} {found.integrated_lufs:.1f} LUFS, peak {found.true_peak_dbtp:.1f} dBTP")
        return "; ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """As job.json has it."""
        return {
            "tempo_bpm": round(self.tempo.bpm, 2) if self.tempo else None,
            "tempo_confidence": round(self.tempo.confidence, 2) if self.tempo else None,
            "beats_seconds": [round(beat, 3) for beat in self.tempo.beats] if self.tempo else [],
            "key": self.key.name if self.key else None,
            "key_confidence": round(self.key.confidence, 2) if self.key else None,
            "tuning_hz": round(self.key.tuning_hz, 1) if self.key else None,
            "loudness": {
                stem: {"lufs": _round(found.integrated_lufs), "true_peak_dbtp": _round(found.true_peak_dbtp)}
                for stem, found in self.loudness.items()
            },
        }


def analyse_stems(stems: Mapping[str, Path]) -> SongAnalysis:
    """Analyse a song's stems, one in memory at a time. Without drums, the tempo and the key are those of their sum.

    Raises AudioError for a stem that cannot be read.
    """
    loudness, drums, rest = {}, torch.zeros(0), torch.zeros(0)
    for name, path in stems.items():
        waveform, rate = read(path)
        loudness[name] = measure_loudness(waveform, rate)
        mono = resample(to_mono(waveform)[0], rate, RATE)
        if name == "drums":
            drums = mono
        else:
            rest = _add(rest, mono)
    return SongAnalysis(_find_tempo(drums if len(drums) else rest), _find_key(rest if len(rest) else drums), loudness)


def _find_tempo(samples: Tensor) -> Tempo | None:
    try:
        return estimate_tempo(samples.numpy(), RATE) if _is_audible(samples) else None
    except AudioError:
        return None


def _find_key(samples: Tensor) -> SongKey | None:
    return estimate_key(samples.numpy(), RATE) if _is_audible(samples) else None


def _is_audible(samples: Tensor) -> bool:
    return len(samples) >= _FEWEST_SECONDS * RATE and float(samples.abs().amax()) > _SILENCE


def _add(first: Tensor, second: Tensor) -> Tensor:
    return first + second if len(first) == len(second) else second if not len(first) else first


def _round(level: float | None) -> float | None:
    return None if level is None else round(level, 1)
