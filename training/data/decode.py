"""One audio file as a mono signal at the cache's rate, with what decoding it revealed."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from separator.audio import AudioStream, resample
from separator.errors import AudioError
from training.data.cached_audio import FloatArray
from training.data.layouts.musdb import STREAMS
from training.data.layouts.song import split_stream

BLOCK_SAMPLES = 1 << 18
CHUNK_SECONDS = 20
KERNEL_SAMPLES = 96
"""Samples, at the lower of two rates, that resampling looks to either side (64 in use), and some to spare."""
CLIPPED = 0.9999


@dataclass(frozen=True)
class Decoded:
    """A decoded file."""

    waveform: FloatArray
    """(N,), the mean of the channels."""
    source_rate: int
    """Hz."""
    channels: int
    clipped_share: float
    """Share of the source's samples at full scale or above."""
    missing_seconds: float
    """How much of what the file's header states is not there."""


def decode(path: Path, sample_rate: int) -> Decoded:
    """Decode a file, or one stream of a `.stem.mp4` (see `stream_path`), to mono at `sample_rate` Hz.

    Only the result is held in memory, not the file at its own rate and channels.

    Raises:
        AudioError: the file is missing, damaged, empty, or holds samples that are no numbers.
    """
    container, stream = split_stream(path)
    counts = {"samples": 0, "clipped": 0}
    with AudioStream(container, stream=STREAMS.index(stream) if stream else 0) as source:
        mono = _count_and_mix(source.blocks(BLOCK_SAMPLES), counts)
        waveform = torch.cat(list(resample_blocks(mono, source.info.sample_rate, sample_rate)))
    if len(waveform) == 0:
        raise AudioError(f"{path} holds no audio")
    clipped_share = counts["clipped"] / counts["samples"]
    info = source.info
    return Decoded(np.asarray(waveform.numpy()), info.sample_rate, info.channels, clipped_share, source.missing_seconds)


def resample_blocks(blocks: Iterator[Tensor], from_rate: int, to_rate: int) -> Iterator[Tensor]:
    """Resample a mono signal that comes in blocks (n,): the same samples as in one go, at constant memory."""
    step = from_rate // math.gcd(from_rate, to_rate)  # this many samples in are a whole number of samples out
    margin = step * math.ceil(KERNEL_SAMPLES * max(1.0, from_rate / to_rate) / step)
    chunk = step * math.ceil(CHUNK_SECONDS * from_rate / step)
    first, kept = margin * to_rate // from_rate, chunk * to_rate // from_rate
    waiting = torch.zeros(margin)
    for block in blocks:
        waiting = torch.cat([waiting, block])
        while len(waiting) >= margin + chunk + margin:
            yield resample(waiting[: margin + chunk + margin], from_rate, to_rate)[first : first + kept]
            waiting = waiting[chunk:]
    kept = -(-(len(waiting) - margin) * to_rate // from_rate)
    yield resample(torch.cat([waiting, torch.zeros(margin)]), from_rate, to_rate)[first : first + kept]


def _count_and_mix(blocks: Iterator[Tensor], counts: dict[str, int]) -> Iterator[Tensor]:
    for block in blocks:
        counts["samples"] += block.numel()
        counts["clipped"] += int((block.abs() >= CLIPPED).sum())
        yield block.mean(dim=0)
