"""Where an estimate loses and gains energy, as two small pictures coloured in the browser."""

import base64
from typing import Any

import torch
from torch import Tensor

ROWS, MAX_COLUMNS = 56, 900
COLUMNS_PER_SECOND = 8
RANGE_DB = 50.0
"""Below the loudest spot of the reference; what is quieter is black."""


def compute_error_map(reference: Tensor, estimate: Tensor, sample_rate: int) -> dict[str, Any]:
    """Energy missed and energy let in, (C, N) against (C, N), on mel rows (highest first) and time columns.

    Per bin of the downmix's STFT, missed is ``max(0, |S|² - |Ŝ|²)`` and leaked ``max(0, |Ŝ|² - |S|²)``; their mean in
    a cell is written as a byte: 255 is as loud as the reference's loudest cell, 0 is 50 dB below it.
    """
    from separator.plots import FrequencyAxis, average_cells, to_db  # matplotlib takes its time to load

    columns = min(MAX_COLUMNS, max(1, round(COLUMNS_PER_SECOND * reference.shape[-1] / sample_rate)))
    pair = torch.stack([reference, estimate]).mean(dim=1)  # (2, N)
    axis = FrequencyAxis.of(sample_rate, "mel", ROWS)
    loudness, missed, leaked = average_cells(pair, sample_rate, axis, columns, _split_error)
    bytes_of = {
        name: _encode_plane(255 * (1 + to_db(plane, loudness.max(), RANGE_DB) / RANGE_DB))
        for name, plane in (("missed", missed), ("leaked", leaked))
    }
    return {"rows": ROWS, "columns": missed.shape[1], **bytes_of}


def _split_error(spectra: Tensor) -> Tensor:
    """(2, F, T) of reference and estimate -> (3, F, T): energy of the reference, missed, leaked."""
    target, estimate = spectra.abs().square()
    return torch.stack([target, (target - estimate).clamp(min=0), (estimate - target).clamp(min=0)])


def _encode_plane(plane: Tensor) -> str:
    """Bytes of (rows, columns) in 0..255, the highest row first."""
    return base64.b64encode(plane.flip(0).to(torch.uint8).contiguous().numpy().tobytes()).decode("ascii")
