"""Which visitor's job is running, so that Cancel and a closed page reach the right one."""

import threading
from typing import Generic, Protocol, TypeVar

import gradio as gr


class Cancellable(Protocol):
    """Anything that can be asked to stop."""

    def cancel(self) -> None:
        """Ask to stop; returns at once."""


Job = TypeVar("Job", bound=Cancellable)


class Desk(Generic[Job]):
    """The newest job of every open page, by Gradio's session. Safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}

    def put(self, request: gr.Request, job: Job) -> None:
        """Remember ``job`` as this page's own; an older one is cancelled."""
        with self._lock:
            older = self._jobs.get(request.session_hash or "")
            self._jobs[request.session_hash or ""] = job
        if older is not None:
            older.cancel()

    def get(self, request: gr.Request) -> Job | None:
        """This page's newest job."""
        with self._lock:
            return self._jobs.get(request.session_hash or "")

    def clear(self, request: gr.Request, job: Job) -> None:
        """Forget ``job``, which has ended; a newer one of this page stays."""
        with self._lock:
            if self._jobs.get(request.session_hash or "") is job:
                del self._jobs[request.session_hash or ""]

    def cancel(self, request: gr.Request) -> Job | None:
        """Ask this page's job to stop, and forget it."""
        with self._lock:
            job = self._jobs.pop(request.session_hash or "", None)
        if job is not None:
            job.cancel()
        return job
