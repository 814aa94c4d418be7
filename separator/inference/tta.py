"""Test-time augmentation: a network hears a song several times, each time a little differently, and the mean of its
masks is taken. Mistakes that depend on the tuning, on the downmix or on where its layers begin to count cancel in part.

A network whose layers fold time hears the song from two places on, half of its period apart: shifted by a whole period
it would say the same again, in between it does not (``inference.two_places`` has halved that period). Any
other network hears the song in tune, sharp and flat, and of a song with several channels also each channel by itself.
What helps which was measured: checkpoints/README.md.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from separator.spectral.grid import Grid, rows_at

DETUNED = 1.03
"""Factor of frequency, half a semitone, by which the song is heard sharp and flat."""
BEGINNINGS = 2
"""How many places a network that folds time begins at."""

Estimate = Callable[[Tensor, int], Tensor]
"""Magnitude ``(F, T)`` or, of left and right, ``(2, F, T)``, and which hearing it is -> masks ``(S, F, T)``."""


def averaged_mask(
    estimate: Estimate, heard: Tensor, spectrum: Tensor, gains: Sequence[float], grid: Grid, period: int
) -> Tensor:
    """The mean ``(S, F_model, T)`` of the masks of all hearings.

    Args:
        heard: the song as the model hears it by itself, by ``grid.model_magnitude``.
        spectrum: the song, complex ``(C, F, T)``, and the gains of its channels.
        period: by how many frames the song has to be shifted for the model to say the same again.
    """
    if period > 1:
        return _from_several_beginnings(estimate, heard, period)
    mask = estimate(heard, 0)
    for i, factor in enumerate((DETUNED, 1 / DETUNED), start=1):
        mask = mask + retuned(estimate(retuned(heard, factor), i), 1 / factor)
    mask = mask / 3
    if len(spectrum) == 1:
        return mask
    used = [(channel[None], [gain]) for channel, gain in zip(spectrum, gains, strict=True) if gain]
    singly = [estimate(grid.model_magnitude(*channel), i) for i, channel in enumerate(used, start=3)]
    return (mask + torch.stack(singly).mean(dim=0)) / 2


def retuned(magnitude: Tensor, factor: float) -> Tensor:
    """``(..., F, T)`` with all frequencies ``factor`` times as high: bins interpolated, the topmost one held."""
    bins = torch.arange(magnitude.shape[-2], device=magnitude.device)
    return rows_at(magnitude.movedim(-2, 0), bins / factor).movedim(0, -2)


def _from_several_beginnings(estimate: Estimate, heard: Tensor, period: int) -> Tensor:
    """Each frame's mask is the mean over the hearings that it is part of."""
    frames = heard.shape[-1]
    step = -(-period // BEGINNINGS)
    beginnings = range(0, min(period, frames), step)
    mask = estimate(heard, 0)
    for i, beginning in enumerate(beginnings[1:], start=1):
        mask[..., beginning:] += estimate(heard[..., beginning:], i)
    return mask / (1 + torch.arange(frames, device=mask.device) // step).clamp_(max=len(beginnings))
