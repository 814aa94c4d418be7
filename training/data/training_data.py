"""From settings to decoded audio: the songs to learn from, the extra stems to remix, the excerpts to validate on."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from separator.errors import DatasetError
from separator.inference.levels import BLOCK_SAMPLES, measure_levels
from separator.progress import Progress
from training.config import DataSettings, TrainConfig, split_target_dir
from training.data.cache import Cache, UnreadableFile
from training.data.cached_audio import Audio, FloatArray
from training.data.layouts import Song, find_loose, find_songs, find_weighted, split_songs


@dataclass(frozen=True)
class Pair:
    """One song as the network sees it: its targets, and everything else."""

    name: str
    targets: tuple[Audio | None, ...]
    """None for one that is unknown and may be within the rest; empty for one that does not play."""
    rest: Audio
    parts: dict[str, Audio] = field(default_factory=dict)
    """The rest's own stems where the song has several."""

    @property
    def known(self) -> tuple[Audio, ...]:
        """The targets that are known."""
        return tuple(target for target in self.targets if target is not None)

    @property
    def is_whole(self) -> bool:
        """Whether all targets are known, so that the rest holds none."""
        return None not in self.targets

    @property
    def n_samples(self) -> int:
        return max(audio.n_samples for audio in (*self.known, self.rest))


@dataclass(frozen=True)
class WeightedSources:
    """Things to draw from, each with a weight."""

    items: tuple[Audio, ...]
    weights: tuple[float, ...]

    def draw(self, rng: np.random.Generator) -> Audio:
        cumulative = np.cumsum(self.weights)
        return self.items[int(np.searchsorted(cumulative, rng.uniform(0, cumulative[-1])))]


@dataclass(frozen=True)
class ValidationExcerpt:
    """A fixed stretch of a validation song, which is known by its number: two folders may have songs of one name."""

    song: int
    targets: FloatArray
    """``(S, N)``."""
    rest: FloatArray
    known: tuple[bool, ...]
    """Which targets are known; of the others there are zeros, and the rest may hold them."""
    start_seconds: float


@dataclass(frozen=True)
class TrainingData:
    """All the audio of a training, decoded; samples are read from the cache on demand."""

    pairs: tuple[Pair, ...]
    pair_weights: tuple[float, ...]
    targets: tuple[WeightedSources, ...]
    """A pool for each target."""
    rests: WeightedSources
    valid: tuple[Pair, ...]
    unreadable: tuple[UnreadableFile, ...]
    soft: tuple[Pair, ...] = ()
    """Songs whose stems are estimates: to be learned as they are."""

    def describe(self) -> str:
        hours = " + ".join(f"{_hours(pool.items):.1f}" for pool in self.targets)
        soft_hours = _hours(self.soft)
        return (
            f"{len(self.pairs)} songs to train on, {len(self.valid)} to validate on; {hours} h of target and "
            f"{_hours(self.rests.items):.1f} h of other music to remix"
            + (f"; {soft_hours:.1f} h of estimates" if self.soft else "")
        )


def load_training_data(config: TrainConfig, sample_rate: int, progress: Progress | None = None) -> TrainingData:
    """Find, decode and sort all the audio of a config.

    Files that cannot be decoded are left out and listed in ``TrainingData.unreadable``.

    Raises:
        DatasetError: a folder is not what it should be, or nothing usable is left in it.
        Cancelled: by ``progress`` raising it.
    """
    cache = Cache(config.cache_dir, sample_rate)
    songs, weights = _find_training_songs(config)
    held_out = find_songs(config.val_dir).songs if config.val_dir else ()
    soft = [song for folder in config.soft_dir for song in find_songs(folder).songs if song.has(*config.target)]
    loose_targets = _find_loose_targets(config)
    rests = [path for folder in config.rest_dir for path in find_loose(folder)]
    own = [song for song in songs if song.split != "test" and song.has(*config.target)]
    loose = [path for paths in [*loose_targets, rests] for path in paths]
    files = [*(song.files() for song in [*own, *soft, *held_out]), *([path] for path in loose)]
    unreadable = cache.prepare(files, progress=progress)
    broken = {item.path for item in unreadable}
    train, valid = _split_songs(config, songs, unreadable)
    pairs = [_make_pair(cache, song, config.target) for song in train]
    # A long song is drawn more often than a short one, but not in proportion: voices matter more than minutes.
    pair_weights = [weights[song.folder] * pair.n_samples**0.5 for song, pair in zip(train, pairs, strict=True)]
    data = TrainingData(
        pairs=tuple(pairs),
        pair_weights=tuple(pair_weights),
        targets=tuple(
            _make_sources([pair.targets[i] for pair in pairs], pair_weights, _load_loose(cache, paths, broken))
            for i, paths in enumerate(loose_targets)
        ),
        rests=_make_sources(
            [p.rest if p.is_whole else None for p in pairs], pair_weights, _load_loose(cache, rests, broken)
        ),
        valid=tuple(_make_pair(cache, song, config.target) for song in valid),
        unreadable=tuple(unreadable),
        soft=tuple(_make_pair(cache, song, config.target) for song in soft if broken.isdisjoint(song.files())),
    )
    _refuse_empty_pools(config, data)
    return data


