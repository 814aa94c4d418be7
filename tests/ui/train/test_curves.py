"""Curves stay light and true however long a training lasts."""

from typing import Any

import pytest

from tests.events import make_event
from tests.ui.run_folders import STARTED, epoch, step
from ui.train.curves import MAX_POINTS, Curves, Series, thin


def draw(*events: dict[str, Any]) -> dict[str, list[tuple[float, float]]]:
    curves = Curves()
    for event in events:
        curves.add(make_event(**{"type_" if name == "type" else name: value for name, value in event.items()}))
    return curves.draw()


def test_a_long_training_has_fewer_than_a_thousand_points() -> None:
    steps = [step(n) for n in range(1, 20_000)]
    drawn = draw(STARTED, *(event for n in range(1, 2000) for event in (*steps[10 * n - 10 : 10 * n], epoch(n))))
    assert sum(map(len, drawn.values())) < 1000
    assert drawn["valid"][0] == (1, 1.5)
    assert drawn["valid"][-1] == (1999, pytest.approx(1.5 / 1999, rel=1e-4))


def test_a_short_one_is_drawn_as_it_is() -> None:
    drawn = draw(STARTED, step(5), epoch(1), step(15), epoch(2))
    assert drawn["train"] == [(0.5, pytest.approx(1 / 6, rel=1e-4)), (1.5, 1 / 16)]
    assert drawn["sdr"] == [(1, 0.1), (2, 0.2)]


def test_epochs_without_a_heartbeat_have_a_training_loss() -> None:
    assert draw(STARTED, epoch(1), epoch(2))["train"] == [(1, 1), (2, 0.5)]


def test_smoothing_keeps_a_constant_and_the_first_value() -> None:
    constant, falling = Series(keep=0.9), Series(keep=0.9)
    for n in range(5):
        constant.add(n, 3.0)
    falling.add(0, 7.0)
    falling.add(1, 1.0)
    assert constant.smoothed() == [(n, pytest.approx(3.0)) for n in range(5)]
    assert falling.smoothed()[0] == (0, pytest.approx(7.0))


def test_a_broken_off_epoch_that_was_trained_anew_is_drawn_once() -> None:
    series, without = Series(keep=0.5), Series(keep=0.5)
    for point in ((1, 9.0), (2, 8.0), (3, 7.0), (2, 6.0), (3, 5.0)):
        series.add(*point)
    for point in ((1, 9.0), (2, 6.0), (3, 5.0)):
        without.add(*point)
    assert series.points() == without.points() == [(1, 9.0), (2, 6.0), (3, 5.0)]
    assert series.smoothed() == without.smoothed()


def test_a_resumed_run_may_have_epochs_of_another_length() -> None:
    drawn = draw(STARTED, epoch(1), epoch(2), {**STARTED, "steps_per_epoch": 100}, step(70))
    assert drawn["train"] == [(2.5, pytest.approx(1 / 71, rel=1e-4))]


def test_a_loss_that_was_no_number_leaves_a_gap() -> None:
    drawn = draw(STARTED, step(10), {**step(20), "loss": None}, step(30))
    assert drawn["train"] == [(1, pytest.approx(1 / 11, rel=1e-4)), (3, pytest.approx(1 / 31, rel=1e-4))]


def test_thinning_keeps_both_ends() -> None:
    kept = thin(10_000)
    assert len(kept) == MAX_POINTS
    assert (kept[0], kept[-1]) == (0, 9999)
