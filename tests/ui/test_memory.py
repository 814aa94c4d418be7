"""What the page must not hold on to: visits that are over, jobs that have ended."""

from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import pytest
from gradio.state_holder import StateHolder

from ui.jobs.registry import JobRegistry
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
