"""The running job of each page, which Cancel and a closed page end."""

import threading
from typing import Generic, Protocol, TypeVar

import gradio as gr

from ui.components.event_options import POLL_SECONDS


class Cancellable(Protocol):
    """A job that can be cancelled."""

    def cancel(self) -> None:
        """Request the end; returns at once."""


Job = TypeVar("Job", bound=Cancellable)

LAST_DRAWING_SECONDS = 2 * POLL_SECONDS
"""A handler polls its job every ``POLL_SECONDS``, and draws it once more after it was cancelled."""


class JobRegistry(Generic[Job]):
    """The newest job of every open page, by Gradio's session. Safe in threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._jobs: dict[str, Job] = {}

    def register(self, request: gr.Request, job: Job) -> None:
        """Set ``job`` as this page's; an older one is cancelled."""
        with self._changed:
            older = self._jobs.get(request.session_hash or "")
            self._jobs[request.session_hash or ""] = job
        if older is not None:
            older.cancel()

    def get(self, request: gr.Request) -> Job | None:
        """This page's newest job."""
        with self._changed:
            return self._jobs.get(request.session_hash or "")

    def forget(self, request: gr.Request, job: Job) -> None:
        """Remove ``job``, which is no longer drawn; a newer one of this page stays."""
        with self._changed:
            if self._jobs.get(request.session_hash or "") is job:
                del self._jobs[request.session_hash or ""]
                self._changed.notify_all()

    def cancel(self, request: gr.Request) -> Job | None:
        """Cancel this page's job and remove it.

        Returns when it is not drawn any more, so that what is drawn of it next is the last to be seen; after
        ``LAST_DRAWING_SECONDS`` in any case.
        """
        with self._changed:
            job = self._jobs.get(request.session_hash or "")
            if job is not None:
                job.cancel()
                self._changed.wait_for(
                    lambda: self._jobs.get(request.session_hash or "") is not job, LAST_DRAWING_SECONDS
                )
                self.forget(request, job)
        return job
