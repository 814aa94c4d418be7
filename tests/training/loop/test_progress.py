"""What events contain of how far a training is."""

import sys
from types import SimpleNamespace

import pytest

from training.config import ScheduleSettings
from training.loop.progress import TrainingCounters, peak_memory_mb
from training.loop.schedule import Schedule


def test_what_is_left_follows_from_the_pace_so_far():
    by_steps = Schedule(ScheduleSettings(epochs=10, steps_per_epoch=10), 1.0)
    assert TrainingCounters().seconds_left(by_steps) is None
    assert TrainingCounters(step=25, elapsed_seconds=50.0).seconds_left(by_steps) == pytest.approx(150.0)
    by_time = Schedule(ScheduleSettings(max_minutes=4), 1.0)
    assert TrainingCounters(step=25, elapsed_seconds=60.0).seconds_left(by_time) == pytest.approx(180.0)


def test_no_time_is_left_when_it_ran_out_within_an_epoch():
    schedule = Schedule(ScheduleSettings(max_minutes=4), 1.0)
    assert TrainingCounters(step=1, elapsed_seconds=300.0).seconds_left(schedule) == 0.0


@pytest.mark.parametrize(("platform", "units_per_mb"), [("linux", 2**10), ("darwin", 2**20)])
def test_memory_is_told_in_mb_whatever_the_system_counts_in(
    monkeypatch: pytest.MonkeyPatch, platform: str, units_per_mb: int
):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrusage", lambda _: SimpleNamespace(ru_maxrss=300 * units_per_mb))
    monkeypatch.setattr(sys, "platform", platform)
    assert peak_memory_mb() == 300.0
