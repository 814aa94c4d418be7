"""One audio file as a mono signal at the cache's rate, with what decoding it revealed."""

import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from separator.audio import AudioInfo, AudioStream, probe, resample
from separator.errors import AudioError
from separator.ffmpeg import FfmpegDecoder
from training.cached_audio import FloatArray
from training.datasets.musdb import STREAMS
from training.datasets.songs import split_stream

BLOCK_SAMPLES = 1 << 18
CHUNK_SECONDS = 20
KERNEL_SAMPLES = 96
"""Samples, at the lower of two rates, that resampling looks to either side (64 in use), and some to spare."""
CLIPPED = 0.9999
MISSING_SECONDS = 0.1
"""Lossy files promise a little more than they hold, for their encoder's padding; this much more is a damage."""


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
    truncated: bool
    """Whether the file ends before its header says it does."""


def decode(path: Path, sample_rate: int) -> Decoded:
    """Decode a file, or one stream of a `.stem.mp4` (see `stream_path`), to mono at `sample_rate` Hz.

    Only the result is held in memory, not the file at its own rate and channels.

    Raises:
        AudioError: the file is missing, damaged, empty, or holds samples that are no numbers.
    """
    info, blocks = _open(path)
    counts = {"samples": 0, "clipped": 0}
    mono = _count_and_mix(blocks, counts)
    waveform = torch.cat(list(resample_blocks(mono, info.sample_rate, sample_rate)))
    if len(waveform) == 0:
        raise AudioError(f"{path} holds no audio")
    n_found = counts["samples"] // info.channels
    truncated = info.n_samples - n_found > MISSING_SECONDS * info.sample_rate or _riff_announces_more(path)
    clipped_share = counts["clipped"] / counts["samples"]
    return Decoded(np.asarray(waveform.numpy()), info.sample_rate, info.channels, clipped_share, truncated)


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


def _open(path: Path) -> tuple[AudioInfo, Iterator[Tensor]]:
    container, stream = split_stream(path)
    info = probe(container)
    if stream is None:
        return info, _file_blocks(container)
    return info, _stream_blocks(container, STREAMS.index(stream), info.channels)


def _file_blocks(path: Path) -> Iterator[Tensor]:
    with AudioStream(path) as stream:
        for block in stream.blocks(BLOCK_SAMPLES):
            yield block
            if block.shape[1] < BLOCK_SAMPLES:
                break  # asking on would warn of a truncated file; here that is a finding instead


def _stream_blocks(path: Path, index: int, channels: int) -> Iterator[Tensor]:
    with closing(FfmpegDecoder(path, channels, stream=index)) as decoder:
        while len(samples := decoder.read(BLOCK_SAMPLES)):
            yield torch.from_numpy(samples.T.copy())


def _count_and_mix(blocks: Iterator[Tensor], counts: dict[str, int]) -> Iterator[Tensor]:
    for block in blocks:
        counts["samples"] += block.numel()
        counts["clipped"] += int((block.abs() >= CLIPPED).sum())
        yield block.mean(dim=0)


def _riff_announces_more(path: Path) -> bool:
    """Whether a WAV's header claims more bytes than the file has, which libsndfile corrects without a word."""
    if path.suffix.lower() != ".wav":
        return False
    with path.open("rb") as file:
        head = file.read(8)
    claimed = int.from_bytes(head[4:8], "little") + 8
    # Streams that were never finished claim nothing or the most that fits.
    return head[:4] == b"RIFF" and claimed - 8 < 0xFFFFFF00 and claimed > path.stat().st_size + 1
