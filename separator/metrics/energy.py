"""Energies and levels of waveforms and of their frames, in float64 without copying a long song whole.

The arithmetic of the other measures; waveforms are (..., C, N).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from separator.errors import AudioError

LIMIT_DB = 100.0
"""Every ratio is kept within ± this, so that a perfect estimate has a number."""

SILENCE_DB = -45.0
"""Below this, relative to its loudest second, a frame of a stem is silent: reverb tails and codec noise, not music.

A stem's loudest second is mostly at -14 to -20 dBFS, so this is about -60 dBFS, whatever gain a song comes with.
"""

_EMPTY_DB = -70.0  # relative to the song: codecs leave noise some 80 dB below it in an empty stem
_BLOCK = 1 << 17  # values in float64 at a time: they fit the cache, and a one-hour pair is never copied whole


def compute_frame_energy(waveform: Tensor, frame_samples: int, minus: Tensor | None = None) -> Tensor:
    """Energy of each whole frame of (C, N), or of its difference to `minus`: (frames,) in float64.

    A waveform shorter than one frame is one frame.
    """
    frame = min(frame_samples, waveform.shape[-1])
    n_frames = waveform.shape[-1] // frame
    waveforms = [w[:, : n_frames * frame].unflatten(-1, (n_frames, frame)) for w in (waveform, minus) if w is not None]
    step = max(1, _BLOCK // frame)
    # One buffer for all blocks: one per block would leave holes in memory, 600 MB of them in a 20-minute song.
    buffer = waveform.new_empty((waveform.shape[0], step, frame), dtype=_choose_dtype(waveform))
    energies = []
    for blocks in zip(*(w.split(step, dim=1) for w in waveforms), strict=True):  # each (C, up to step frames, frame)
        block = buffer[:, : blocks[0].shape[1]].copy_(blocks[0])
        if minus is not None:
            block -= blocks[1]
        energies.append(block.square_().sum((0, 2)))
    return torch.cat(energies)


def check_shapes(*waveforms: Tensor) -> None:
    """Raise `AudioError` unless all waveforms share one shape (..., C, N) with at least one sample."""
    shapes = [tuple(w.shape) for w in waveforms]
    if len(set(shapes)) > 1 or len(shapes[0]) < 2 or 0 in shapes[0]:
        listed = " and ".join(str(s) for s in shapes)
        raise AudioError(f"Waveforms to compare must share one shape (..., channels, samples); given {listed}.")


def sum_in_blocks(term: Callable[..., Tensor], *waveforms: Tensor) -> Tensor:
    """The sum over N of `term(*blocks)`, each block in float64; `term` sums its block over channels and samples."""
    parts = zip(*(w.split(_BLOCK, dim=-1) for w in waveforms), strict=True)
    return torch.stack([term(*(block.to(_choose_dtype(block)) for block in blocks)) for blocks in parts]).sum(0)


def _choose_dtype(waveform: Tensor) -> torch.dtype:
    return torch.float32 if waveform.device.type == "mps" else torch.float64  # Apple's GPU has no float64


def compute_ratio_db(signal: Tensor, error: Tensor) -> Tensor:
    """`10 log10(signal / error)` within ±100 dB; no signal at all is the lowest, whatever the error."""
    ratio = (10 * torch.log10(signal / error)).clamp(-LIMIT_DB, LIMIT_DB)
    return ratio.masked_fill(signal == 0, -LIMIT_DB)


def compute_frame_power(waveform: Tensor, frame_samples: int) -> Tensor:
    """Mean square of each whole frame of (C, N): (frames,) in float64."""
    return compute_frame_energy(waveform, frame_samples) / (waveform.shape[0] * min(frame_samples, waveform.shape[-1]))


def compute_loudest_power(waveform: Tensor, sample_rate: int) -> Tensor:
    """Mean square of the loudest second of (C, N): what its silence is relative to."""
    return compute_frame_power(waveform, sample_rate).max()


def is_silent(power: Tensor, loudest: Tensor, silence_db: float = SILENCE_DB) -> Tensor:
    """Whether a mean square is that far below the loudest second's; nothing at all always is."""
    return power <= loudest * 10 ** (silence_db / 10)


def is_silent_beside(estimate: Tensor, reference: Tensor, sample_rate: int) -> bool:
    """Whether no second of an estimate (C, N) is above the silence of its reference."""
    return bool(is_silent(compute_loudest_power(estimate, sample_rate), compute_loudest_power(reference, sample_rate)))


def remove_codec_noise(stem: Tensor, mixture: Tensor, sample_rate: int) -> Tensor:
    """A stem (C, N), or zeros if all of it is 70 dB or more below the song: that is what a codec leaves of silence."""
    loudest = compute_loudest_power(stem, sample_rate), compute_loudest_power(mixture, sample_rate)
    return torch.zeros_like(stem) if is_silent(*loudest, _EMPTY_DB) else stem
