"""The one slot for heavy work, and who takes it next: each visitor in turn, however many jobs one of them has."""

import threading
from collections.abc import Callable

import gradio as gr

from separator.errors import BusyError
from ui.safety.visitors import address_of, is_at_this_computer

MOST_JOBS = 4
"""Waiting or running, of one visitor."""
MOST_JOBS_OF_ALL = 32
MOST_MINUTES = 120.0
"""Of audio in one visitor's jobs that are not done; who sits at the computer may bring any length."""
POLL_SECONDS = 0.1
REMEMBERED = 1000


class Turn:
    """A place in the queue; ``run`` waits for it and gives it up."""

    def __init__(self, turns: "Turns", visitor: str, seconds: float, number: int) -> None:
        self.visitor, self.seconds, self.number = visitor, seconds, number
        self.granted = threading.Event()
        self._turns = turns

    def run(self, work: Callable[[], None], cancelled: Callable[[], bool]) -> None:
        """Call ``work`` when it is its turn, or as soon as it is cancelled, which ``work`` is to notice."""
        try:
            while not self.granted.wait(POLL_SECONDS) and not cancelled():
                pass
            work()
        finally:
            self._turns.leave(self)


class Turns:
    """Who waits and who works. Safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: list[Turn] = []
        self._served: dict[str, int] = {}
        self._count = 0

    def join(self, request: gr.Request | None, seconds: float = 0.0) -> Turn:
        """A place for a job of ``seconds`` of audio. Raises BusyError for a visitor who has asked for enough."""
        visitor = address_of(request)
        is_owner = request is not None and is_at_this_computer(request)
        with self._lock:
            own = [turn for turn in self._places if turn.visitor == visitor]
            if len(own) >= MOST_JOBS * (2 if is_owner else 1):
                raise BusyError(f"{len(own)} of your jobs are not done yet; wait for one of them, or cancel one.")
            if len(self._places) >= MOST_JOBS_OF_ALL:
                raise BusyError(f"{len(self._places)} jobs are waiting; try again in a few minutes.")
            minutes = (seconds + sum(turn.seconds for turn in own)) / 60
            if minutes > MOST_MINUTES and not is_owner:
                raise BusyError(
                    f"That would be {minutes:.0f} minutes of audio at once; on a shared page one visitor may have "
                    f"{MOST_MINUTES:.0f}. Bring less, or wait until your other songs are done."
                )
            self._count += 1
            turn = Turn(self, visitor, seconds, self._count)
            self._places.append(turn)
            self._grant()
        return turn

    def leave(self, turn: Turn) -> None:
        """Give up a place, so that the next one may begin."""
        with self._lock:
            if turn in self._places:
                self._places.remove(turn)
            self._grant()

    def _grant(self) -> None:
        """The slot to the visitor who had it longest ago, if it is free."""
        if not self._places or any(turn.granted.is_set() for turn in self._places):
            return
        chosen = min(self._places, key=lambda turn: (self._served.get(turn.visitor, 0), turn.number))
        self._count += 1
        self._served.pop(chosen.visitor, None)
        self._served[chosen.visitor] = self._count
        while len(self._served) > REMEMBERED:
            del self._served[next(iter(self._served))]
        chosen.granted.set()
