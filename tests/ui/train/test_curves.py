"""Curves stay light and true however long a training lasts."""

import pytest

from tests.ui.run_folders import STARTED, epoch, step
from ui.train.curves import MOST_POINTS, curves, forward_only, smooth, step_losses, thin


def test_a_long_training_is_drawn_with_under_1000_points() -> None:
    steps = [step(n) for n in range(1, 20_000)]
    drawn = curves([STARTED, *(event for n in range(1, 2000) for event in (*steps[10 * n - 10 : 10 * n], epoch(n)))])
    assert sum(map(len, drawn.values())) < 1000
    assert drawn["valid"][0] == (1, 1.5)
    assert drawn["valid"][-1] == (1999, pytest.approx(1.5 / 1999, rel=1e-4))


def test_a_short_one_is_drawn_as_it_is() -> None:
    drawn = curves([STARTED, step(5), epoch(1), step(15), epoch(2)])
    assert drawn["train"] == [(0.5, pytest.approx(1 / 6, rel=1e-4)), (1.5, 1 / 16)]
    assert drawn["sdr"] == [(1, 0.1), (2, 0.2)]


def test_smoothing_keeps_a_constant_and_the_first_value() -> None:
    assert smooth([(n, 3.0) for n in range(5)], 0.9) == [(n, pytest.approx(3.0)) for n in range(5)]
    assert smooth([(0, 7.0), (1, 1.0)], 0.9)[0] == (0, pytest.approx(7.0))


def test_a_broken_off_epoch_that_was_trained_anew_is_drawn_once() -> None:
    assert forward_only([(1, 9.0), (2, 8.0), (3, 7.0), (2, 6.0), (3, 5.0)]) == [(1, 9.0), (2, 6.0), (3, 5.0)]


def test_a_resumed_run_may_have_epochs_of_another_length() -> None:
    events = [STARTED, epoch(1), epoch(2), {**STARTED, "steps_per_epoch": 100}, step(70)]
    assert step_losses(events) == [(2.5, 1 / 71)]


def test_a_loss_that_was_no_number_leaves_a_gap() -> None:
    assert step_losses([STARTED, step(10), {**step(20), "loss": None}, step(30)]) == [(1, 1 / 11), (3, 1 / 31)]


def test_thinning_keeps_both_ends() -> None:
    kept = thin([(n, n) for n in range(10_000)])
    assert len(kept) == MOST_POINTS
    assert (kept[0], kept[-1]) == ((0, 0), (9999, 9999))
