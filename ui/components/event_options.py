"""Options of Gradio events: which are private, which bypass the queue, which run one at a time."""

from typing import Any

POLL_SECONDS = 0.25
"""Seconds between two drawings of a running job."""

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
"""No endpoint, and no spinner of Gradio's."""

UNQUEUED: dict[str, Any] = {**PRIVATE, "queue": False}
"""Runs at once; for small updates. Its errors are not shown, and its output may be overtaken by an older one."""

QUEUED: dict[str, Any] = {**PRIVATE, "concurrency_limit": None}
"""Starts at once too, but through Gradio's queue, where gr.Error is shown and outputs arrive in order."""

GPU_SLOT: dict[str, Any] = {"concurrency_limit": None}
"""Separating and scoring share one slot, which ``ui.jobs.fair_queue`` grants; no limit in Gradio's queue."""

SERIAL_DRAW: dict[str, Any] = {**PRIVATE, "concurrency_id": "drawing", "concurrency_limit": 1}
"""For outputs that several events draw: one at a time, so that an older drawing never replaces a newer one."""
