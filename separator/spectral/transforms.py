"""Waveform <-> complex spectrogram, exact for any length.

The grid: a 44.1 kHz STFT with n_fft 2048 and hop 512 lies on the same times and frequencies as a 22.05 kHz STFT with
n_fft 1024 and hop 256, so a mask made on one can be laid over the other. Of a sound below 11 kHz the larger one has
twice the magnitude, since its window holds twice as many samples.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def n_frames(n_samples: int, hop_length: int) -> int:
    """Frames T of a waveform of ``n_samples``."""
    return n_samples // hop_length + 1


def stft(waveform: Tensor, n_fft: int, hop_length: int) -> Tensor:
    """Short-time Fourier transform, ``(..., N)`` -> complex ``(..., F, T)`` with ``F = n_fft / 2 + 1``.

    Frame ``t`` is centred on sample ``t * hop_length``; periodic Hann window; the ends are reflected. A waveform too
    short to be reflected is continued with zeros first.
    """
    *shape, n_samples = waveform.shape
    flat = waveform.reshape(-1, n_samples)
    flat = F.pad(flat, (0, max(0, n_fft // 2 + 1 - n_samples)))
    spectrum = torch.stft(flat, n_fft, hop_length, window=_window(n_fft, waveform), return_complex=True)
    spectrum = spectrum[..., : n_frames(n_samples, hop_length)]
    return spectrum.reshape(*shape, *spectrum.shape[-2:])


def istft(spectrum: Tensor, n_fft: int, hop_length: int, length: int) -> Tensor:
    """Inverse of :func:`stft`, complex ``(..., F, T)`` -> ``(..., length)`` samples.

    Least-squares overlap-add (Griffin and Lim, 1984): exact for the STFT of a waveform, and the closest waveform's
    otherwise. ``length`` is the number of samples that the spectrogram was made from.
    """
    *shape, n_bins, frames = spectrum.shape
    flat = spectrum.reshape(-1, n_bins, frames)
    waveform = torch.istft(flat, n_fft, hop_length, window=_window(n_fft, spectrum.real), length=length)
    return waveform.reshape(*shape, length)


def _window(n_fft: int, like: Tensor) -> Tensor:
    return torch.hann_window(n_fft, periodic=True, dtype=like.dtype, device=like.device)
