"""Small changes made to one source of an excerpt, at random, so that no two excerpts sound alike.

Each is ``(samples (N,), rng, sample_rate) -> samples (N,)`` on float32 and decides itself how strong it is; how often
it is used stands beside it in ``AUGMENTATIONS``. Changing speed needs more samples than it gives, so it happens where
the excerpt is read (``training.data.remix``).
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Augmentation = Callable[[FloatArray, np.random.Generator, int], FloatArray]

SPEEDS = (0.84, 1.19)
"""Range of ``speed``: three semitones either way, pitch and tempo together."""


def polarity(samples: FloatArray, rng: np.random.Generator, sample_rate: int) -> FloatArray:
    """Turn the waveform upside down."""
    return -samples


def equalise(samples: FloatArray, rng: np.random.Generator, sample_rate: int) -> FloatArray:
    """A smooth random equaliser: up to 6 dB of tilt over the band and three bells of up to 6 dB."""
    spectrum = torch.fft.rfft(torch.from_numpy(samples))
    octaves = np.log2(np.linspace(30.0, sample_rate / 2, len(spectrum)) / 1000.0)
    gain_db = rng.uniform(-1.2, 1.2) * octaves
    for _ in range(3):
        centre, width = rng.uniform(-4, 3.3), rng.uniform(0.3, 1.5)
        gain_db += rng.uniform(-6, 6) * np.exp(-0.5 * ((octaves - centre) / width) ** 2)
    return _filter(spectrum, 10 ** (gain_db / 20), len(samples))


def low_pass(samples: FloatArray, rng: np.random.Generator, sample_rate: int) -> FloatArray:
    """Cut the top, as old recordings and codecs of low rate do: steeply, between 4 and 10 kHz."""
    spectrum = torch.fft.rfft(torch.from_numpy(samples))
    hz = np.linspace(0.0, sample_rate / 2, len(spectrum))
    cut = rng.uniform(4000, 10000)
    return _filter(spectrum, 1 / (1 + (hz / cut) ** 40), len(samples))


def reverb(samples: FloatArray, rng: np.random.Generator, sample_rate: int) -> FloatArray:
    """A room: noise that dies away within 0.2 to 1.5 s, darker than the voice, 6 to 20 dB below it."""
    decay_seconds = rng.uniform(0.2, 1.5)
    length = int(min(decay_seconds, 1.0) * sample_rate)
    tail = rng.standard_normal(length, dtype=np.float32)
    tail *= np.exp(-6.9 * np.arange(length, dtype=np.float32) / (decay_seconds * sample_rate))
    tail[: int(rng.uniform(0.005, 0.04) * sample_rate)] = 0  # the time to the first wall
    tail[1:] = 0.5 * (tail[1:] + tail[:-1])
    tail *= 10 ** (-rng.uniform(6, 20) / 20) / np.sqrt(np.sum(tail**2) + 1e-9)
    tail[0] = 1
    size = len(samples) + length
    wet = torch.fft.irfft(
        torch.fft.rfft(torch.from_numpy(samples), size) * torch.fft.rfft(torch.from_numpy(tail), size), size
    )
    return _array(wet[: len(samples)])


def saturate(samples: FloatArray, rng: np.random.Generator, sample_rate: int) -> FloatArray:
    """Soft clipping, as tape and loud masters do; the level stays about the same."""
    peak = float(np.abs(samples).max(initial=0.0))
    if peak == 0:
        return samples
    drive = rng.uniform(1, 4)
    return np.asarray(np.tanh(samples * (drive / peak)) * (peak / np.tanh(drive)), dtype=np.float32)


def double(samples: FloatArray, rng: np.random.Generator, sample_rate: int) -> FloatArray:
    """A second take: a delayed, slowly drifting and quieter copy, as in doubled voices."""
    positions = np.arange(len(samples), dtype=np.float32)
    depth, rate_hz = rng.uniform(5, 30), rng.uniform(0.2, 1.5)
    drift = depth * np.sin(2 * np.pi * (rate_hz * positions / sample_rate + rng.uniform()))
    delay = rng.uniform(0.01, 0.04) * sample_rate
    copy = np.interp(positions - delay - drift, positions, samples, left=0.0)
    return np.asarray(samples + rng.uniform(0.3, 0.9) * copy, dtype=np.float32)


AUGMENTATIONS: dict[str, tuple[Augmentation | None, float, float]] = {
    "speed": (None, 0.5, 0.4),
    "polarity": (polarity, 0.5, 0.5),
    "equalise": (equalise, 0.5, 0.4),
    "reverb": (reverb, 0.3, 0.0),
    "saturate": (saturate, 0.15, 0.1),
    "double": (double, 0.12, 0.0),
    "low_pass": (low_pass, 0.05, 0.05),
}
"""Name -> (function, how often on the target, how often on the rest). ``speed`` is done while reading."""


def augment(
    samples: FloatArray, rng: np.random.Generator, sample_rate: int, names: tuple[str, ...], is_target: bool
) -> FloatArray:
    """Apply each of the named augmentations with its own probability."""
    for name, (function, on_target, on_rest) in AUGMENTATIONS.items():
        wanted = rng.uniform() < (on_target if is_target else on_rest)
        if function is not None and wanted and name in names:
            samples = function(samples, rng, sample_rate)
    return samples


def _filter(spectrum: torch.Tensor, gain: NDArray[np.float64], length: int) -> FloatArray:
    return _array(torch.fft.irfft(spectrum * torch.from_numpy(gain.astype(np.float32)), length))


def _array(tensor: torch.Tensor) -> FloatArray:
    return np.asarray(tensor.numpy(), dtype=np.float32)
