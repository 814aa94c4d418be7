"""One long call in a thread of its own, with progress, result, error and cancellation."""

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

from separator.errors import Cancelled, SeparatorError
from separator.progress import Cancel, Progress
from separator.runtime import give_back_memory
from ui.jobs.fair_queue import Ticket

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

    def start(self, ticket: Ticket | None = None) -> None:
        """Start the thread, which first waits for ``ticket``."""
        target = partial(ticket.run, self._run, self._cancel.is_set) if ticket else self._run
        threading.Thread(target=target, name="background-call", daemon=True).start()

    def cancel(self) -> None:
        """Request the end; the result is ignored."""
        self._cancel.set()

    @property
    def cancelled(self) -> bool:
        return self._cancel.is_set()

    def _run(self) -> None:
        try:
            if self.cancelled:
                return
            self.result = self._work(self._record_progress, self._cancel.is_set)
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

    def _record_progress(self, fraction: float, stage: str) -> None:
        self.fraction, self.stage = fraction, stage
