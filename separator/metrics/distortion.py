"""SDR and SI-SDR of a stem and of its frames, each with its definition and what it is not.

Conventions: waveforms are (..., C, N); a score sums over all channels and samples and is in dB, computed in float64,
limited to ±`LIMIT_DB` so that a perfect estimate has a number. A gain common to all sounds changes no ratio: silence is
relative to the reference's own loudest second. Where the reference is silent a ratio has no meaning: it is NaN, and
`summarise` leaves it out of every mean and counts it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from separator.metrics.energy import (
    SILENCE_DB,
    check_shapes,
    compute_frame_energy,
    compute_ratio_db,
    is_silent,
    sum_in_blocks,
)


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
        silent (all zero); average with `summarise` or `torch.nanmean`.

    Raises:
        AudioError: the shapes differ.
    """
    check_shapes(reference, estimate)
    signal = sum_in_blocks(lambda s: s.square().sum((-2, -1)), reference)
    error = sum_in_blocks(lambda s, e: (s - e).square().sum((-2, -1)), reference, estimate)
    return compute_ratio_db(signal, error).masked_fill(signal == 0, math.nan)


def si_sdr(reference: Tensor, estimate: Tensor) -> Tensor:
    """Scale-invariant SDR: `10 log10(‖αs‖² / ‖αs - ŝ‖²)` with the best level `α = <ŝ, s> / ‖s‖²`.

    Source: Le Roux et al., "SDR - half-baked or well done?", 2019, equation 3, with one α for all channels and no
    mean removed. It is not SDR: a stem at half its level scores the same as at full level.

    Args:
        reference: the true stem, (..., C, N).
        estimate: the separated stem, same shape.

    Returns:
        (...) in dB, float64, within ±100. NaN where the reference is silent (all zero).

    Raises:
        AudioError: the shapes differ.
    """
    check_shapes(reference, estimate)
    signal, both, energy = sum_in_blocks(_sum_products, reference, estimate)
    explained = both.square() / signal  # ‖αs‖², and by Pythagoras the rest of the energy is the error
    return compute_ratio_db(explained, (energy - explained).clamp(min=0)).masked_fill(signal == 0, math.nan)


def _sum_products(reference: Tensor, estimate: Tensor) -> Tensor:
    """<s, s>, <s, ŝ> and <ŝ, ŝ>, (3, ...)."""
    pairs = ((reference, reference), (reference, estimate), (estimate, estimate))
    return torch.stack([(a * b).sum((-2, -1)) for a, b in pairs])


def framewise_sdr(reference: Tensor, estimate: Tensor, frame_samples: int, *, silence_db: float = SILENCE_DB) -> Tensor:
    """`sdr` of each frame: with frames of one second, their median is the "cSDR" of the SiSEC and MUSDB tables.

    Source: BSSEval v4 (Stöter et al. 2018), whose framewise SDR this equals. museval leaves out only frames that are
    exactly zero; here a frame below `silence_db` is left out, since its value would measure codec noise.

    Args:
        reference: the true stem, (C, N).
        estimate: the separated stem, (C, N).
        frame_samples: samples in a frame; a last, shorter frame is dropped unless it is the only one.
        silence_db: level relative to the loudest frame at which one is silent; `-inf` is museval's rule.

    Returns:
        (frames,) in dB, float64, NaN where the reference is silent. `summarise` gives its median and the counts.

    Raises:
        AudioError: the shapes differ.
    """
    check_shapes(reference, estimate)
    signal = compute_frame_energy(reference, frame_samples)
    error = compute_frame_energy(reference, frame_samples, estimate)
    return compute_ratio_db(signal, error).masked_fill(is_silent(signal, signal.max(), silence_db), math.nan)


@dataclass(frozen=True)
class Summary:
    """Frames in four numbers, in dB; all None when every frame is silent. Silent frames are counted, not averaged."""

    median: float | None
    mean: float | None
    minimum: float | None
    maximum: float | None
    n_counted: int
    n_silent: int


def summarise(values_db: Tensor) -> Summary:
    """Median, mean, minimum and maximum of (frames,) without the NaN of silent frames, and how many of each."""
    known = values_db[~values_db.isnan()]
    n_silent = len(values_db) - len(known)
    if not len(known):
        return Summary(None, None, None, None, 0, n_silent)
    median, mean = known.quantile(0.5), known.mean()  # .median() would take the lower of two
    return Summary(float(median), float(mean), float(known.min()), float(known.max()), len(known), n_silent)
