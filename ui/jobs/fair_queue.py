"""One slot for heavy work, granted to visitors in rotation, however many jobs one of them has."""

import threading
from collections.abc import Callable

import gradio as gr

from separator.errors import BusyError
from ui.safety.visitors import get_address, is_at_this_computer

MAX_JOBS_PER_VISITOR = 4
"""Waiting or running, of one visitor."""
MAX_JOBS = 32
MAX_MINUTES_PER_VISITOR = 120.0
"""Of audio in one visitor's unfinished jobs; no limit at the computer that serves the page."""
WAIT_POLL_SECONDS = 0.1
MAX_REMEMBERED_VISITORS = 1000


class Ticket:
    """A place in the queue; ``run`` waits for it and gives it up."""

    def __init__(self, fair_queue: "FairQueue", visitor: str, seconds: float, number: int) -> None:
        self.visitor, self.seconds, self.number = visitor, seconds, number
        self.granted = threading.Event()
        self._fair_queue = fair_queue

    def run(self, work: Callable[[], None], cancelled: Callable[[], bool]) -> None:
        """Call ``work`` when the slot is granted, or at once when cancelled; ``work`` must check that itself."""
        try:
            while not self.granted.wait(WAIT_POLL_SECONDS) and not cancelled():
                pass
            work()
        finally:
            self._fair_queue.leave(self)


class FairQueue:
    """Waiting and running tickets. Safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: list[Ticket] = []
        self._served: dict[str, int] = {}
        self._count = 0

    def join(self, request: gr.Request | None, seconds: float = 0.0) -> Ticket:
        """A place for a job of ``seconds`` of audio. Raises BusyError at a visitor's limits."""
        visitor = get_address(request)
        is_owner = request is not None and is_at_this_computer(request)
        with self._lock:
            own = [ticket for ticket in self._places if ticket.visitor == visitor]
            if len(own) >= MAX_JOBS_PER_VISITOR * (2 if is_owner else 1):
                raise BusyError(f"{len(own)} of your jobs are not done yet; wait for one of them, or cancel one.")
            if len(self._places) >= MAX_JOBS:
                raise BusyError(f"{len(self._places)} jobs are waiting; try again in a few minutes.")
            minutes = (seconds + sum(ticket.seconds for ticket in own)) / 60
            if minutes > MAX_MINUTES_PER_VISITOR and not is_owner:
                raise BusyError(
                    f"That would be {minutes:.0f} minutes of audio at once; on a shared page one visitor may have "
                    f"{MAX_MINUTES_PER_VISITOR:.0f}. Bring less, or wait until your other songs are done."
                )
            self._count += 1
            ticket = Ticket(self, visitor, seconds, self._count)
            self._places.append(ticket)
            self._grant()
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Give up a place, and grant the slot to the next."""
        with self._lock:
            if ticket in self._places:
                self._places.remove(ticket)
            self._grant()

    def _grant(self) -> None:
        """Grant the slot, if free, to the visitor who had it longest ago."""
        if not self._places or any(ticket.granted.is_set() for ticket in self._places):
            return
        chosen = min(self._places, key=lambda ticket: (self._served.get(ticket.visitor, 0), ticket.number))
        self._count += 1
        self._served.pop(chosen.visitor, None)
        self._served[chosen.visitor] = self._count
        while len(self._served) > MAX_REMEMBERED_VISITORS:
            del self._served[next(iter(self._served))]
        chosen.granted.set()
