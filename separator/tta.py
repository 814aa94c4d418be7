"""Test-time augmentation: a network hears a song several times, each time a little differently, and the mean of its
masks is taken. Mistakes that depend on the tuning or on the downmix cancel in part.

It hears the song in tune, sharp and flat; of a song with several channels, also each channel by itself. The network
then runs three times for a mono song and five times for a stereo song.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from separator.full_band import Grid, rows_at

DETUNED = 1.03
"""Factor of frequency, half a semitone, by which the song is heard sharp and flat."""

Estimate = Callable[[Tensor], Tensor]
"""Magnitude ``(F, T)``, or ``(2, F, T)`` of left and right -> mask ``(F, T)``."""


def averaged_mask(estimate: Estimate, heard: Tensor, spectrum: Tensor, grid: Grid) -> Tensor:
    """The mean ``(F_model, T)`` of the masks of all hearings.

    Args:
        heard: the song as the model hears it by itself, by ``grid.model_magnitude``.
        spectrum: the song, complex ``(C, F, T)``.
    """
    mask = estimate(heard)
    for factor in (DETUNED, 1 / DETUNED):
        mask = mask + retuned(estimate(retuned(heard, factor)), 1 / factor)
    mask = mask / 3
    if len(spectrum) == 1:
        return mask
    singly = [estimate(grid.model_magnitude(channel[None])) for channel in spectrum]
    return (mask + torch.stack(singly).mean(dim=0)) / 2


def retuned(magnitude: Tensor, factor: float) -> Tensor:
    """``(..., F, T)`` with all frequencies ``factor`` times as high: bins interpolated, the topmost one held."""
    bins = torch.arange(magnitude.shape[-2], device=magnitude.device)
    return rows_at(magnitude.movedim(-2, 0), bins / factor).movedim(0, -2)
