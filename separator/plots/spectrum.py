"""Power on the grid of a picture: time in at most so many columns, frequency in rows of a mel, linear or log axis."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from matplotlib.axes import Axes
from torch import Tensor

from separator.errors import ConfigError
from separator.spectral import stft

Scale = Literal["mel", "linear", "log"]

ROWS = 256
_LOWEST_HZ = 40.0  # where a logarithmic axis begins
_TICKS_HZ = {
    "mel": (0, 250, 500, 1000, 2000, 4000, 8000, 16000),
    "linear": (0, 2500, 5000, 7500, 10000, 12500, 15000, 17500, 20000),
    "log": (50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000),
}


@dataclass(frozen=True)
class FrequencyAxis:
    """Rows of a picture from low to high; `edges_hz` (rows + 1,)."""

    scale: Scale
    edges_hz: Tensor

    @classmethod
    def of(cls, sample_rate: int, scale: Scale, rows: int = ROWS) -> FrequencyAxis:
        """Rows of equal height up to half the sample rate.

        Raises:
            ConfigError: an unknown scale.
        """
        top = sample_rate / 2
        steps = torch.linspace(0, 1, rows + 1, dtype=torch.float64)
        if scale == "mel":  # O'Shaughnessy 1987: 2595 log10(1 + f / 700)
            return cls(scale, 700 * ((1 + top / 700) ** steps - 1))
        if scale == "linear":
            return cls(scale, top * steps)
        if scale == "log":
            return cls(scale, _LOWEST_HZ * (max(top, 2 * _LOWEST_HZ) / _LOWEST_HZ) ** steps)
        raise ConfigError(f"the frequency scale is {scale!r}; it must be mel, linear or log")

    def weights(self, n_fft: int, sample_rate: int) -> Tensor:
        """(rows, F): the share of each STFT bin in each row, so that a row is the mean power over its range."""
        width = sample_rate / n_fft
        bins = torch.arange(n_fft // 2 + 1, dtype=torch.float64) * width
        low, high = self.edges_hz[:-1, None], self.edges_hz[1:, None]
        overlap = (torch.minimum(high, bins + width / 2) - torch.maximum(low, bins - width / 2)).clamp(min=0)
        return (overlap / overlap.sum(1, keepdim=True).clamp(min=1e-12)).float()

    def mark(self, axes: Axes, every: int = 1) -> None:
        """Label a picture's y axis, whose unit is the row; `every` second tick for a low picture."""
        edges, top = self.edges_hz, float(self.edges_hz[-1])
        ticks = [hz for hz in _TICKS_HZ[self.scale] if float(edges[0]) <= hz <= top][::every]
        rows = [float(torch.searchsorted(edges, torch.tensor(float(hz), dtype=edges.dtype))) for hz in ticks]
        axes.set_yticks(rows, [f"{hz / 1000:g}k" if hz >= 1000 else str(hz) for hz in ticks])


def average_cells(
    waveforms: Tensor, sample_rate: int, axis: FrequencyAxis, columns: int, power: Callable[[Tensor], Tensor]
) -> Tensor:
    """Mean of `power(spectra)` in each cell: (K, rows, at most `columns`).

    The STFT (46 ms window) is taken stretch by stretch and pooled at once, so a long song needs little memory.

    Args:
        waveforms: (S, N) at `sample_rate` Hz.
        power: complex (S, F, T) -> real (K, F, T).
    """
    n_fft = 1 << round(math.log2(max(sample_rate * 0.046, 16)))
    hop = n_fft // 2
    together = max(1, math.ceil(waveforms.shape[-1] / hop / columns))  # STFT frames in a column
    weights = axis.weights(n_fft, sample_rate)
    pooled = []
    for stretch in waveforms.split(hop * together * max(1, 512 // together), dim=-1):
        spectra = stft(stretch, n_fft, hop)[..., : max(1, stretch.shape[-1] // hop)]
        by_row = weights @ power(spectra)  # (K, rows, T)
        pooled += [part.mean(-1) for part in by_row.split(together, dim=-1)]
    return torch.stack(pooled, dim=-1)


def to_db(power: Tensor, loudest: Tensor, range_db: float) -> Tensor:
    """Power in dB below `loudest`, no lower than -`range_db`."""
    return (10 * torch.log10(power.clamp(min=1e-20) / loudest.clamp(min=1e-12))).clamp(-range_db, 0)
