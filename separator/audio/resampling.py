"""Channels to mono, and sample rates to others."""

import math

import torch
from torch import Tensor

_MOST_PHASES = 2000


def to_mono(waveform: Tensor) -> Tensor:
    """Mean of the channels, ``(..., C, N)`` -> ``(..., 1, N)``."""
    return waveform.mean(dim=-2, keepdim=True)


def resample(waveform: Tensor, from_rate: int, to_rate: int) -> Tensor:
    """``(..., N)`` at ``from_rate`` Hz -> ``(..., ceil(N * to_rate / from_rate))`` at ``to_rate`` Hz.

    torchaudio's windowed sinc, long enough to keep everything up to 97 % of the lower Nyquist frequency. Its kernel has
    the product of the ratio's terms, so a pair such as 44100 and 22051 goes through one Fourier transform instead.
    """
    if from_rate == to_rate:
        return waveform
    n_samples = -(-waveform.shape[-1] * to_rate // from_rate)
    if max(from_rate, to_rate) // math.gcd(from_rate, to_rate) > _MOST_PHASES:
        spectrum = torch.fft.rfft(waveform)
        bins = n_samples // 2 + 1
        spectrum = torch.nn.functional.pad(spectrum, (0, bins - spectrum.shape[-1]))
        moved: Tensor = torch.fft.irfft(spectrum, n=n_samples) * (n_samples / waveform.shape[-1])
        return moved
    from torchaudio.functional import resample as sinc_resample  # slow to import, and many callers need only files

    resampled: Tensor = sinc_resample(waveform, from_rate, to_rate, lowpass_filter_width=64)
    return resampled
