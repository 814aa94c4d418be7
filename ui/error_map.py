"""Where an estimate loses and gains energy, as two small pictures that the browser colours (``assets/compare.js``)."""

import base64
from typing import Any

import torch
from torch import Tensor

from separator.stft import stft

ROWS, MAX_COLUMNS = 56, 900
COLUMNS_PER_SECOND = 8
N_FFT = 2048
BLOCK_SECONDS = 20  # bounds the memory for long songs
LOWEST_HZ = 40.0
RANGE_DB = 50.0  # below the loudest spot of the reference, everything is black


def error_map(reference: Tensor, estimate: Tensor, sample_rate: int) -> dict[str, Any]:
    """Energy missed and energy let in, (C, N) against (C, N), on log-frequency rows (highest first) and time columns.

    Per bin of the downmix's STFT, missed is ``max(0, |S|² - |Ŝ|²)`` and leaked ``max(0, |Ŝ|² - |S|²)``; each is summed
    over a cell and written as a byte, 255 being the loudest cell of the reference and 0 all that is 50 dB below it.
    """
    n_samples = reference.shape[-1]
    columns = max(1, min(MAX_COLUMNS, round(COLUMNS_PER_SECOND * n_samples / sample_rate)))
    cells = torch.zeros(3, ROWS, columns)  # reference, missed, leaked
    rows = _row_of_bin(sample_rate)
    hop = N_FFT // 4
    block = BLOCK_SECONDS * sample_rate
    for start in range(0, n_samples, block):
        pair = torch.stack([reference, estimate])[..., start : start + block].mean(dim=1)
        power = stft(pair, N_FFT, hop).abs().square()  # (2, F, T)
        difference = power[0] - power[1]
        planes = torch.stack([power[0], difference.clamp(min=0), (-difference).clamp(min=0)])
        moments = start + hop * torch.arange(planes.shape[-1])
        where = (moments * columns // n_samples).clamp(max=columns - 1)
        by_row = torch.zeros(3, ROWS, planes.shape[-1]).index_add_(1, rows, planes)
        cells.index_add_(2, where, by_row)
    loudest = cells[0].max().clamp(min=1e-12)
    levels = 1 + 10 * torch.log10((cells[1:] / loudest).clamp(min=1e-12)) / RANGE_DB
    missed, leaked = (255 * levels.clamp(0, 1)).to(torch.uint8).flip(1)
    return {"rows": ROWS, "columns": columns, "missed": _base64(missed), "leaked": _base64(leaked)}


def _row_of_bin(sample_rate: int) -> Tensor:
    """Row of each STFT bin, (F,): bins below the lowest frequency share row 0."""
    hertz = torch.linspace(0, sample_rate / 2, N_FFT // 2 + 1).clamp(min=LOWEST_HZ)
    octaves = torch.log2(hertz / LOWEST_HZ)
    return (octaves / octaves[-1] * (ROWS - 1)).round().long()


def _base64(plane: Tensor) -> str:
    return base64.b64encode(plane.contiguous().numpy().tobytes()).decode("ascii")
