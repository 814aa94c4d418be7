"""The running job of each page, which Cancel and a closed page end."""

import threading
from typing import Generic, Protocol, TypeVar

import gradio as gr


class Cancellable(Protocol):
    """A job that can be cancelled."""

    def cancel(self) -> None:
        """Request the end; returns at once."""


Job = TypeVar("Job", bound=Cancellable)


class JobRegistry(Generic[Job]):
    """The newest job of every open page, by Gradio's session. Safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}

    def register(self, request: gr.Request, job: Job) -> None:
        """Set ``job`` as this page's; an older one is cancelled."""
        with self._lock:
            older = self._jobs.get(request.session_hash or "")
            self._jobs[request.session_hash or ""] = job
        if older is not None:
            older.cancel()

    def get(self, request: gr.Request) -> Job | None:
        """This page's newest job."""
        with self._lock:
            return self._jobs.get(request.session_hash or "")

    def forget(self, request: gr.Request, job: Job) -> None:
        """Remove ``job``, which is no longer drawn; a newer one of this page stays."""
        with self._lock:
            if self._jobs.get(request.session_hash or "") is job:
                del self._jobs[request.session_hash or ""]

    def cancel(self, request: gr.Request) -> None:
        """Cancel this page's job, if it has one."""
        job = self.get(request)
        if job is not None:
            job.cancel()
