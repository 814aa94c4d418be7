"""Validation: the SDR that people hear, and the same whoever sums it up."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from separator.metrics.distortion import sdr
from separator.model.config import StftConfig
from separator.model.crnn import CRNN
from separator.spectral.stft import istft, stft
from training.data.training_data import Material, ValidationExcerpt, validation_excerpts
from training.loop.validation import Validator
from training.losses import l1_magnitude

CPU = torch.device("cpu")
GRID = StftConfig()


def excerpt(song: int, seed: int, target_gain: float = 0.1, seconds: float = 0.5) -> ValidationExcerpt:
    rng = np.random.default_rng(seed)
    target, rest = rng.standard_normal((2, int(seconds * 22050))).astype(np.float32)
    return ValidationExcerpt(song, np.float32(target_gain) * target[None], np.float32(0.1) * rest, (True,), 0.0)


def test_the_mixture_as_estimate_scores_the_ratio_of_target_to_rest():
    one = excerpt(0, 0, target_gain=0.1 * 10 ** (5 / 20))
    expected = float(sdr(torch.from_numpy(one.targets), torch.from_numpy(one.targets + one.rest)))
    floor = Validator([one], GRID, l1_magnitude).floor()
    assert floor.sdr_db == pytest.approx(expected, abs=1e-3)
    assert floor.sdr_db == pytest.approx(5.0, abs=0.2)


def test_the_ideal_mask_is_far_above_the_floor_and_scores_no_loss_to_speak_of():
    validator = Validator([excerpt(0, 0)], GRID, l1_magnitude)
    assert validator.oracle().sdr_db > validator.floor().sdr_db + 4
    assert validator.oracle().loss < 0.5 * validator.floor().loss


def test_a_models_score_is_that_of_its_masked_mixture(tiny_model: CRNN):
    one = excerpt(0, 1)
    validator = Validator([one], GRID, l1_magnitude)
    scores = validator.scores(validator.model_sums(tiny_model, CPU, None, slice(None)))
    target, mixture = torch.from_numpy(one.targets), torch.from_numpy(one.targets + one.rest)
    spectrum = stft(mixture, GRID.n_fft, GRID.hop_length)
    with torch.no_grad():
        estimate = istft(tiny_model(spectrum.abs())[0][0] * spectrum, GRID.n_fft, GRID.hop_length, mixture.shape[-1])
    assert scores.sdr_db == pytest.approx(float(sdr(target, estimate)), abs=1e-3)


def test_songs_count_alike_however_many_excerpts_they_have():
    loud, quiet = 10 ** (6 / 20), 10 ** (-6 / 20)
    excerpts = [excerpt(0, seed, 0.1 * loud) for seed in range(3)] + [excerpt(1, 9, 0.1 * quiet)]
    assert Validator(excerpts, GRID, l1_magnitude).floor().sdr_db == pytest.approx(0.0, abs=0.2)


def test_a_song_without_the_target_has_no_sdr_but_a_loss():
    silent = excerpt(1, 3, target_gain=0.0)
    both = Validator([excerpt(0, 0), silent], GRID, l1_magnitude).floor()
    alone = Validator([excerpt(0, 0)], GRID, l1_magnitude).floor()
    assert both.sdr_db == pytest.approx(alone.sdr_db)
    assert both.loss != pytest.approx(alone.loss, rel=1e-3)
    assert np.isnan(Validator([silent], GRID, l1_magnitude).floor().sdr_db)


def test_shares_of_several_processes_add_up(tiny_model: CRNN):
    excerpts = [excerpt(song, seed, seconds=0.3 + 0.1 * (seed % 2)) for seed, song in enumerate([0, 0, 1, 1, 2])]
    validator = Validator(excerpts, GRID, l1_magnitude)
    whole = validator.model_sums(tiny_model, CPU, None, slice(None))
    shares = [validator.model_sums(tiny_model, CPU, None, slice(rank, None, 3)) for rank in range(3)]
    assert torch.allclose(sum(shares), whole, rtol=1e-5)  # type: ignore[arg-type]


def test_excerpts_are_spread_over_each_song_and_are_always_the_same(material: Material):
    first, second = (validation_excerpts(material, seconds=0.5, most=3) for _ in range(2))
    assert [e.start_seconds for e in first] == pytest.approx([0.0, 0.75, 1.5], abs=1e-3)
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(a.targets, b.targets)
    (whole,) = validation_excerpts(material, seconds=99.0, most=5)
    assert len(whole.rest) == material.valid[0].n_samples


def test_songs_of_the_same_name_are_two(material: Material):
    twice = replace(material, valid=material.valid * 2)
    excerpts = validation_excerpts(twice, seconds=0.5, most=4)
    assert [e.song for e in excerpts] == [0, 0, 1, 1]


def test_scores_of_several_targets_are_means_over_those_that_are_known():
    """The first target of the second song is not known."""
    rng = np.random.default_rng(0)
    noises = np.float32(0.1) * rng.standard_normal((2, 3, 22050)).astype(np.float32)
    excerpts = [
        ValidationExcerpt(0, noises[0, :2] * np.float32([[3], [1]]), noises[0, 2], (True, True), 0.0),
        ValidationExcerpt(1, noises[1, :2] * np.float32([[0], [1]]), noises[1, 2], (False, True), 0.0),
    ]
    scores = Validator(excerpts, GRID, l1_magnitude).floor()
    first, second = scores.target_sdr_db
    assert first == pytest.approx(10 * np.log10(9 / 2), abs=0.2)
    assert second == pytest.approx((-10 + 0) / 2, abs=0.2)
    assert scores.sdr_db == pytest.approx((first + second) / 2)
    assert Validator(excerpts[:1], GRID, l1_magnitude).floor().target_sdr_db[0] == pytest.approx(first)
