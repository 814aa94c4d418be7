"""Waveform <-> complex spectrogram, exact for any length.

The grid: a 44.1 kHz STFT with n_fft 2048 and hop 512 lies on the same times and frequencies as a 22.05 kHz STFT with
n_fft 1024 and hop 256, so a mask made on one can be laid over the other. Of a sound below 11 kHz the larger one has
twice the magnitude, since its window holds twice as many samples.

On a CPU the frames are taken in blocks that stay in its cache, which is faster than torch's own, the inverse twice as
fast (``python -m tests.benchmarks.stft_speed``). On other devices, and where gradients are wanted, it is torch's own.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

BLOCK_FRAMES = 128


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
    window, frames = _window(n_fft, waveform), n_frames(n_samples, hop_length)
    if _in_blocks(waveform):
        spectrum = _stft_in_blocks(flat, window, hop_length, frames)
    else:
        spectrum = torch.stft(flat, n_fft, hop_length, window=window, return_complex=True)[..., :frames]
    return spectrum.reshape(*shape, *spectrum.shape[-2:])


def istft(spectrum: Tensor, n_fft: int, hop_length: int, length: int) -> Tensor:
    """Inverse of :func:`stft`, complex ``(..., F, T)`` -> ``(..., length)`` samples.

    Least-squares overlap-add (Griffin and Lim, 1984): exact for the STFT of a waveform, and the closest waveform's
    otherwise. ``length`` is the number of samples that the spectrogram was made from.
    """
    *shape, n_bins, frames = spectrum.shape
    flat = spectrum.reshape(-1, n_bins, frames)
    window = _window(n_fft, spectrum.real)
    if _in_blocks(spectrum) and n_fft % (2 * hop_length) == 0:
        waveform = _istft_in_blocks(flat, window, hop_length, length)
    else:
        waveform = torch.istft(flat, n_fft, hop_length, window=window, length=length)
    return waveform.reshape(*shape, length)


def _in_blocks(x: Tensor) -> bool:
    return x.device.type == "cpu" and not x.requires_grad


def _stft_in_blocks(waveforms: Tensor, window: Tensor, hop_length: int, first_frames: int) -> Tensor:
    """``(C, N)`` -> so many frames of it, complex ``(C, F, T)``, bins innermost in memory as torch has them."""
    n_fft = len(window)
    padded = F.pad(waveforms[None], (n_fft // 2, n_fft // 2), mode="reflect")[0]
    frames = padded.unfold(-1, n_fft, hop_length)[:, :first_frames]
    spectra = padded.new_empty(*frames.shape[:2], n_fft // 2 + 1, dtype=padded.dtype.to_complex())
    for channel, spectrum in zip(frames, spectra, strict=True):
        for block, place in zip(channel.split(BLOCK_FRAMES), spectrum.split(BLOCK_FRAMES), strict=True):
            torch.fft.rfft(block * window, out=place)
    return spectra.mT


def _istft_in_blocks(spectra: Tensor, window: Tensor, hop_length: int, length: int) -> Tensor:
    """Complex ``(C, F, T)`` -> ``(C, length)``: each frame is cut into parts of a hop, added where they fall."""
    n_fft, frames = len(window), spectra.shape[-1]
    n_parts = n_fft // hop_length
    parts = window.view(n_parts, hop_length)
    energy = parts.square()
    weights = parts / energy.sum(dim=0)
    hops = spectra.real.new_zeros(len(spectra), frames + n_parts - 1, hop_length)
    for spectrum, waveform in zip(spectra.mT, hops, strict=True):
        for first in range(0, frames, BLOCK_FRAMES):
            block = torch.fft.irfft(spectrum[first : first + BLOCK_FRAMES], n_fft).view(-1, n_parts, hop_length)
            for part in range(n_parts):
                waveform[first + part :][: len(block)].addcmul_(block[:, part], weights[part])
    # The outermost hops are reached by fewer frames; those beyond the waveform's own ends are cut off.
    ends = {*range(n_parts // 2, n_parts - 1), *range(frames, frames + n_parts // 2)}
    for hop in ends:
        reached_by = energy[max(0, hop - frames + 1) : hop + 1]
        hops[:, hop] *= energy.sum(dim=0) / reached_by.sum(dim=0)
    return hops.flatten(1)[:, n_fft // 2 : n_fft // 2 + length]


def _window(n_fft: int, like: Tensor) -> Tensor:
    return torch.hann_window(n_fft, periodic=True, dtype=like.dtype, device=like.device)
