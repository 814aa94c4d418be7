"""Heavy work is shared out by visitor, not by who calls most."""

import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from separator.errors import BusyError
from ui.jobs.fair_queue import MAX_JOBS, MAX_JOBS_PER_VISITOR, MAX_MINUTES_PER_VISITOR, FairQueue, Ticket


def visitor(address: str, host: str = "music.example.org") -> Any:
    return cast(Any, SimpleNamespace(client=SimpleNamespace(host=address), headers={"host": host}))


def finish(fair_queue: FairQueue, places: list[Ticket]) -> list[str]:
    """Who works, in order, until all are done."""
    order = []
    while places:
        (now,) = [ticket for ticket in places if ticket.granted.is_set()]
        order.append(now.visitor)
        places.remove(now)
        fair_queue.leave(now)
    return order


def test_visitors_take_turns_however_many_jobs_one_of_them_has() -> None:
    fair_queue = FairQueue()
    places = [fair_queue.join(visitor("10.0.0.1")) for _ in range(3)]
    places += [fair_queue.join(visitor("10.0.0.2")) for _ in range(2)] + [fair_queue.join(visitor("10.0.0.3"))]
    assert [name[-1] for name in finish(fair_queue, places)] == ["1", "2", "3", "1", "2", "1"]


def test_one_visitor_may_have_only_a_few_jobs() -> None:
    fair_queue = FairQueue()
    places = [fair_queue.join(visitor("10.0.0.1")) for _ in range(MAX_JOBS_PER_VISITOR)]
    with pytest.raises(BusyError, match="not done yet"):
        fair_queue.join(visitor("10.0.0.1"))
    fair_queue.join(visitor("10.0.0.2"))
    fair_queue.leave(places[0])
    fair_queue.join(visitor("10.0.0.1"))


def test_all_together_may_wait_for_so_much() -> None:
    fair_queue = FairQueue()
    for number in range(MAX_JOBS):
        fair_queue.join(visitor(f"10.0.1.{number}"))
    with pytest.raises(BusyError, match="try again"):
        fair_queue.join(visitor("10.0.0.1"))


def test_minutes_are_limited_except_at_this_computer() -> None:
    fair_queue = FairQueue()
    fair_queue.join(visitor("10.0.0.1"), 60 * (MAX_MINUTES_PER_VISITOR - 1))
    with pytest.raises(BusyError, match="minutes of audio"):
        fair_queue.join(visitor("10.0.0.1"), 120)
    with pytest.raises(BusyError, match="minutes of audio"):  # a name that anyone can send makes no owner
        fair_queue.join(visitor("10.0.0.2", host="localhost"), 60 * 1000)
    fair_queue.join(visitor("127.0.0.1", host="localhost"), 60 * 1000)


def test_a_job_that_is_cancelled_while_it_waits_frees_its_place() -> None:
    fair_queue = FairQueue()
    first, second = fair_queue.join(None), fair_queue.join(None)
    called = threading.Event()
    second.run(called.set, lambda: True)
    assert called.is_set() and first.granted.is_set()
    fair_queue.leave(first)
    assert fair_queue.join(None).granted.is_set()
