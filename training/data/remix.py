"""Random training excerpts, made on the fly: aligned as in the song, or targets of some songs over music of another.

Excerpt number i of a seed is always the same, in any process: so a run can be resumed, spread over processes and
devices, and repeated.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset, Sampler

from training.augmentations import SPEEDS, FloatArray, augment
from training.config import ExcerptSettings
from training.data.cached_audio import PROFILE_SECONDS, Audio
from training.data.training_data import Pair, TrainingData, WeightedSources

MIXTURE_DBFS = (-26.0, -8.0)
"""Range of the mixture's RMS level, around that of separation (``separator.inference.levels.LEVEL_DBFS``)."""
ALIGNED_GAIN_DB = 3.0
"""An aligned excerpt's balance is changed by at most this much."""
LAID_OVER_SHARE = 0.8
"""How often a target that does not play in a song is laid over it: singers over an instrumental song."""
PARTS_SHARE = 0.3
"""Share of remixes whose rest is put together from stems of different songs, where there are such."""
TWO_RESTS_SHARE = 0.15
UNKNOWN_HZ = -1.0
"""The band of a target of which nothing is known."""
HARD_PAN_SHARE = 0.4
"""Share of the panned sources that are in one channel only."""
QUIET_MEAN_SQUARE = 1e-6
"""-60 dBFS: a target quieter than this is looked for elsewhere."""
FULL_BAND_SHARE = 0.8
"""A source whose band ends below this share of half the sample rate leaves the target unknown above it."""


@dataclass(frozen=True)
class Excerpt:
    """One training example. ``band_hz`` is the frequency up to which each target is known.

    ``pans`` are the gains of the targets and the rest in the left and right channel that a stereo model takes.
    """

    targets: FloatArray
    rest: FloatArray
    band_hz: FloatArray
    pans: FloatArray


