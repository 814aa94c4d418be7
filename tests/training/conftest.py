"""Fixtures of the training tests: made-up music on disk."""

import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from training.data.cached_audio import rms_profile
from training.data.training_data import Pair, TrainingData, WeightedSources


@pytest.fixture
def melody() -> Callable[..., NDArray[np.float32]]:
    """Chords of three random notes, six a second, as (N,): enough like music to differ from other melodies."""

    def make(seconds: float = 1.0, sample_rate: int = 22050, seed: int = 0) -> NDArray[np.float32]:
        rng = np.random.default_rng(seed)
        n_samples = round(seconds * sample_rate)
        times = np.arange(n_samples) / sample_rate
        notes = 110 * 2 ** (rng.integers(0, 48, size=(int(seconds * 6) + 1, 3)) / 12)
        frequencies = notes[(times * 6).astype(int)]  # (N, 3)
        phases = 2 * np.pi * np.cumsum(frequencies, axis=0) / sample_rate
        hiss = 0.01 * rng.standard_normal(n_samples)
        return (0.1 * np.sin(phases).sum(axis=1) + hiss).astype(np.float32)

    return make


@pytest.fixture
def write_sound(melody: Callable[..., NDArray[np.float32]]) -> Callable[..., Path]:
    """Write a melody to a file, folders and all; each path has its own, the same at every call."""

    def write(path: Path, seconds: float = 0.5, sample_rate: int = 22050, channels: int = 1) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        seed = zlib.crc32("/".join(path.parts[-3:]).encode())
        waveform = melody(seconds, sample_rate, seed)
        soundfile.write(path, np.repeat(waveform[:, None], channels, axis=1), sample_rate)
        return path

    return write


class MadeSound:
    """A decoded signal in memory, with the surface of ``training.data.cached_audio.Audio``."""

    def __init__(self, samples: NDArray[np.float32], sample_rate: int = 22050, bandwidth_hz: float = 11025.0) -> None:
        self.samples = samples
        self.n_samples, self.sample_rate, self.bandwidth_hz = len(samples), sample_rate, bandwidth_hz
        self.mean_square_profile = np.square(rms_profile(samples, sample_rate))

    def read(self, start: int, length: int) -> NDArray[np.float32]:
        return np.pad(self.samples, (length, max(0, start) + length))[start + length : start + 2 * length]


@pytest.fixture
def made_sound() -> type[MadeSound]:
    return MadeSound


@pytest.fixture
def data(melody: Callable[..., NDArray[np.float32]]) -> TrainingData:
    """Two songs to train on and one to validate on: a noise that comes and goes over chords."""

    def pair(name: str, seed: int, seconds: float = 2.0) -> Pair:
        rest = melody(seconds, seed=seed)
        pulse = np.sin(2 * np.pi * 1.5 * np.arange(len(rest)) / 22050) > 0
        voice = np.random.default_rng(seed).standard_normal(len(rest)) * pulse
        return Pair(name, (MadeSound((0.2 * voice).astype(np.float32)),), MadeSound(rest))

    train, valid = [pair("one", 1), pair("two", 2)], pair("three", 3)
    weights = (1.0, 1.0)
    return TrainingData(
        pairs=tuple(train),
        pair_weights=weights,
        targets=(WeightedSources(tuple(p.known[0] for p in train), weights),),
        rests=WeightedSources(tuple(p.rest for p in train), weights),
        valid=(valid,),
        unreadable=(),
    )
