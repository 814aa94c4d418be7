"""Verdicts of the short trials, from curves whose answer is known. The trials themselves: tests/test_train.py."""

import itertools
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from separator.model import load_model
from training.config import TrainConfig
from training.data.training_data import TrainingData
from training.loop import sanity_checks
from training.loop.sanity_checks import (
    RANGE_STEPS,
    Verdict,
    learning_rate_range,
    overfit_one_batch,
    recommend,
    smooth,
)

RATES = [10 ** (-6 + 6 * i / 99) for i in range(100)]


def curve(falls_at: float, rises_at: float) -> list[float]:
    """A loss that falls around one learning rate and explodes above another."""
    return [1.0 - 0.8 / (1 + (falls_at / rate) ** 2) + max(0.0, 5 * math.log10(rate / rises_at)) for rate in RATES]


@pytest.mark.parametrize(
    ("configured", "is_good", "printed"),
    [(1e-3, True, "sound"), (0.5, False, "too high"), (1e-7, False, "needlessly low")],
)
def test_a_learning_rate_is_judged_by_where_the_loss_falls(configured: float, is_good: bool, printed: str):
    verdict = recommend(RATES, curve(falls_at=1e-3, rises_at=0.1), configured)
    assert (verdict.is_good, printed in verdict.sentence) == (is_good, True)


def test_a_loss_that_never_falls_is_told():
    assert recommend(RATES, [1.0] * 100, 1e-3) == Verdict(
        False, "the loss did not fall at any learning rate: something else is wrong, check the data"
    )


def test_smoothing_has_no_bias_to_the_start_and_follows_a_step():
    assert smooth([2.0] * 5) == pytest.approx([2.0] * 5)
    assert smooth([0.0] * 5 + [1.0] * 60)[-1] == pytest.approx(1.0, abs=0.01)


@pytest.fixture
def learn(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the trials see a learner whose steps have given losses; None is a step that was skipped."""

    def make(losses: Iterable[float | None], has_scaler: bool = False) -> None:
        given = iter(losses)
        learner = SimpleNamespace(step=lambda batches, rate: next(given), scaler="a scaler" if has_scaler else None)
        batches = SimpleNamespace(take=lambda first, count: iter(["a batch"]))
        monkeypatch.setattr(sanity_checks, "_learner_and_batches", lambda *_: (learner, batches))

    return make


def test_skipped_steps_before_the_first_loss_do_not_count(learn: Callable[..., None], data: TrainingData):
    for has_scaler in (True, False):
        learn(itertools.chain([None] * 3, itertools.repeat(1.0)), has_scaler)
        verdict = overfit_one_batch(TrainConfig(), data)
        assert not verdict.is_good
        assert "from 1.0000 to 1.0000" in verdict.sentence


def test_a_batch_whose_gradients_are_never_finite_is_told(learn: Callable[..., None], data: TrainingData):
    learn(itertools.repeat(None), has_scaler=True)
    assert "never finite" in overfit_one_batch(TrainConfig(), data).sentence


@pytest.mark.parametrize(
    ("loss", "last", "is_good"), [("sdr", -1.29, True), ("sdr", -0.2, False), ("sdr=10", -1.29, False)]
)
def test_a_loss_that_is_a_logarithm_is_judged_by_its_fall(
    learn: Callable[..., None], data: TrainingData, loss: str, last: float, is_good: bool
):
    learn(itertools.chain([-0.1], itertools.repeat(last)))
    assert overfit_one_batch(TrainConfig(loss=(loss,)), data).is_good == is_good


@pytest.mark.parametrize("loss", ["l1", "sdr"])
def test_the_range_test_survives_overflows_and_losses_below_zero(
    learn: Callable[..., None], data: TrainingData, loss: str
):
    emitted: list[int] = []
    offset = 1.0 if loss == "sdr" else 0.0
    falling = [value - offset for value in curve(falls_at=1e-3, rises_at=10.0)]
    learn([None, None, *falling], has_scaler=True)
    verdict = learning_rate_range(TrainConfig(loss=(loss,)), data, lambda step, loss: emitted.append(step))
    assert verdict.is_good
    assert len(emitted) == RANGE_STEPS


def test_the_range_test_ends_where_a_logarithm_rises(learn: Callable[..., None], data: TrainingData):
    emitted: list[int] = []
    learn([value - 1.0 for value in curve(falls_at=1e-4, rises_at=1e-2)])
    learning_rate_range(TrainConfig(loss=("sdr",)), data, lambda step, loss: emitted.append(step))
    assert RANGE_STEPS / 2 < len(emitted) < RANGE_STEPS


def test_a_checkpoint_is_tried_out_as_it_is(data: TrainingData, tiny_checkpoint: Path):
    learner, _ = sanity_checks._learner_and_batches(TrainConfig(workers=0), data, tiny_checkpoint)
    model = load_model(tiny_checkpoint)
    assert learner.crnn.config == model.config
    assert all(torch.equal(a, b) for a, b in zip(learner.crnn.parameters(), model.parameters(), strict=True))