class Excerpts(Dataset[tuple[FloatArray, FloatArray, FloatArray, FloatArray]]):
    """Excerpt ``i`` of an endless series: targets (S, N), rest (N,), bands in Hz (S,), pans (S + 1, 2), all float32."""

    def __init__(self, data: TrainingData, config: ExcerptSettings, sample_rate: int) -> None:
        self.data = data
        self.config = config
        self.sample_rate = sample_rate
        self.length = int(config.segment_seconds * sample_rate)
        self._pair_odds = np.cumsum(data.pair_weights)
        self._soft_odds = np.cumsum([pair.n_samples for pair in data.soft])
        self._parts = _group_parts(data.pairs)

    def __getitem__(self, index: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        excerpt = self.make(np.random.default_rng([self.config.seed, index]))
        return excerpt.targets, excerpt.rest, excerpt.band_hz, excerpt.pans

    def make(self, rng: np.random.Generator) -> Excerpt:
        """One excerpt, a function of ``rng`` alone."""
        if self.data.soft and rng.uniform() < self.config.soft_share:
            targets, rest, band_hz = self._draw_aligned(rng, self.data.soft, self._soft_odds)
        else:
            targets, rest, band_hz = self._draw_true_stems(rng)
        gain = _gain_to(rng.uniform(*MIXTURE_DBFS), targets.sum(axis=0) + rest)
        targets, rest = targets * gain, rest * gain
        is_panned = rng.uniform() < self.config.pan_share  # drawn last, so that all else is as without panning
        pans = _draw_pans(rng, np.vstack([targets, rest])) if is_panned else np.ones((len(targets) + 1, 2))
        return Excerpt(targets, rest, band_hz, pans.astype(np.float32))

    def _draw_true_stems(self, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
        is_remix = rng.uniform() < self.config.remix_share
        if is_remix:
            targets, rest, band_hz = self._draw_remix(rng)
        else:
            targets, rest, band_hz = self._draw_aligned(rng, self.data.pairs, self._pair_odds, is_true=True)
        is_silenced = (rng.uniform(size=len(targets)) < self.config.silent_share) & (band_hz != UNKNOWN_HZ)
        targets[is_silenced], band_hz[is_silenced] = 0, self.sample_rate / 2
        return targets, rest, band_hz

    def _draw_aligned(
        self, rng: np.random.Generator, pairs: tuple[Pair, ...], odds: FloatArray, *, is_true: bool = False
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Targets and rest of the same moment of one song, with their balance slightly changed.

        What does not play in a song of true stems is often laid over it.
        """
        pair = pairs[int(np.searchsorted(odds, rng.uniform(0, odds[-1])))]
        speed = self._draw_speed(rng, often=0.4)
        sounding = [target for target in pair.known if target.n_samples] or [pair.rest]
        start = self._find_start(sounding[int(rng.integers(len(sounding)))], speed, rng)
        targets = np.stack([self._read(target, start, speed) for target in pair.targets])
        rest = self._read(pair.rest, start, speed)
        if "polarity" in self.config.augmentations and rng.uniform() < 0.5:
            targets, rest = -targets, -rest
        gains_db = rng.uniform(-ALIGNED_GAIN_DB, ALIGNED_GAIN_DB, size=(len(targets), 1))
        targets = targets * (10 ** (gains_db / 20)).astype(np.float32)
        band_hz = self._bands_hz(pair.targets, [speed] * len(targets))
        there = targets.sum(axis=0) + rest
        for i, target in enumerate(pair.targets if is_true else ()):
            is_empty = target is not None and not target.n_samples and self.data.targets[i].items
            if is_empty and rng.uniform() < LAID_OVER_SHARE:
                samples, audio, own_speed = self._draw_target(self.data.targets[i], rng)
                balance_db = rng.uniform(*self.config.target_gain_db)
                targets[i] = samples * (_gain_to(balance_db, samples) / _gain_to(0.0, there))
                band_hz[i] = self._band_hz(audio, own_speed)
        return targets, rest, band_hz

    def _draw_remix(self, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Targets over music that they were not made for, at random balances."""
        drawn = [self._draw_target(pool, rng) for pool in self.data.targets]
        rest = self._draw_rest(rng)
        rest = augment(rest, rng, self.sample_rate, self.config.augmentations, is_target=False)
        balances_db = rng.uniform(*self.config.target_gain_db, size=len(drawn))
        levelled = [samples * _gain_to(db, samples) for (samples, _, _), db in zip(drawn, balances_db, strict=True)]
        band_hz = self._bands_hz([audio for _, audio, _ in drawn], [speed for _, _, speed in drawn])
        return np.stack(levelled), rest * _gain_to(0.0, rest), band_hz

    def _draw_target(self, pool: WeightedSources, rng: np.random.Generator) -> tuple[FloatArray, Audio, float]:
        """A stretch of a target, augmented, what it is of, and how fast it was read."""
        audio, speed = pool.draw(rng), self._draw_speed(rng, often=0.5)
        samples = self._read(audio, self._find_start(audio, speed, rng), speed)
        return augment(samples, rng, self.sample_rate, self.config.augmentations, is_target=True), audio, speed

    def _draw_rest(self, rng: np.random.Generator) -> FloatArray:
        if self._parts and rng.uniform() < PARTS_SHARE:
            parts = [self._draw_any(choices, rng) for choices in self._parts.values()]
            return np.asarray(np.sum(parts, axis=0), dtype=np.float32)
        rest = self._draw_any(self.data.rests.draw(rng), rng)
        if rng.uniform() < TWO_RESTS_SHARE:
            other = self._draw_any(self.data.rests.draw(rng), rng)
            rest = rest + other * _gain_to(rng.uniform(-12, 0), other) / max(float(_gain_to(0.0, rest)), 1e-6)
        return rest

    def _draw_any(self, audio: Audio | tuple[Audio, ...], rng: np.random.Generator) -> FloatArray:
        if isinstance(audio, tuple):
            audio = audio[int(rng.integers(len(audio)))]
        speed = self._draw_speed(rng, often=0.4)
        return self._read(audio, self._find_start(audio, speed, rng), speed)

    def _draw_speed(self, rng: np.random.Generator, often: float) -> float:
        wanted = rng.uniform() < often and "speed" in self.config.augmentations
        return float(np.exp(rng.uniform(*np.log(SPEEDS)))) if wanted else 1.0

    def _find_start(self, audio: Audio, speed: float, rng: np.random.Generator) -> int:
        """A start where the signal is not silent, if a few tries find one."""
        latest = max(1, audio.n_samples - int(self.length * speed))
        start = int(rng.integers(latest))
        for _ in range(6):
            if _mean_square(audio, start, self.length) > QUIET_MEAN_SQUARE:
                break
            start = int(rng.integers(latest))
        return start

    def _read(self, audio: Audio | None, start: int, speed: float) -> FloatArray:
        if audio is None:
            return np.zeros(self.length, dtype=np.float32)
        if speed == 1.0:
            return audio.read(start, self.length)
        samples = audio.read(start, int(self.length * speed) + 2)
        positions = np.arange(self.length, dtype=np.float32) * np.float32(speed)
        whole = positions.astype(np.int64)
        fraction = positions - whole
        return np.asarray(samples[whole] * (1 - fraction) + samples[whole + 1] * fraction, dtype=np.float32)

    def _bands_hz(self, targets: Sequence[Audio | None], speeds: Sequence[float]) -> FloatArray:
        return np.array([self._band_hz(*pair) for pair in zip(targets, speeds, strict=True)], dtype=np.float32)

    def _band_hz(self, audio: Audio | None, speed: float) -> float:
        """Up to where a target is known; silence, in which no band is to be seen, is known up to the top."""
        if audio is None:
            return UNKNOWN_HZ
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


def _draw_pans(rng: np.random.Generator, sources: FloatArray) -> NDArray[np.float64]:
    """Gains (S, 2) that place each of some sources (S, N) at random between left and right, often at one of them.

    Both channels have the level of the mono mixture, as in separation; a channel with next to nothing in it is silent.
    """
    positions = rng.uniform(-1, 1, size=len(sources))
    positions = np.where(rng.uniform(size=len(sources)) < HARD_PAN_SHARE, np.sign(positions), positions)
    gains = np.minimum(1, np.stack([1 - positions, 1 + positions], axis=1))
    mixture, channels = (np.sqrt(np.mean(np.square(x), axis=-1)) for x in (sources.sum(axis=0), gains.T @ sources))
    return gains * np.where(channels > 0.01 * mixture, mixture / np.maximum(channels, 1e-9), 0)


def _group_parts(pairs: tuple[Pair, ...]) -> dict[str, tuple[Audio, ...]]:
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
