"""Loudness and true peak of a stem, as broadcasters measure them (ITU-R BS.1770)."""

import math
import warnings
from dataclasses import dataclass

import pyloudnorm
from torch import Tensor

from separator.audio.resampling import resample

_BLOCK_SECONDS = 0.4
_OVERSAMPLING = 4
_MOST_CHANNELS = 5
_PIECE_SAMPLES = 1 << 18
_MARGIN_SAMPLES = 512


@dataclass(frozen=True)
class Loudness:
    """Two levels; None for silence, and for what is too short to measure."""

    integrated_lufs: float | None
    true_peak_dbtp: float | None


def measure_loudness(waveform: Tensor, sample_rate: int) -> Loudness:
    """The integrated loudness and the true peak of ``(C, N)``; of more than five channels only the peak."""
    peak = measure_true_peak(waveform, sample_rate)
    lufs = None
    if waveform.shape[1] >= _BLOCK_SECONDS * sample_rate and waveform.shape[0] <= _MOST_CHANNELS:
        with warnings.catch_warnings(action="ignore"):  # of a logarithm of 0
            measured = float(pyloudnorm.Meter(sample_rate).integrated_loudness(waveform.T.numpy()))
        lufs = measured if math.isfinite(measured) else None
    return Loudness(lufs, 20 * math.log10(peak) if peak else None)


def measure_true_peak(waveform: Tensor, sample_rate: int) -> float:
    """The largest absolute value of ``(C, N)`` between samples too: at four times the rate; 1.0 is full scale."""
    peak = 0.0
    for start in range(0, waveform.shape[1], _PIECE_SAMPLES):
        begin = max(0, start - _MARGIN_SAMPLES)
        piece = waveform[:, begin : start + _PIECE_SAMPLES + _MARGIN_SAMPLES]
        finer = resample(piece, sample_rate, _OVERSAMPLING * sample_rate)
        finer = finer[:, _OVERSAMPLING * (start - begin) :][:, : _OVERSAMPLING * _PIECE_SAMPLES]
        peak = max(peak, float(piece.abs().amax()), float(finer.abs().amax()))
    return peak
