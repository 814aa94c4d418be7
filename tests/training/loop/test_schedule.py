"""The learning rate of each step; patience, counted from the last better loss. Both go on after a resume."""

import math

import pytest

from training.config import ScheduleSettings
from training.loop.schedule import LAST_SHARE, EarlyStopping, Schedule


def test_it_warms_up_in_a_straight_line():
    schedule = Schedule(ScheduleSettings(warmup_steps=4, schedule="constant"), 1.0)
    assert [schedule.learning_rate(step, 0) for step in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


def test_cosine_falls_to_a_hundredth_over_all_steps():
    config = ScheduleSettings(warmup_steps=0, schedule="cosine", epochs=10, steps_per_epoch=10)
    rates = [Schedule(config, 1.0).learning_rate(step, 0) for step in range(101)]
    assert rates[0] == 1.0
    assert rates[50] == pytest.approx((1 + LAST_SHARE) / 2)
    assert rates[100] == pytest.approx(LAST_SHARE)
    assert rates == sorted(rates, reverse=True)


def test_cosine_follows_the_clock_where_time_is_the_limit():
    config = ScheduleSettings(warmup_steps=0, schedule="cosine", max_minutes=8)
    schedule = Schedule(config, 1.0)
    assert schedule.learning_rate(0, 4.0) == pytest.approx((1 + LAST_SHARE) / 2)
    assert schedule.learning_rate(0, 20.0) == pytest.approx(LAST_SHARE)  # never back up


def test_a_plateau_lowers_the_rate_after_its_patience_and_again():
    config = ScheduleSettings(warmup_steps=0, plateau_patience=1, plateau_factor=0.5)
    schedule = Schedule(config, 1.0)
    rates = []
    for loss in [1.0, 1.0, 1.0, 0.9, 0.95, 0.95, 0.95, math.nan]:
        schedule.update(loss)
        rates.append(schedule.learning_rate(0, 0))
    assert rates == [1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125]


def test_a_schedules_state_goes_on():
    config = ScheduleSettings(plateau_patience=0)
    before, after = Schedule(config, 1.0), Schedule(config, 1.0)
    for loss in (1.0, 2.0):
        before.update(loss)
    after.load_state_dict(before.state_dict())
    assert vars(after) == vars(before)


def test_it_stops_after_patience_epochs_without_a_better_one():
    stopping = EarlyStopping(patience=2)
    answers = []
    for epoch, loss in enumerate([1.0, 0.5, 0.6, 0.4, 0.41, 0.4], start=1):
        answers.append((stopping.update(epoch, loss), stopping.should_stop))
    assert answers == [(True, False), (True, False), (False, False), (True, False), (False, False), (False, True)]
    assert (stopping.best_epoch, stopping.best_loss) == (4, 0.4)


def test_a_loss_that_is_not_a_number_is_never_the_best():
    stopping = EarlyStopping(patience=3)
    assert not stopping.update(1, math.nan)
    assert stopping.update(2, 10.0)
    assert not stopping.update(3, math.nan)
    assert stopping.bad_epochs == 1


def test_a_stops_state_goes_on_but_its_patience_may_change():
    before = EarlyStopping(patience=5)
    for epoch, loss in enumerate([1.0, 2.0, 2.0], start=1):
        before.update(epoch, loss)
    after = EarlyStopping(patience=2)
    after.load_state_dict(before.state_dict())
    assert after.should_stop
    assert after.best_epoch == 1
