"""How good a stem is, in numbers: SDR, SI-SDR, Silence and Clean, each with its definition and what it is not.

Conventions: waveforms are (..., C, N); a score sums over all channels and samples and is in dB, computed in float64,
limited to ±`LIMIT_DB` so that a perfect estimate has a number. Where the reference is silent (below `SILENCE_DBFS`) a
ratio has no meaning: the answer is NaN, and `summarise` leaves it out of every mean and says how many there were.
SIR, SAR and ISR, which need an iterative toolbox, are in `separator/bss_eval.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from separator.errors import AudioError

LIMIT_DB = 100.0
SILENCE_DBFS = -80.0
"""RMS below which a reference counts as silent: above the noise of codecs and 16-bit dither, below any music."""

_BLOCK = 1 << 20  # samples in float64 at a time: keeps a one-hour pair from being copied whole


def sdr(reference: Tensor, estimate: Tensor) -> Tensor:
    """Signal-to-distortion ratio: `10 log10(Σ s² / Σ (s - ŝ)²)` over all channels and samples.

    Source: the Music Demixing Challenge 2021 (Mitsufuji et al. 2022), where its mean over songs ranks systems
    ("uSDR"). It equals BSSEval v4's SDR of the same stretch. It is not SI-SDR (a wrong level costs here), not
    BSSEval v3's SDR (which forgives a 512-tap filter), and not the median over seconds ("cSDR").

    Args:
        reference: the true stem, (..., C, N).
        estimate: the separated stem, same shape.

    Returns:
        (...) in dB, float64, within ±100: higher is better, 0 is what silence scores. NaN where the reference is
        silent; average with `summarise` or `torch.nanmean`.

    Raises:
        AudioError: the shapes differ.
    """
    _check_shapes(reference, estimate)
    signal = _sum_in_blocks(lambda s: s.square().sum((-2, -1)), reference)
    error = _sum_in_blocks(lambda s, e: (s - e).square().sum((-2, -1)), reference, estimate)
    n_values = reference.shape[-1] * reference.shape[-2]
    return _ratio_db(signal, error).masked_fill(_silent(signal, n_values), math.nan)


def si_sdr(reference: Tensor, estimate: Tensor) -> Tensor:
    """Scale-invariant SDR: `10 log10(‖αs‖² / ‖αs - ŝ‖²)` with the best level `α = <ŝ, s> / ‖s‖²`.

    Source: Le Roux et al., "SDR - half-baked or well done?", 2019, equation 3, with one α for all channels and no
    mean removed. It is not SDR: a stem at half its level scores the same as at full level.

    Args:
        reference: the true stem, (..., C, N).
        estimate: the separated stem, same shape.

    Returns:
        (...) in dB, float64, within ±100. NaN where the reference is silent.

    Raises:
        AudioError: the shapes differ.
    """
    _check_shapes(reference, estimate)
    signal = _sum_in_blocks(lambda s: s.square().sum((-2, -1)), reference)
    level = _sum_in_blocks(lambda s, e: (s * e).sum((-2, -1)), reference, estimate) / signal
    scale = level[..., None, None]
    error = _sum_in_blocks(lambda s, e: (scale * s - e).square().sum((-2, -1)), reference, estimate)
    n_values = reference.shape[-1] * reference.shape[-2]
    return _ratio_db(level.square() * signal, error).masked_fill(_silent(signal, n_values), math.nan)


def _check_shapes(*waveforms: Tensor) -> None:
    shapes = [tuple(w.shape) for w in waveforms]
    if len(set(shapes)) > 1 or len(shapes[0]) < 2 or 0 in shapes[0]:
        listed = " and ".join(str(s) for s in shapes)
        raise AudioError(f"Waveforms to compare must share one shape (..., channels, samples); given {listed}.")


def _sum_in_blocks(term: Callable[..., Tensor], *waveforms: Tensor) -> Tensor:
    """The sum over N of `term(*blocks)`, in float64 where the device has it (Apple's GPU does not)."""
    precise = torch.float32 if waveforms[0].device.type == "mps" else torch.float64
    parts = zip(*(w.split(_BLOCK, dim=-1) for w in waveforms), strict=True)
    return torch.stack([term(*(block.to(precise) for block in blocks)) for blocks in parts]).sum(0)


def _ratio_db(signal: Tensor, error: Tensor) -> Tensor:
    return (10 * torch.log10(signal / error)).clamp(-LIMIT_DB, LIMIT_DB)


def _silent(energy: Tensor, n_values: int) -> Tensor:
    return energy < n_values * 10 ** (SILENCE_DBFS / 10)
