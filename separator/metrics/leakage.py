"""The two listening questions as numbers.

*Silence* is what sounds while the target rests, *Clean* what leaks in while it plays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from separator.metrics.energy import (
    LIMIT_DB,
    check_shapes,
    compute_frame_energy,
    compute_frame_power,
    compute_loudest_power,
    compute_ratio_db,
    is_silent,
)
from separator.spectral import stft

_SILENCE_FRAME_SECONDS = 0.1  # short enough to find the pauses between phrases
_CLEAN_WINDOW_SECONDS = 0.046


@dataclass(frozen=True)
class SilenceLeak:
    """What sounds while the target rests; its levels are None where there is nothing to measure.

    `level_dbfs`: RMS of the estimate there, -100 at the lowest. `below_mixture_db`: how far that is below the
    mixture there (0 for an untouched mixture, 100 at most, higher is better). `seconds`: how long the reference is
    silent.
    """

    level_dbfs: float | None
    below_mixture_db: float | None
    seconds: float


def silence_leak(reference: Tensor, estimate: Tensor, sample_rate: int, mixture: Tensor | None = None) -> SilenceLeak:
    """*Silence*: how quiet the estimate is where the reference is silent.

    That is in frames of 0.1 s which are 45 dB or more below its loudest second. `10 log10(mean ŝ²)` over those frames,
    in dBFS: a full-scale square wave is 0, lower is better, -60 is inaudible beside music. As a level it follows the
    song's gain; `below_mixture_db` does not. The project's own measure; SDR cannot see this, for it has no value in a
    silent frame. It does not measure what leaks while the target plays: that is `clean`.

    Args:
        reference, estimate, mixture: (C, N) each; without the mixture `below_mixture_db` is None.
        sample_rate: in Hz.

    Raises:
        AudioError: the shapes differ.
    """
    check_shapes(reference, estimate, *([] if mixture is None else [mixture]))
    frame = max(1, round(_SILENCE_FRAME_SECONDS * sample_rate))
    silent = is_silent(compute_frame_power(reference, frame), compute_loudest_power(reference, sample_rate))
    if not silent.any():
        return SilenceLeak(None, None, 0.0)
    power = compute_frame_power(estimate, frame)[silent].mean()
    level = max(float(10 * torch.log10(power)), -LIMIT_DB)
    below = None if mixture is None else _compute_below_mixture_db(power, mixture, sample_rate, silent)
    frame_seconds = min(frame, reference.shape[-1]) / sample_rate
    return SilenceLeak(level, below, int(silent.sum()) * frame_seconds)


def _compute_below_mixture_db(power: Tensor, mixture: Tensor, sample_rate: int, chosen: Tensor) -> float | None:
    """How far a power is below that of the mixture's chosen frames; None where the whole song pauses there."""
    of_mixture = compute_frame_power(mixture, max(1, round(_SILENCE_FRAME_SECONDS * sample_rate)))[chosen].mean()
    if is_silent(of_mixture, compute_loudest_power(mixture, sample_rate)):
        return None
    return float(compute_ratio_db(of_mixture, power))


def clean(reference: Tensor, estimate: Tensor, mixture: Tensor, sample_rate: int) -> Tensor:
    """*Clean*: target over leaked other instruments, in dB, per second in which both play.

    The orthogonal decomposition behind SIR (Vincent et al. 2006): the estimate is projected on the target, and what
    remains on the part of the others (mixture - target) that is orthogonal to the target; Clean is the ratio of the
    two energies. BSSEval allows a 512-tap filter for the whole song; here it is one complex gain per second and band
    of a short Fourier transform (about a third of an octave), which needs no toolbox and follows a leak that comes
    and goes. So it is close to SIR, but not comparable with published SIR. Artifacts do not count.

    Args:
        reference, estimate, mixture: (C, N) each.
        sample_rate: in Hz.

    Returns:
        (frames,) in dB, float64, within ±100, higher is better; NaN where the target, the others or
        the estimate are silent: 45 dB below the target's loudest second.

    Raises:
        AudioError: the shapes differ.
    """
    check_shapes(reference, estimate, mixture)
    frame = min(sample_rate, reference.shape[-1])
    energies = [
        compute_frame_energy(reference, frame),
        compute_frame_energy(estimate, frame),
        compute_frame_energy(mixture, frame, reference),
    ]
    loudest = energies[0].max()
    playing = [~is_silent(energy, loudest) for energy in energies]
    frames = zip(*(w.split(frame, dim=-1) for w in (reference, estimate, mixture)), strict=True)
    ratios = [_compute_frame_clean(torch.stack([r, e, m - r]), sample_rate) for r, e, m in frames]
    return torch.stack(ratios[: len(playing[0])]).masked_fill(~torch.stack(playing).all(0), math.nan)


def _compute_frame_clean(waveforms: Tensor, sample_rate: int) -> Tensor:
    """The ratio of the two projections' energies, summed over bands; target, estimate and others are (3, C, N)."""
    n_fft = 1 << round(math.log2(max(sample_rate * _CLEAN_WINDOW_SECONDS, 16)))
    t, e, o = stft(waveforms, n_fft, n_fft // 2)  # each (C, F, T)
    band = _assign_bands(n_fft)

    def inner(a: Tensor, b: Tensor) -> Tensor:  # <a, b> within each band: (bands,)
        products = (a * b.conj()).sum((0, 2)).to(torch.complex128)
        return products.new_zeros(int(band[-1]) + 1).index_add(0, band, products)

    tiny = torch.finfo(torch.float64).tiny
    tt, oo = inner(t, t).real + tiny, inner(o, o).real + tiny
    et, ot = inner(e, t), inner(o, t)
    orthogonal = oo - ot.abs().square() / tt  # energy of the others without what they share with the target
    leaked = (inner(e, o) - et * ot.conj() / tt).abs().square() / orthogonal
    separable = orthogonal > 1e-5 * oo  # not so where both are the same signal in a band
    return compute_ratio_db((et.abs().square() / tt).sum(), leaked[separable].sum())


def _assign_bands(n_fft: int) -> Tensor:
    """The band of each STFT bin, (F,): a third of an octave wide, and at least four bins."""
    edges, bins = [4], n_fft // 2 + 1
    while edges[-1] < bins:
        edges.append(max(edges[-1] + 4, round(edges[-1] * 2 ** (1 / 3))))
    return torch.bucketize(torch.arange(bins), torch.tensor(edges), right=True)
