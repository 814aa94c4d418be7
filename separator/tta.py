"""Test-time augmentation: a network hears a song several times, each time a little differently, and the mean of its
masks is taken. Mistakes that depend on the tuning or on the downmix cancel in part.

It hears the downmix in tune, sharp and flat; of a song with several channels, also each channel by itself. The
network then runs three times for a mono song and five times for a stereo song.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from separator.full_band import Grid, rows_at

DETUNED = 1.03
"""Factor of frequency, half a semitone, by which the song is heard sharp and flat."""

Estimate = Callable[[Tensor], Tensor]
"""Magnitude ``(F, T)`` -> mask ``(F, T)``."""


def averaged_mask(estimate: Estimate, spectrum: Tensor, grid: Grid) -> Tensor:
    """Complex ``(C, F, T)`` of a song -> the mean ``(F_model, T)`` of the masks of all hearings."""
    downmix = grid.model_magnitude(spectrum)
    mask = estimate(downmix)
    for factor in (DETUNED, 1 / DETUNED):
        mask = mask + retuned(estimate(retuned(downmix, factor)), 1 / factor)
    mask = mask / 3
    if len(spectrum) == 1:
        return mask
    singly = [estimate(grid.model_magnitude(channel[None])) for channel in spectrum]
    return (mask + torch.stack(singly).mean(dim=0)) / 2


def retuned(magnitude: Tensor, factor: float) -> Tensor:
    """``(F, T)`` with all frequencies ``factor`` times as high: bins interpolated, the topmost one held."""
    return rows_at(magnitude, torch.arange(magnitude.shape[0], device=magnitude.device) / factor)
