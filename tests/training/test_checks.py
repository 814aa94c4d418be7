"""Verdicts of the short trials, from curves whose answer is known. The trials themselves: tests/test_train.py."""

import math

import pytest

from training.checks import Verdict, recommend, smoothed

RATES = [10 ** (-6 + 6 * i / 99) for i in range(100)]


def curve(falls_at: float, rises_at: float) -> list[float]:
    """A loss that falls around one learning rate and explodes above another."""
    return [1.0 - 0.8 / (1 + (falls_at / rate) ** 2) + max(0.0, 5 * math.log10(rate / rises_at)) for rate in RATES]


@pytest.mark.parametrize(
    ("configured", "is_good", "said"),
    [(1e-3, True, "sound"), (0.5, False, "too high"), (1e-7, False, "needlessly low")],
)
def test_a_learning_rate_is_judged_by_where_the_loss_falls(configured: float, is_good: bool, said: str):
    verdict = recommend(RATES, curve(falls_at=1e-3, rises_at=0.1), configured)
    assert (verdict.is_good, said in verdict.sentence) == (is_good, True)


def test_a_loss_that_never_falls_is_told():
    assert recommend(RATES, [1.0] * 100, 1e-3) == Verdict(
        False, "the loss did not fall at any learning rate: something else is wrong, check the data"
    )


def test_smoothing_has_no_bias_to_the_start_and_follows_a_step():
    assert smoothed([2.0] * 5) == pytest.approx([2.0] * 5)
    assert smoothed([0.0] * 5 + [1.0] * 60)[-1] == pytest.approx(1.0, abs=0.01)
