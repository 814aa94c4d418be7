"""What the page must not hold on to: visits that are over, jobs that have ended."""

import threading
import time
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import pytest
from gradio.state_holder import StateHolder

from ui.jobs.registry import LAST_DRAWING_SECONDS, JobRegistry
from ui.page import REMEMBERED_VISITS, WAITING_VISITORS, build_launch_options


class Job:
    cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


@pytest.mark.slow
def test_gradio_forgets_all_but_the_newest_visits() -> None:
    with gr.Blocks() as demo:
        gr.Button()
    demo.state_session_capacity = build_launch_options()["state_session_capacity"]
    visits = StateHolder()
    visits.set_blocks(demo)
    for number in range(REMEMBERED_VISITS + 50):
        _ = visits[f"visit {number}"]
    assert WAITING_VISITORS < len(visits.session_data) <= REMEMBERED_VISITS
    assert "visit 0" not in visits and f"visit {REMEMBERED_VISITS + 49}" in visits


def test_a_job_that_has_ended_is_forgotten_but_never_a_newer_one() -> None:
    jobs: JobRegistry[Job] = JobRegistry()
    request = cast(Any, SimpleNamespace(session_hash="a page"))
    old, new = Job(), Job()
    jobs.register(request, old)
    jobs.register(request, new)
    jobs.forget(request, old)
    assert jobs.get(request) is new and old.cancelled
    jobs.forget(request, new)
    assert jobs.get(request) is None and not new.cancelled


def test_cancel_returns_when_the_job_is_drawn_no_more() -> None:
    jobs: JobRegistry[Job] = JobRegistry()
    request = cast(Any, SimpleNamespace(session_hash="a page"))
    job, drawn = Job(), []

    def draw_until_cancelled() -> None:
        while not job.cancelled:
            time.sleep(0.01)
        drawn.append("cancelled")
        jobs.forget(request, job)

    jobs.register(request, job)
    watcher = threading.Thread(target=draw_until_cancelled)
    watcher.start()
    assert jobs.cancel(request) is job
    assert drawn == ["cancelled"], "what is drawn after this is drawn last"
    watcher.join()
    assert jobs.cancel(request) is None


def test_cancel_does_not_wait_for_ever_for_the_last_drawing() -> None:
    jobs: JobRegistry[Job] = JobRegistry()
    request = cast(Any, SimpleNamespace(session_hash="a page"))
    job = Job()
    jobs.register(request, job)
    cancelling = threading.Thread(target=jobs.cancel, args=(request,))
    cancelling.start()
    cancelling.join(20 * LAST_DRAWING_SECONDS)
    assert not cancelling.is_alive() and job.cancelled
    assert jobs.get(request) is None
