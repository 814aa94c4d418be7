"""A run as plain values, which ``assets/js/train/live.js`` shows."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from training.loop.background import Snapshot
from training.runs.events import TERMINAL, Event
from training.runs.folder import RunFolder
from ui.i18n import translate
from ui.train.curves import compute_curves
from ui.train.previews import make_previews_value
from ui.train.run_manager import RunManager

MAX_KEPT = 4

RunDetails = tuple[dict[str, Any], dict[str, Any] | None]
"""The values of the live view and of the listening area."""

PASSED_ON = (
    "learning_rate", "audio_seconds_per_second", "data_wait_share", "skipped_steps", "memory_mb", "valid_sdr_db",
    "best_epoch", "best_loss", "bad_epochs", "patience", "train_loss", "valid_loss",
)  # fmt: skip
FACTS = ("target", "device", "precision", "n_weights", "train_songs", "valid_songs", "steps_per_epoch", "epochs")
LIMITS = ("floor_loss", "oracle_loss", "floor_sdr_db", "oracle_sdr_db")


def make_live_value(snapshot: Snapshot, *, stopping: bool) -> dict[str, Any]:
    """The value of the live view: state, progress, early stopping, numbers and curves of a run."""
    events, started = snapshot.events, _find_last(snapshot.events, "started")
    epoch = _find_last(events, "epoch", "validation_changed")
    state = "stopping" if stopping and snapshot.status.state == "running" else snapshot.status.state
    return {
        "run": snapshot.run.name,
        "state": "preparing" if state == "running" and _is_preparing(events) else state,
        "reason": _find_last(events, "finished").get("reason", ""),
        "message": _find_last(events, "failed").get("message", "") if state == "failed" else "",
        "preparing": _find_last(events, "preparing"),
        "resumable": snapshot.run.last.is_file(),
        "progress": measure_progress(events, snapshot.run),
        "facts": {key: started.get(key) for key in FACTS},
        "limits": {key: started.get(key) for key in LIMITS},
        "numbers": {key: epoch.get(key) for key in PASSED_ON},
        "best_sdr_db": _find_best_sdr_db(events),
        "changed_sdr_db": _find_last(_select_since(events, "started"), "validation_changed").get("valid_sdr_db"),
        "curves": compute_curves(events),
    }


def measure_progress(events: Sequence[Event], run: RunFolder) -> dict[str, Any]:
    """How far a run is: whole epochs, steps into the next one, the share of all of it, seconds left as of now."""
    started, epoch = _find_last(events, "started"), _find_last(events, "epoch")
    per_epoch = int(started.get("steps_per_epoch") or 1)
    done = int(epoch.get("epoch", 0))
    step = int(_find_last(events, "step").get("step", 0)) - int(epoch.get("step", 0))
    left = epoch.get("eta_seconds")
    if events and events[-1]["type"] in TERMINAL:
        left = None
    elif left is not None:
        left = max(0.0, left - (events[-1]["time"] - epoch["time"]))
    return {
        "epoch": done,
        "epochs": started.get("epochs"),
        "step": max(0, min(step, per_epoch)),
        "steps": per_epoch,
        "seconds_left": left,
        "minutes": run.config().get("max_minutes") or None,
    }


@dataclass(frozen=True)
class RunSummary:
    """State, epoch and score of a run, for the list of runs."""

    state: str
    epoch: int
    sdr_db: float | None

    def label(self, name: str, request: gr.Request | None) -> str:
        """One line: name, state, epoch, score."""
        parts = [
            name,
            translate(request, f"train.state_{self.state}"),
            translate(request, "train.at_epoch", n=self.epoch) if self.epoch else "",
            f"{self.sdr_db:.1f} dB" if self.sdr_db is not None else "",
        ]
        return " · ".join(part for part in parts if part)


class RunViewCache:
    """Summaries and details of runs, computed once for all visitors when a run has changed. Safe in threads."""

    def __init__(self, manager: RunManager) -> None:
        self._manager = manager
        self._lock = threading.Lock()
        self._summaries: dict[Path, tuple[object, RunSummary]] = {}
        self._details: OrderedDict[Path, tuple[object, RunDetails]] = OrderedDict()

    def summarize(self, run: RunFolder) -> RunSummary:
        """A run's line in the list."""
        signature = self._manager.get_signature(run)
        with self._lock:
            cached = self._summaries.get(run.path)
        if cached is not None and cached[0] == signature:
            return cached[1]
        snapshot = self._manager.read_snapshot(run)
        epoch = _find_last(snapshot.events, "epoch")
        summary = RunSummary(snapshot.status.state, int(epoch.get("epoch", 0)), epoch.get("valid_sdr_db"))
        with self._lock:
            self._summaries[run.path] = (signature, summary)
        return summary

    def read_details(self, run: RunFolder) -> RunDetails:
        """A run in full; the cache keeps the last ``MAX_KEPT``."""
        stopping = run.stop_requested()
        signature = (self._manager.get_signature(run), stopping)
        with self._lock:
            cached = self._details.get(run.path)
        if cached is not None and cached[0] == signature:
            return cached[1]
        details = make_live_value(self._manager.read_snapshot(run), stopping=stopping), make_previews_value(run)
        with self._lock:
            self._details[run.path] = (signature, details)
            self._details.move_to_end(run.path)
            while len(self._details) > MAX_KEPT:
                self._details.popitem(last=False)
        return details


def _is_preparing(events: Sequence[Event]) -> bool:
    """Whether only decoding and scoring of the limits have happened since this start."""
    last = next((event["type"] for event in reversed(events) if event["type"] != "validating"), "preparing")
    return last in ("preparing", "resumed")


def _find_best_sdr_db(events: Sequence[Event]) -> float | None:
    """The best since the validation songs last changed; scores on others do not count."""
    scored = (
        event
        for event in _select_since(events, "validation_changed")
        if event["type"] in ("epoch", "validation_changed")
    )
    return max((event["valid_sdr_db"] for event in scored if event.get("valid_sdr_db")), default=None)


def _select_since(events: Sequence[Event], type_: str) -> Sequence[Event]:
    """The events from the last of a type on; all of them if there is none."""
    first = next((n for n in range(len(events) - 1, -1, -1) if events[n]["type"] == type_), 0)
    return events[first:]


def _find_last(events: Sequence[Event], *types: str) -> Event:
    return next((event for event in reversed(events) if event["type"] in types), {})
