"""Heavy work is shared out by visitor, not by who calls most."""

import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from separator.errors import BusyError
from ui.jobs.turns import MOST_JOBS, MOST_JOBS_OF_ALL, MOST_MINUTES, Turn, Turns


def visitor(address: str, host: str = "music.example.org") -> Any:
    return cast(Any, SimpleNamespace(client=SimpleNamespace(host=address), headers={"host": host}))


def finish(turns: Turns, places: list[Turn]) -> list[str]:
    """Who works, in order, until all are done."""
    order = []
    while places:
        (now,) = [turn for turn in places if turn.granted.is_set()]
        order.append(now.visitor)
        places.remove(now)
        turns.leave(now)
    return order


def test_visitors_take_turns_however_many_jobs_one_of_them_has() -> None:
    turns = Turns()
    places = [turns.join(visitor("10.0.0.1")) for _ in range(3)]
    places += [turns.join(visitor("10.0.0.2")) for _ in range(2)] + [turns.join(visitor("10.0.0.3"))]
    assert [name[-1] for name in finish(turns, places)] == ["1", "2", "3", "1", "2", "1"]


def test_one_visitor_has_few_jobs_and_others_still_come_in() -> None:
    turns = Turns()
    places = [turns.join(visitor("10.0.0.1")) for _ in range(MOST_JOBS)]
    with pytest.raises(BusyError, match="not done yet"):
        turns.join(visitor("10.0.0.1"))
    turns.join(visitor("10.0.0.2"))
    turns.leave(places[0])
    turns.join(visitor("10.0.0.1"))


def test_all_together_may_wait_for_so_much() -> None:
    turns = Turns()
    for number in range(MOST_JOBS_OF_ALL):
        turns.join(visitor(f"10.0.1.{number}"))
    with pytest.raises(BusyError, match="try again"):
        turns.join(visitor("10.0.0.1"))


def test_minutes_are_limited_except_at_this_computer() -> None:
    turns = Turns()
    turns.join(visitor("10.0.0.1"), 60 * (MOST_MINUTES - 1))
    with pytest.raises(BusyError, match="minutes of audio"):
        turns.join(visitor("10.0.0.1"), 120)
    with pytest.raises(BusyError, match="minutes of audio"):  # a name that anyone can send makes no owner
        turns.join(visitor("10.0.0.2", host="localhost"), 60 * 1000)
    turns.join(visitor("127.0.0.1", host="localhost"), 60 * 1000)


def test_a_job_that_is_cancelled_while_it_waits_frees_its_place() -> None:
    turns = Turns()
    first, second = turns.join(None), turns.join(None)
    called = threading.Event()
    second.run(called.set, lambda: True)
    assert called.is_set() and first.granted.is_set()
    turns.leave(first)
    assert turns.join(None).granted.is_set()
