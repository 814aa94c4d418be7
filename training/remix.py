"""Random training excerpts, made on the fly: aligned as in the song, or one song's target over the music of another.

Excerpt number i of a seed is always the same, whoever makes it: so a run can be resumed, spread over processes and
devices, and repeated.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from torch.utils.data import Dataset, Sampler

from training.augment import SPEEDS, FloatArray, augment
from training.cached_audio import PROFILE_SECONDS, Audio
from training.config import TrainConfig
from training.material import Material, Pair

MIXTURE_DBFS = (-30.0, -10.0)
"""Range of the mixture's RMS level."""
ALIGNED_GAIN_DB = 3.0
"""An aligned excerpt's balance is changed by at most this much."""
PARTS_SHARE = 0.3
"""Share of remixes whose rest is put together from stems of different songs, where there are such."""
TWO_RESTS_SHARE = 0.15
QUIET_MEAN_SQUARE = 1e-6
"""-60 dBFS: a target quieter than this is looked for elsewhere."""
FULL_BAND_SHARE = 0.8
"""A source whose band ends below this share of half the sample rate has no say above it."""


@dataclass(frozen=True)
class Excerpt:
    """One training example. ``band_hz`` is the frequency up to which the target is known."""

    target: FloatArray
    rest: FloatArray
    band_hz: float


class Excerpts(Dataset[tuple[FloatArray, FloatArray, np.float32]]):
    """Excerpt ``i`` of an endless series, as (target (N,), rest (N,), band in Hz), all float32: MPS has no float64."""

    def __init__(self, material: Material, config: TrainConfig, sample_rate: int) -> None:
        self.material = material
        self.config = config
        self.sample_rate = sample_rate
        self.length = int(config.segment_seconds * sample_rate)
        self._pair_odds = np.cumsum(material.pair_weights)
        self._soft_odds = np.cumsum([pair.n_samples for pair in material.soft])
        self._parts = _parts_by_name(material.pairs)

    def __getitem__(self, index: int) -> tuple[FloatArray, FloatArray, np.float32]:
        excerpt = self.make(np.random.default_rng([self.config.seed, index]))
        return excerpt.target, excerpt.rest, np.float32(excerpt.band_hz)

    def make(self, rng: np.random.Generator) -> Excerpt:
        """One excerpt, all of whose chances come from ``rng``."""
        if self.material.soft and rng.uniform() < self.config.soft_share:
            target, rest, band_hz = self._aligned(rng, self.material.soft, self._soft_odds)
        else:
            target, rest, band_hz = self._of_true_stems(rng)
        gain = _gain_to(rng.uniform(*MIXTURE_DBFS), target + rest)
        return Excerpt(target * gain, rest * gain, band_hz)

    def _of_true_stems(self, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, float]:
        is_remix = rng.uniform() < self.config.remix_share
        if is_remix:
            target, rest, band_hz = self._remixed(rng)
        else:
            target, rest, band_hz = self._aligned(rng, self.material.pairs, self._pair_odds)
        if rng.uniform() < self.config.silent_share:
            target, band_hz = np.zeros_like(target), self.sample_rate / 2
        return target, rest, band_hz

    def _aligned(
        self, rng: np.random.Generator, pairs: tuple[Pair, ...], odds: FloatArray
    ) -> tuple[FloatArray, FloatArray, float]:
        """Target and rest of the same moment of one song, with their balance slightly changed."""
        pair = pairs[int(np.searchsorted(odds, rng.uniform(0, odds[-1])))]
        speed = self._speed(rng, often=0.4)
        start = self._start(pair.target, speed, rng)
        target, rest = self._read(pair.target, start, speed), self._read(pair.rest, start, speed)
        if "polarity" in self.config.augmentations and rng.uniform() < 0.5:
            target, rest = -target, -rest
        target = target * np.float32(10 ** (rng.uniform(-ALIGNED_GAIN_DB, ALIGNED_GAIN_DB) / 20))
        return target, rest, self._band_hz(pair.target, speed)

    def _remixed(self, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, float]:
        """A target over music that it was not made for, at a random balance."""
        audio, speed = self.material.targets.draw(rng), self._speed(rng, often=0.5)
        target = self._read(audio, self._start(audio, speed, rng), speed)
        target = augment(target, rng, self.sample_rate, self.config.augmentations, is_target=True)
        rest = self._rest(rng)
        rest = augment(rest, rng, self.sample_rate, self.config.augmentations, is_target=False)
        balance_db = rng.uniform(*self.config.target_gain_db)
        target, rest = target * _gain_to(balance_db, target), rest * _gain_to(0.0, rest)
        return target, rest, self._band_hz(audio, speed)

    def _rest(self, rng: np.random.Generator) -> FloatArray:
        if self._parts and rng.uniform() < PARTS_SHARE:
            parts = [self._any(choices, rng) for choices in self._parts.values()]
            return np.asarray(np.sum(parts, axis=0), dtype=np.float32)
        rest = self._any(self.material.rests.draw(rng), rng)
        if rng.uniform() < TWO_RESTS_SHARE:
            other = self._any(self.material.rests.draw(rng), rng)
            rest = rest + other * _gain_to(rng.uniform(-12, 0), other) / max(float(_gain_to(0.0, rest)), 1e-6)
        return rest

    def _any(self, audio: Audio | tuple[Audio, ...], rng: np.random.Generator) -> FloatArray:
        if isinstance(audio, tuple):
            audio = audio[int(rng.integers(len(audio)))]
        speed = self._speed(rng, often=0.4)
        return self._read(audio, self._start(audio, speed, rng), speed)

    def _speed(self, rng: np.random.Generator, often: float) -> float:
        wanted = rng.uniform() < often and "speed" in self.config.augmentations
        return float(np.exp(rng.uniform(*np.log(SPEEDS)))) if wanted else 1.0

    def _start(self, audio: Audio, speed: float, rng: np.random.Generator) -> int:
        """A place where there is something to hear, if a few tries find one."""
        latest = max(1, audio.n_samples - int(self.length * speed))
        start = int(rng.integers(latest))
        for _ in range(6):
            if _mean_square(audio, start, self.length) > QUIET_MEAN_SQUARE:
                break
            start = int(rng.integers(latest))
        return start

    def _read(self, audio: Audio, start: int, speed: float) -> FloatArray:
        if speed == 1.0:
            return audio.read(start, self.length)
        samples = audio.read(start, int(self.length * speed) + 2)
        positions = np.arange(self.length, dtype=np.float32) * np.float32(speed)
        whole = positions.astype(np.int64)
        fraction = positions - whole
        return np.asarray(samples[whole] * (1 - fraction) + samples[whole + 1] * fraction, dtype=np.float32)

    def _band_hz(self, audio: Audio, speed: float) -> float:
        """Up to where a target is known; silence, in which no band is to be seen, is known up to the top."""
        half = self.sample_rate / 2
        return audio.bandwidth_hz * speed if 0 < audio.bandwidth_hz < FULL_BAND_SHARE * half else half


