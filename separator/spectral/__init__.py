"""Spectrograms: the STFT and the grid that a model and a song share."""

from separator.spectral.config import StftConfig
from separator.spectral.grid import Grid, moving_average, normalize_masks, resample_mask
from separator.spectral.transforms import istft, n_frames, stft

__all__ = [
    "Grid",
    "StftConfig",
    "istft",
    "moving_average",
    "n_frames",
    "normalize_masks",
    "resample_mask",
    "stft",
]
