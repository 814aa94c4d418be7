"""SIR, SAR and ISR by the BSSEval toolbox (museval), for comparison with published tables.

Slow, about a tenth of the song's length; the other measures of `separator.metrics` do not need the toolbox.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from separator.metrics.energy import check_shapes, compute_frame_energy, compute_loudest_power


@dataclass(frozen=True)
class BssScores:
    """BSSEval v4 of one stem, (frames,) each, in dB, float64; NaN in a frame where a source is exactly silent.

    `sdr`: the energy ratio, as `framewise_sdr`. `isr`: target against its filtering (a wrong level, a lost
    band, a wrong place in the stereo image). `sir`: target against the other instruments. `sar`: all of these
    against what is in neither source (artifacts).
    """

    sdr: Tensor
    isr: Tensor
    sir: Tensor
    sar: Tensor


def bss_eval(
    reference: Tensor,
    estimate: Tensor,
    mixture: Tensor,
    sample_rate: int,
    *,
    window_seconds: float = 1.0,
    dither_db: float | None = -70.0,
) -> BssScores:
    """BSSEval v4 (Vincent et al. 2006; Stöter et al. 2018) of a stem, in windows of 1 s without overlap.

    Two sources, as the toolbox needs at least that for SIR: the target, and the residual (mixture - target).
    Distortion filters have 512 taps and are fitted on the whole song. Published MUSDB18 tables list the median of
    the frames, then the median of the songs.

    The fit is badly conditioned where references have empty bands (a song decoded from MP3, a low-passed one) or
    two equal channels: museval then returns an SIR of -8 dB for what is 17 dB. So the references get white noise about
    as quiet as a 16-bit file's own, which moves SDR by less than 0.01 dB; `dither_db=None` leaves it out. All sounds
    are divided by the mixture's level before, so that a common gain changes nothing.

    Args:
        reference, estimate, mixture: (C, N) each.
        sample_rate: in Hz.
        window_seconds: length of a frame; a song shorter than that is one frame.
        dither_db: RMS of that noise relative to the mixture's loudest second; it is seeded.

    Raises:
        AudioError: the shapes differ.
    """
    check_shapes(reference, estimate, mixture)
    window = min(round(window_seconds * sample_rate), reference.shape[-1])
    gain = compute_loudest_power(mixture, sample_rate).sqrt().clamp(min=torch.finfo(torch.float64).tiny)
    sources = [waveform.double() / gain for waveform in (reference, mixture - reference, estimate)]
    silent = torch.stack([compute_frame_energy(source, window) == 0 for source in sources]).any(0)
    if not all(bool(source.any()) for source in sources):  # the toolbox refuses these
        nothing = torch.full(silent.shape, math.nan, dtype=torch.float64)
        return BssScores(nothing, nothing, nothing, nothing)
    references = torch.stack(sources[:2])  # (S, C, N)
    estimates = torch.stack([sources[2], sources[1]])  # the second one's scores are not used
    scores = _run_museval(_add_dither(references, dither_db), estimates, window)
    return BssScores(*(score.masked_fill(silent, math.nan) for score in scores))


def _add_dither(references: Tensor, level_db: float | None) -> Tensor:
    if level_db is None:
        return references
    noise = torch.randn(references.shape, generator=torch.Generator().manual_seed(0), dtype=references.dtype)
    return references + noise * 10 ** (level_db / 20)


def _run_museval(references: Tensor, estimates: Tensor, window: int) -> list[Tensor]:
    import museval.metrics  # takes 3 s to import

    arrays = (s.double().cpu().numpy().transpose(0, 2, 1) for s in (references, estimates))  # (S, N, C)
    with np.errstate(divide="ignore", invalid="ignore"):  # a perfect estimate divides by zero inside
        scores = museval.metrics.bss_eval(*arrays, window=window, hop=window)[:4]
    return [torch.from_numpy(np.asarray(score[0], dtype=np.float64)) for score in scores]