def validation_excerpts(data: TrainingData, seconds: float, most: int) -> list[ValidationExcerpt]:
    """The same stretches every time: as many of each song as fit into ``most`` altogether, and one; evenly spread.

    Each song is at the level that separation brings it to, so that scores are those of separation.
    """
    excerpts = []
    per_song = max(1, most // len(data.valid))
    for song, pair in enumerate(data.valid):
        length = min(int(seconds * pair.rest.sample_rate), pair.n_samples)
        known = tuple(target is not None for target in pair.targets)
        gain = np.float32(measure_levels(_read_mixture(pair)).gains[0])
        count = min(per_song, max(1, pair.n_samples // length))
        for start in np.linspace(0, pair.n_samples - length, count).astype(int):
            targets, rest = gain * read_targets(pair, int(start), length), gain * pair.rest.read(int(start), length)
            excerpts.append(ValidationExcerpt(song, targets, rest, known, start / pair.rest.sample_rate))
    return excerpts


def _read_mixture(pair: Pair) -> Iterator[Tensor]:
    """The mono mixture of a song, in blocks (1, n)."""
    for start in range(0, pair.n_samples, BLOCK_SAMPLES):
        length = min(BLOCK_SAMPLES, pair.n_samples - start)
        mixture = read_targets(pair, start, length).sum(axis=0) + pair.rest.read(start, length)
        yield torch.from_numpy(mixture).unsqueeze(0)


def read_targets(pair: Pair, start: int, length: int) -> FloatArray:
    """``(S, length)``; zeros for targets that are not known."""
    nothing = np.zeros(length, dtype=np.float32)
    return np.stack([nothing if target is None else target.read(start, length) for target in pair.targets])


def _refuse_empty_pools(config: TrainConfig, data: TrainingData) -> None:
    """Raises DatasetError where remixes lack something: with several targets not every song has all of them."""
    empty = [name for name, pool in zip(config.target, data.targets, strict=True) if not pool.items]
    if config.remix_share and empty:
        raise DatasetError(f"no song and no target_dir holds {', '.join(empty)}, so there is nothing of it to remix")
    if config.remix_share and not data.rests.items:
        raise DatasetError("no song has each target as a stem of its own; give music without any target as --rest_dir")


def _find_loose_targets(config: TrainConfig) -> list[list[Path]]:
    """For each target the files of the folders that hold it alone."""
    folders = [split_target_dir(text, config.target) for text in config.target_dir]
    return [[path for of, folder in folders if of == target for path in find_loose(folder)] for target in config.target]


def _find_training_songs(config: DataSettings) -> tuple[list[Song], dict[Path, float]]:
    songs: list[Song] = []
    weights: dict[Path, float] = {}
    for text in config.data_dir:
        found = find_weighted(text)
        songs += found.folder.songs
        weights |= {song.folder: found.weight for song in found.folder.songs}
    return songs, weights


def _split_songs(
    config: TrainConfig, songs: list[Song], unreadable: list[UnreadableFile]
) -> tuple[list[Song], list[Song]]:
    """Songs to train and to validate on. Broken ones go first: the only song kept aside might be one of them."""
    broken = {item.path for item in unreadable}

    def usable(some: list[Song]) -> list[Song]:
        return [song for song in some if song.has(*config.target) and broken.isdisjoint(song.files())]

    left = usable(songs)
    try:
        train, valid = split_songs(left, config.val_split, config.seed, config.val_dir or None)
        valid = usable(valid)
    except DatasetError as error:
        raise DatasetError(
            "\n".join([str(error), *_list_causes(config, len(songs) - len(left), unreadable)])
        ) from error
    if not valid:
        raise DatasetError("\n".join(["no song is left to validate on", *_list_causes(config, 0, unreadable)]))
    return train, valid


def _list_causes(config: TrainConfig, n_left_out: int, unreadable: list[UnreadableFile]) -> list[str]:
    """Why songs were left out."""
    target = " or ".join(config.target)
    lacking = f"{n_left_out} song(s) left out; each needs a readable {target} file and a mixture or other stems"
    return [
        *([lacking] if n_left_out else []),
        *(f"unreadable: {item.path}: {item.message}" for item in unreadable[:10]),
    ]


def _make_pair(cache: Cache, song: Song, targets: tuple[str, ...]) -> Pair:
    wanted, rest = cache.load_song(song, *targets)
    # A bass ends far below its recording, and is known to be silent between the two.
    band_hz = max(audio.bandwidth_hz for audio in (*wanted, rest))
    for audio in wanted:
        audio.bandwidth_hz = band_hz if audio.bandwidth_hz else 0.0
    known = [song.has(target) or song.lacks(target) for target in targets]
    parts: dict[str, Audio] = {name: cache.load(paths) for name, paths in song.parts(*targets).items()}
    return Pair(
        song.name,
        tuple(audio if is_known else None for audio, is_known in zip(wanted, known, strict=True)),
        rest,
        parts if len(parts) > 1 and all(known) else {},
    )


def _load_loose(cache: Cache, paths: Iterable[Path], broken: set[Path]) -> list[Audio]:
    return [cache.load([path]) for path in paths if path not in broken]


def _hours(items: Iterable[Audio | Pair]) -> float:
    return sum(item.n_samples / (item.rest if isinstance(item, Pair) else item).sample_rate for item in items) / 3600


def _make_sources(own: Sequence[Audio | None], own_weights: list[float], loose: list[Audio]) -> WeightedSources:
    """Of what is known and not empty."""
    weights = [*own_weights, *(item.n_samples**0.5 for item in loose)]
    kept = [
        (item, weight)
        for item, weight in zip([*own, *loose], weights, strict=True)
        if item is not None and item.n_samples
    ]
    return WeightedSources(tuple(item for item, _ in kept), tuple(weight for _, weight in kept))
