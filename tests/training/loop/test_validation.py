"""Validation: the SDR that people hear, and the same whoever sums it up."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from separator.inference.levels import LEVEL_DBFS
from separator.metrics import sdr
from separator.model import CRNN
from separator.spectral import StftConfig, istft, stft
from training.data.training_data import TrainingData, ValidationExcerpt, validation_excerpts
from training.loop.validation import Evaluator
from training.losses import l1_magnitude

GRID = StftConfig()


def excerpt(song: int, seed: int, target_gain: float = 0.1, seconds: float = 0.5) -> ValidationExcerpt:
    rng = np.random.default_rng(seed)
    target, rest = rng.standard_normal((2, int(seconds * 22050))).astype(np.float32)
    return ValidationExcerpt(song, np.float32(target_gain) * target[None], np.float32(0.1) * rest, (True,), 0.0)


def test_the_mixture_scores_the_ratio_of_target_to_rest():
    one = excerpt(0, 0, target_gain=0.1 * 10 ** (5 / 20))
    expected = float(sdr(torch.from_numpy(one.targets), torch.from_numpy(one.targets + one.rest)))
    floor = Evaluator([one], GRID, l1_magnitude).score_mixture()
    assert floor.sdr_db == pytest.approx(expected, abs=1e-3)
    assert floor.sdr_db == pytest.approx(5.0, abs=0.2)


def test_the_ideal_mask_is_far_above_the_floor():
    evaluator = Evaluator([excerpt(0, 0)], GRID, l1_magnitude)
    assert evaluator.score_ideal_mask().sdr_db > evaluator.score_mixture().sdr_db + 4
    assert evaluator.score_ideal_mask().loss < 0.5 * evaluator.score_mixture().loss


def test_a_models_score_is_that_of_its_masked_mixture(tiny_model: CRNN):
    one = excerpt(0, 1)
    evaluator = Evaluator([one], GRID, l1_magnitude)
    scores = evaluator.score(tiny_model)
    target, mixture = torch.from_numpy(one.targets), torch.from_numpy(one.targets + one.rest)
    spectrum = stft(mixture, GRID.n_fft, GRID.hop_length)
    with torch.no_grad():
        estimate = istft(tiny_model(spectrum.abs())[0][0] * spectrum, GRID.n_fft, GRID.hop_length, mixture.shape[-1])
    assert scores.sdr_db == pytest.approx(float(sdr(target, estimate)), abs=1e-3)


def test_songs_count_alike_however_many_excerpts_they_have():
    loud, quiet = 10 ** (6 / 20), 10 ** (-6 / 20)
    excerpts = [excerpt(0, seed, 0.1 * loud) for seed in range(3)] + [excerpt(1, 9, 0.1 * quiet)]
    assert Evaluator(excerpts, GRID, l1_magnitude).score_mixture().sdr_db == pytest.approx(0.0, abs=0.2)


def test_a_song_without_the_target_has_no_sdr_but_a_loss():
    silent = excerpt(1, 3, target_gain=0.0)
    both = Evaluator([excerpt(0, 0), silent], GRID, l1_magnitude).score_mixture()
    alone = Evaluator([excerpt(0, 0)], GRID, l1_magnitude).score_mixture()
    assert both.sdr_db == pytest.approx(alone.sdr_db)
    assert both.loss != pytest.approx(alone.loss, rel=1e-3)
    assert np.isnan(Evaluator([silent], GRID, l1_magnitude).score_mixture().sdr_db)


def test_shares_of_several_processes_add_up(tiny_model: CRNN):
    excerpts = [excerpt(song, seed, seconds=0.3 + 0.1 * (seed % 2)) for seed, song in enumerate([0, 0, 1, 1, 2])]
    evaluator = Evaluator(excerpts, GRID, l1_magnitude)
    whole = evaluator.model_sums(tiny_model)
    shares = [evaluator.model_sums(tiny_model, slice(rank, None, 3)) for rank in range(3)]
    assert torch.allclose(sum(shares), whole, rtol=1e-5)  # type: ignore[arg-type]


def test_excerpts_are_spread_over_songs_and_always_the_same(data: TrainingData):
    first, second = (validation_excerpts(data, seconds=0.5, most=3) for _ in range(2))
    assert [e.start_seconds for e in first] == pytest.approx([0.0, 0.75, 1.5], abs=1e-3)
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(a.targets, b.targets)
    (whole,) = validation_excerpts(data, seconds=99.0, most=5)
    assert len(whole.rest) == data.valid[0].n_samples


@pytest.mark.parametrize("gain", [0.01, 1.0])
def test_a_song_is_validated_at_the_level_of_separation(data: TrainingData, made_sound: type, gain: float):
    (pair,) = data.valid
    sounds = [made_sound(np.float32(gain) * audio.samples) for audio in (*pair.known, pair.rest)]  # type: ignore[attr-defined]
    song = replace(pair, targets=(sounds[0],), rest=sounds[1])
    (whole,) = validation_excerpts(replace(data, valid=(song,)), seconds=99.0, most=1)
    rms = np.sqrt(np.mean(np.square(whole.targets.sum(axis=0) + whole.rest)))
    assert 20 * np.log10(rms) == pytest.approx(LEVEL_DBFS, abs=0.1)


def test_songs_of_the_same_name_are_two(data: TrainingData):
    twice = replace(data, valid=data.valid * 2)
    excerpts = validation_excerpts(twice, seconds=0.5, most=4)
    assert [e.song for e in excerpts] == [0, 0, 1, 1]


def test_scores_of_several_targets_average_the_known_ones():
    """The first target of the second song is not known."""
    rng = np.random.default_rng(0)
    noises = np.float32(0.1) * rng.standard_normal((2, 3, 22050)).astype(np.float32)
    excerpts = [
        ValidationExcerpt(0, noises[0, :2] * np.float32([[3], [1]]), noises[0, 2], (True, True), 0.0),
        ValidationExcerpt(1, noises[1, :2] * np.float32([[0], [1]]), noises[1, 2], (False, True), 0.0),
    ]
    scores = Evaluator(excerpts, GRID, l1_magnitude).score_mixture()
    first, second = scores.target_sdr_db
    assert first == pytest.approx(10 * np.log10(9 / 2), abs=0.2)
    assert second == pytest.approx((-10 + 0) / 2, abs=0.2)
    assert scores.sdr_db == pytest.approx((first + second) / 2)
    assert Evaluator(excerpts[:1], GRID, l1_magnitude).score_mixture().target_sdr_db[0] == pytest.approx(first)
