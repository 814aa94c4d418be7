"""How handlers are wired: which are private, which answer at once, and which take turns."""

from typing import Any

POLL_SECONDS = 0.25
"""How often a running job is drawn."""

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
"""For the page alone, drawn without Gradio's own spinner."""

AT_ONCE: dict[str, Any] = {**PRIVATE, "queue": False}
"""Never waits for anything: switches, what is small."""

IN_ORDER: dict[str, Any] = {**PRIVATE, "concurrency_limit": None}
"""As prompt, but through Gradio's queue. Only there are sentences of gr.Error shown, and only there is what an event
draws shown after what others drew before it: what comes without the queue may be overtaken by an older drawing."""

HEAVY: dict[str, Any] = {"concurrency_limit": None}
"""Separating and scoring take turns (``ui.jobs.turns``), fairer than Gradio's queue, which serves who calls most."""

IN_TURN: dict[str, Any] = {**PRIVATE, "concurrency_id": "drawing", "concurrency_limit": 1}
"""For what is drawn again and again from more than one place: an older drawing never lands on a newer one."""
