"""What the page must not hold on to: visits that are over, jobs that have ended."""

import ctypes
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import pytest
from gradio.state_holder import StateHolder

from ui.jobs import Desk
from ui.memory import give_back_memory
from ui.page import REMEMBERED_VISITS, WAITING_VISITORS, launch_options


class Job:
    cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


def test_gradio_forgets_all_but_the_newest_visits() -> None:
    with gr.Blocks() as demo:
        gr.Button()
    demo.state_session_capacity = launch_options()["state_session_capacity"]
    visits = StateHolder()
    visits.set_blocks(demo)
    for number in range(REMEMBERED_VISITS + 50):
        _ = visits[f"visit {number}"]
    assert WAITING_VISITORS < len(visits.session_data) <= REMEMBERED_VISITS
    assert "visit 0" not in visits and f"visit {REMEMBERED_VISITS + 49}" in visits


def test_a_job_that_has_ended_is_forgotten_but_never_a_newer_one() -> None:
    desk: Desk[Job] = Desk()
    request = cast(Any, SimpleNamespace(session_hash="a page"))
    old, new = Job(), Job()
    desk.put(request, old)
    desk.put(request, new)
    desk.clear(request, old)
    assert desk.get(request) is new and old.cancelled
    desk.clear(request, new)
    assert desk.get(request) is None and not new.cancelled


def test_without_glibc_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace())
    give_back_memory()