class ExcerptNumbers(Sampler[int]):
    """The numbers of ``batches`` batches from ``first`` on for one of several processes, which share out each batch."""

    def __init__(self, batch_size: int, rank: int, world_size: int) -> None:
        self.batch_size = batch_size
        self.rank, self.world_size = rank, world_size
        self.first, self.batches = 0, 0

    def __iter__(self) -> Iterator[int]:
        together = self.batch_size * self.world_size
        for batch in range(self.batches):
            first = self.first + batch * together + self.rank * self.batch_size
            yield from range(first, first + self.batch_size)

    def __len__(self) -> int:
        return self.batch_size * self.batches


def _parts_by_name(pairs: tuple[Pair, ...]) -> dict[str, tuple[Audio, ...]]:
    names = {name for pair in pairs for name in pair.parts}
    found = {name: tuple(pair.parts[name] for pair in pairs if name in pair.parts) for name in sorted(names)}
    return {name: audios for name, audios in found.items() if len(audios) > 1}


def _mean_square(audio: Audio, start: int, length: int) -> float:
    step = int(PROFILE_SECONDS * audio.sample_rate)
    window = audio.mean_square_profile[start // step : (start + length) // step + 1]
    return float(window.mean()) if len(window) else 0.0


def _gain_to(level_db: float, samples: FloatArray) -> np.float32:
    """The factor that brings samples to an RMS level in dBFS; near silence is raised no further than from -80 dBFS."""
    rms = float(np.sqrt(np.mean(np.square(samples))))
    return np.float32(10 ** (level_db / 20) / max(rms, 1e-4))
