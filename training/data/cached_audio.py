"""One signal in the decoded cache: what is known of it, and its samples, read in excerpts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from separator.errors import DatasetError

PROFILE_SECONDS = 0.5
FULL_SCALE = 32768
SPECTRUM_SIZE = 1024
PRACTICALLY_NOTHING_DB = -80.0
"""Long-term power below the strongest bin under which a bin counts as empty."""

FloatArray = NDArray[np.float32]


class Audio(Protocol):
    """A mono signal of known length that is read in excerpts."""

    n_samples: int
    sample_rate: int
    bandwidth_hz: float
    mean_square_profile: FloatArray

    def read(self, start: int, length: int) -> FloatArray:
        """Samples (length,) from `start`; zeros outside the signal, on either side."""


@dataclass(frozen=True)
class Entry:
    """One decoded file in the cache."""

    source: str
    source_rate: int
    """Hz, of the file itself."""
    channels: int
    n_samples: int
    scale: float
    """Sample value of full scale: 1, or the peak of a file that exceeds it."""
    peak: float
    clipped_share: float
    """Share of the file's samples at full scale or above."""
    missing_seconds: float
    """How much of what the file's header states is not there."""
    bandwidth_hz: float
    """Above this frequency the file holds practically nothing; at most half the cache's rate."""
    crc32: int
    rms: FloatArray
    """Per half second."""


class CachedAudio:
    """A mono signal in the cache: the sum of one or more files. Cheap to keep and to send to another process."""

    def __init__(self, parts: Sequence[tuple[Path, Entry]], sample_rate: int):
        self._parts = tuple((str(path), entry.n_samples, entry.scale) for path, entry in parts)
        self.sample_rate = sample_rate
        self.n_samples = max((entry.n_samples for _, entry in parts), default=0)
        self.bandwidth_hz = max((entry.bandwidth_hz for _, entry in parts), default=0.0)
        self.mean_square_profile = _sum_profiles([entry.rms for _, entry in parts])
        """Mean square per half second (float32); of several files the sum, as if they were uncorrelated."""

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sample_rate

    def read(self, start: int, length: int) -> FloatArray:
        """Samples (length,) from `start`; zeros outside the signal, on either side.

        Raises:
            DatasetError: the cache was removed or damaged since this was loaded.
        """
        total = np.zeros(length, dtype=np.float32)
        for path, n_samples, scale in self._parts:
            first, last = max(0, start), min(n_samples, start + length)
            if first < last:
                samples = _read_samples(path, first, last - first)
                total[first - start : last - start] += samples * np.float32(scale / FULL_SCALE)
        return total


def _read_samples(path: str, first: int, count: int) -> NDArray[np.int16]:
    try:
        samples = np.fromfile(path, dtype="<i2", count=count, offset=2 * first)
    except OSError as error:
        raise DatasetError(f"{path} is gone from the cache ({error.strerror}); start again to make it anew") from error
    if len(samples) < count:
        raise DatasetError(f"{path} in the cache was cut short; start again to make it anew")
    return samples


class Difference:
    """The mixture without the target: the accompaniment of a song that has only these two files."""

    def __init__(self, mixture: Audio, target: Audio):
        self._mixture, self._target = mixture, target
        self.sample_rate = mixture.sample_rate
        self.n_samples = mixture.n_samples
        self.bandwidth_hz = mixture.bandwidth_hz
        short = target.mean_square_profile[: len(mixture.mean_square_profile)]
        self.mean_square_profile = mixture.mean_square_profile.copy()
        self.mean_square_profile[: len(short)] = np.maximum(self.mean_square_profile[: len(short)] - short, 0)

    def read(self, start: int, length: int) -> FloatArray:
        """Samples (length,) from `start`; zeros outside the signal, on either side."""
        return self._mixture.read(start, length) - self._target.read(start, length)


def bandwidth_hz(waveform: FloatArray, sample_rate: int) -> float:
    """The frequency (Hz) above which a mono signal (N,) holds practically nothing, from its long-term spectrum."""
    n_frames = len(waveform) // SPECTRUM_SIZE
    if n_frames == 0:
        return 0.0
    window = np.hanning(SPECTRUM_SIZE).astype(np.float32)
    power = np.zeros(SPECTRUM_SIZE // 2 + 1)
    for first in range(0, n_frames, 1024):
        frames = waveform[first * SPECTRUM_SIZE : min(n_frames, first + 1024) * SPECTRUM_SIZE]
        power += (np.abs(np.fft.rfft(frames.reshape(-1, SPECTRUM_SIZE) * window)) ** 2).sum(axis=0)
    used = np.flatnonzero(power > power.max() * 10 ** (PRACTICALLY_NOTHING_DB / 10))
    return float(used[-1] * sample_rate / SPECTRUM_SIZE) if len(used) else 0.0


def rms_profile(waveform: FloatArray, sample_rate: int) -> FloatArray:
    """Root mean square of each half second of a mono signal (N,); the last may be shorter."""
    step = int(PROFILE_SECONDS * sample_rate)
    squares = [np.mean(np.square(waveform[first : first + step])) for first in range(0, len(waveform), step)]
    return np.sqrt(np.asarray(squares, dtype=np.float32))


def _sum_profiles(profiles: Sequence[FloatArray]) -> FloatArray:
    total = np.zeros(max(map(len, profiles), default=0), dtype=np.float32)
    for rms in profiles:
        total[: len(rms)] += np.square(rms)
    return total
