"""One long call in a thread, watched from a handler: how far it is, what came of it, and a way to stop it."""

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

from separator.api import Cancel, Progress
from separator.errors import Cancelled, SeparatorError
from separator.runtime import give_back_memory
from ui.jobs.turns import Turn

Result = TypeVar("Result")


class BackgroundCall(Generic[Result]):
    """Runs ``work(progress, cancel)`` in a thread of its own, from ``start`` on."""

    def __init__(self, work: Callable[[Progress, Cancel], Result]) -> None:
        self.finished = threading.Event()
        self.result: Result | None = None
        self.error: str | None = None
        self.fraction, self.stage = 0.0, ""
        self._work = work
        self._cancel = threading.Event()

    def start(self, turn: Turn | None = None) -> None:
        """Begin, when it is its turn."""
        target = partial(turn.run, self._run, self._cancel.is_set) if turn else self._run
        threading.Thread(target=target, name="background-call", daemon=True).start()

    def cancel(self) -> None:
        """Ask to stop; what comes of the call no longer matters."""
        self._cancel.set()

    @property
    def cancelled(self) -> bool:
        return self._cancel.is_set()

    def _run(self) -> None:
        try:
            if self.cancelled:
                return
            self.result = self._work(self._note, self._cancel.is_set)
        except Cancelled:
            self._cancel.set()
        except SeparatorError as error:
            self.error = str(error)
        except Exception as error:
            logging.getLogger(__name__).exception("a background call failed")
            self.error = f"{type(error).__name__}: {error}"
        finally:
            give_back_memory()
            self.finished.set()

    def _note(self, fraction: float, stage: str) -> None:
        self.fraction, self.stage = fraction, stage
