"""Remixed excerpts: each a function of its number, balanced as configured."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from training.augmentations import AUGMENTATIONS
from training.config import TrainConfig
from training.data.remix import ALIGNED_GAIN_DB, MIXTURE_DBFS, ExcerptNumbers, Excerpts
from training.data.training_data import Pair, TrainingData, WeightedSources

CALM = TrainConfig(segment_seconds=0.5, augmentations=(), silent_share=0.0)
HALF_RATE_HZ = 11025.0


def level_db(samples: NDArray[np.float32]) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-20))


def steady(made_sound: Callable[..., Any], seed: int, level: float = 0.1, **known: float) -> Any:
    """Noise of one level throughout."""
    noise = np.random.default_rng(seed).standard_normal(44100).astype(np.float32)
    return made_sound(np.float32(level) * noise, **known)


@pytest.fixture
def noises(made_sound: Callable[..., Any]) -> TrainingData:
    """One song of steady noises: the target at -20 dBFS, the rest at -26 dBFS."""
    target, rest = steady(made_sound, 1, 0.1), steady(made_sound, 2, 0.05)
    pair = Pair("song", (target,), rest)
    return TrainingData(
        (pair,), (1.0,), (WeightedSources((target,), (1.0,)),), WeightedSources((rest,), (1.0,)), (pair,), ()
    )


def test_an_excerpt_depends_on_seed_and_number_alone(data: TrainingData):
    config = TrainConfig(segment_seconds=0.25)
    one, other = Excerpts(data, config, 22050), Excerpts(data, config, 22050)
    for _ in range(3):
        one[5]  # whatever was made before
    for index in (0, 7, 10**9):
        for a, b in zip(one[index], other[index], strict=True):
            assert np.array_equal(a, b)
    reseeded = Excerpts(data, config.replace(seed=1), 22050)
    assert not np.array_equal(one[0][0], reseeded[0][0])
    assert not np.array_equal(one[0][0], one[1][0])


def test_excerpts_have_the_asked_length_and_are_finite_float32(data: TrainingData):
    excerpts = Excerpts(data, TrainConfig(segment_seconds=0.3), 22050)
    for index in range(40):
        target, rest, band_hz, _ = excerpts[index]
        length = int(0.3 * 22050)
        for samples, shape in ((target, (1, length)), (rest, (length,))):
            assert samples.shape == shape
            assert samples.dtype == np.float32
            assert np.isfinite(samples).all()
        assert band_hz.dtype == np.float32
        assert 0 < band_hz[0] <= HALF_RATE_HZ


def test_the_balance_of_a_remix_is_within_its_range_and_fills_it(noises: TrainingData):
    config = CALM.replace(remix_share=1.0, target_gain_db=(-12.0, 3.0))
    excerpts = Excerpts(noises, config, 22050)
    balances = [level_db(target) - level_db(rest) for target, rest, *_ in (excerpts[i] for i in range(60))]
    assert -12.5 < min(balances) < -9
    assert 0 < max(balances) < 3.5


def test_an_aligned_excerpt_keeps_time_and_nearly_its_balance(noises: TrainingData):
    excerpts = Excerpts(noises, CALM.replace(remix_share=0.0), 22050)
    song = noises.pairs[0]
    for index in range(10):
        target, rest, *_ = excerpts[index]
        assert abs(level_db(target) - level_db(rest) - 6.0) < ALIGNED_GAIN_DB + 0.5
        starts = [
            int(np.argmax(np.correlate(whole, part[:2000], "valid")))
            for whole, part in ((song.targets[0].samples, target[0]), (song.rest.samples, rest))
        ]
        assert starts[0] == starts[1]


def test_the_mixtures_level_is_within_its_range(noises: TrainingData):
    excerpts = Excerpts(noises, CALM, 22050)
    levels = [level_db(target + rest) for target, rest, *_ in (excerpts[i] for i in range(60))]
    assert MIXTURE_DBFS[0] - 0.1 < min(levels) < MIXTURE_DBFS[0] + 4
    assert MIXTURE_DBFS[1] - 4 < max(levels) < MIXTURE_DBFS[1] + 0.1


def test_the_asked_share_of_excerpts_has_no_target(noises: TrainingData):
    excerpts = Excerpts(noises, CALM.replace(silent_share=0.25), 22050)
    silent = [not np.any(excerpts[i][0]) for i in range(400)]
    assert 0.17 < np.mean(silent) < 0.33
    assert all(np.any(excerpts[i][1]) for i in range(20))  # there is music all the same


def test_a_low_rate_targets_band_ends_at_its_own_nyquist(noises: TrainingData, made_sound: Callable[..., Any]):
    narrow = steady(made_sound, 1, bandwidth_hz=4000.0)
    pair = replace(noises.pairs[0], targets=(narrow,))
    data = replace(noises, pairs=(pair,), targets=(WeightedSources((narrow,), (1.0,)),))
    assert {float(Excerpts(data, CALM, 22050)[i][2][0]) for i in range(10)} == {4000.0}
    assert {float(Excerpts(noises, CALM, 22050)[i][2][0]) for i in range(10)} == {HALF_RATE_HZ}
    sped_up = Excerpts(data, CALM.replace(augmentations=("speed",)), 22050)
    bands = {float(sped_up[i][2][0]) for i in range(20)}
    assert min(bands) < 4000 < max(bands)  # pitch moves the band along


def test_a_target_that_is_silent_is_known_over_the_full_band(noises: TrainingData, made_sound: Callable[..., Any]):
    silent = steady(made_sound, 1, level=0.0, bandwidth_hz=0.0)
    pool = WeightedSources((silent,), (1.0,))
    data = replace(noises, pairs=(replace(noises.pairs[0], targets=(silent,)),), targets=(pool,))
    assert {float(Excerpts(data, CALM, 22050)[i][2][0]) for i in range(10)} == {HALF_RATE_HZ}


def test_a_place_where_the_target_sounds_is_looked_for(noises: TrainingData, made_sound: Callable[..., Any]):
    samples = np.zeros(220500, dtype=np.float32)
    samples[:110250] = 0.1
    rarely = made_sound(samples)
    data = replace(noises, targets=(WeightedSources((rarely,), (1.0,)),))
    excerpts = Excerpts(data, CALM.replace(remix_share=1.0), 22050)
    assert np.mean([not np.any(excerpts[i][0]) for i in range(100)]) < 0.05


def test_the_rest_may_come_from_stems_of_several_songs(noises: TrainingData, made_sound: Callable[..., Any]):
    """Two songs whose drums and bass are different constants: mixed songs show as sums that no song has."""
    pairs = []
    for number, (drums, bass) in enumerate([(0.1, 0.2), (0.4, 0.7)]):
        parts = {"drums": np.full(44100, drums, np.float32), "bass": np.full(44100, bass, np.float32)}
        rest = made_sound(parts["drums"] + parts["bass"])
        target = steady(made_sound, number)
        pairs.append(Pair(f"song {number}", (target,), rest, {name: made_sound(part) for name, part in parts.items()}))
    data = replace(
        noises,
        pairs=tuple(pairs),
        pair_weights=(1.0, 1.0),
        rests=WeightedSources(tuple(p.rest for p in pairs), (1.0, 1.0)),
    )
    excerpts = Excerpts(data, CALM, 22050)
    sums = {round(float(excerpts._draw_rest(np.random.default_rng(i))[0]), 3) for i in range(80)}
    assert {0.8, 0.6} <= sums  # 0.1 + 0.7 and 0.4 + 0.2


def test_processes_share_out_each_batch():
    """Two processes with batches of 4 see what one would with batches of 8."""
    one = ExcerptNumbers(8, rank=0, world_size=1)
    two = [ExcerptNumbers(4, rank=rank, world_size=2) for rank in range(2)]
    for numbers in (one, *two):
        numbers.first, numbers.batches = 48, 3
    assert list(one) == list(range(48, 72))
    for batch in range(3):
        shares = [list(numbers)[4 * batch : 4 * batch + 4] for numbers in two]
        assert shares[0] + shares[1] == list(one)[8 * batch : 8 * batch + 8]
    assert len(two[0]) == 12


def test_switched_off_augmentations_change_nothing(noises: TrainingData):
    """Without any, the excerpt is the song itself, but for its level."""
    (target,), *_ = Excerpts(noises, CALM, 22050)[3]
    song = noises.targets[0].items[0].samples  # type: ignore[attr-defined]
    start = int(np.argmax(np.abs(np.correlate(song, target[:3000], "valid"))))
    part = song[start : start + len(target)]
    assert abs(np.corrcoef(part, target)[0, 1]) > 0.999999


@pytest.mark.parametrize("name", list(AUGMENTATIONS))
def test_each_augmentation_can_be_switched_by_itself(data: TrainingData, name: str):
    config = TrainConfig(segment_seconds=0.25, remix_share=1.0, silent_share=0.0)
    plain = Excerpts(data, config.replace(augmentations=()), 22050)
    changed = Excerpts(data, config.replace(augmentations=(name,)), 22050)
    assert any(not np.array_equal(plain[i][0], changed[i][0]) for i in range(60))


def test_estimates_are_learned_as_they_are_and_never_remixed(noises: TrainingData, made_sound: Callable[..., Any]):
    """A song of estimates is three times as loud in its target; half of the excerpts come from it, none is silenced."""
    soft = Pair("estimates", (steady(made_sound, 3, 0.3),), steady(made_sound, 4, 0.01))
    config = CALM.replace(remix_share=1.0, silent_share=1.0, soft_share=0.5, target_gain_db=(0.0, 0.0))
    excerpts = Excerpts(replace(noises, soft=(soft,)), config, 22050)
    balances = [level_db(target) - level_db(rest) for target, rest, *_ in (excerpts[i] for i in range(200))]
    of_estimates = [balance for balance in balances if balance > -100]
    assert 70 < len(of_estimates) < 130
    true_balance = 20 * np.log10(0.3 / 0.01)
    assert all(abs(balance - true_balance) < ALIGNED_GAIN_DB + 0.5 for balance in of_estimates)


def test_without_estimates_their_share_changes_nothing(data: TrainingData):
    one, other = (Excerpts(data, TrainConfig(soft_share=share), 22050) for share in (0.0, 1.0))
    assert np.array_equal(one[3][0], other[3][0])


@pytest.fixture
def songs(made_sound: Callable[..., Any]) -> TrainingData:
    """Stems are constants: a song with drums 0.1 and bass 0.2, and one with drums 0.3 whose bass is within its rest."""

    def constant(level: float) -> Any:
        return made_sound(np.full(44100, level, np.float32))

    whole = Pair("whole", (constant(0.1), constant(0.2)), constant(0.05))
    mixed_up = Pair("mixed up", (constant(0.3), None), constant(0.7))
    drums = WeightedSources((whole.known[0], mixed_up.known[0]), (1.0, 1.0))
    rests = WeightedSources((whole.rest,), (1.0,))
    return TrainingData(
        (whole, mixed_up), (1.0, 1.0), (drums, WeightedSources(whole.known[1:], (1.0,))), rests, (whole,), ()
    )


def test_what_nobody_knows_of_a_song_is_marked_as_such(songs: TrainingData):
    excerpts = Excerpts(songs, CALM.replace(remix_share=0.0, silent_share=0.3), 22050)
    seen = set()
    for index in range(60):
        targets, rest, bands_hz, _ = excerpts[index]
        assert targets.shape == (2, 11025)
        is_mixed_up = bands_hz[1] < 0
        seen.add((bool(is_mixed_up), bool(targets[0].any()), bool(targets[1].any())))
        assert bands_hz[0] == HALF_RATE_HZ
        assert not (is_mixed_up and targets[1].any())
        assert rest.any()
    assert seen == {(False, d, b) for d in (False, True) for b in (False, True)} | {
        (True, d, False) for d in (False, True)
    }


def test_a_remix_draws_each_target_from_its_own_songs(songs: TrainingData):
    """Each at its own level; the rest is of the one song that is known to hold no target there."""
    config = CALM.replace(remix_share=1.0, target_gain_db=(-12.0, 3.0))
    excerpts = Excerpts(songs, config, 22050)
    drawn = []
    for index in range(40):
        targets, rest, bands_hz, _ = excerpts[index]
        assert set(bands_hz) == {np.float32(HALF_RATE_HZ)}
        balances = [level_db(target) - level_db(rest) for target in targets]
        assert all(-12.1 < balance < 3.1 for balance in balances)
        drawn.append(balances)
    assert np.abs(np.diff(drawn, axis=1)).max() > 5


def test_what_does_not_play_in_a_song_is_laid_over_it(songs: TrainingData, made_sound: Callable[..., Any]):
    """A song without bass gets that of the other one, at a level of its own; as estimates it is left alone."""
    drums = songs.pairs[0].known[0]
    without = Pair("without", (drums, made_sound(np.zeros(0, np.float32))), songs.pairs[0].rest)
    only = replace(songs, pairs=(without,), pair_weights=(1.0,))
    config = CALM.replace(remix_share=0.0, soft_share=1.0)
    excerpts = [Excerpts(only, config, 22050)[i] for i in range(60)]
    has_bass = [bool(targets[1].any()) for targets, *_ in excerpts]
    assert 0.6 < np.mean(has_bass) < 0.95
    assert all(bands_hz[1] == HALF_RATE_HZ for _, _, bands_hz, _ in excerpts)
    estimates = Excerpts(replace(only, soft=(without,)), config, 22050)
    assert not any(estimates[i][0][1].any() for i in range(20))


def test_panning_changes_two_channels_and_nothing_else(noises: TrainingData):
    panned, plain = (Excerpts(noises, CALM.replace(pan_share=share), 22050) for share in (1.0, 0.0))
    sides = set()
    for index in range(60):
        *excerpt, pans = panned[index]
        *mono, centred = plain[index]
        assert all(np.array_equal(one, other) for one, other in zip(excerpt, mono, strict=True))
        assert (centred == 1).all()
        left, right = pans.T @ np.vstack(excerpt[:2])
        level = level_db(excerpt[0].sum(axis=0) + excerpt[1])
        assert all(abs(level_db(side) - level) < 0.1 or not side.any() for side in (left, right))
        sides |= {(bool(gains[0]), bool(gains[1])) for gains in pans}
    assert sides == {(True, True), (True, False), (False, True)}


def test_the_asked_share_of_excerpts_is_panned(noises: TrainingData):
    excerpts = Excerpts(noises, CALM.replace(pan_share=0.25), 22050)
    assert 0.17 < np.mean([bool((excerpts[i][3] != 1).any()) for i in range(400)]) < 0.33
