"""What the Train tab shows of a run, as plain values; ``assets/js/live.js`` puts them into words and pictures."""

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
from ui.i18n import say
from ui.train.curves import curves
from ui.train.previews import previews_value
from ui.train.run_manager import Trainings

MOST_KEPT = 4

Look = tuple[dict[str, Any], dict[str, Any] | None]
"""The values of the live view and of the listening area."""

PASSED_ON = (
    "learning_rate", "audio_seconds_per_second", "data_wait_share", "skipped_steps", "memory_mb", "valid_sdr_db",
    "best_epoch", "best_loss", "bad_epochs", "patience", "train_loss", "valid_loss",
)  # fmt: skip
FACTS = ("target", "device", "precision", "n_weights", "train_songs", "valid_songs", "steps_per_epoch", "epochs")
LIMITS = ("floor_loss", "oracle_loss", "floor_sdr_db", "oracle_sdr_db")


def live_value(snapshot: Snapshot, *, stopping: bool) -> dict[str, Any]:
    """The value of the live view: state, progress, early stopping, numbers and curves of a run."""
    events, started = snapshot.events, _last(snapshot.events, "started")
    epoch = _last(events, "epoch", "validation_changed")
    state = "stopping" if stopping and snapshot.status.state == "running" else snapshot.status.state
    return {
        "run": snapshot.run.name,
        "state": "preparing" if state == "running" and _prepares(events) else state,
        "reason": _last(events, "finished").get("reason", ""),
        "message": _last(events, "failed").get("message", "") if state == "failed" else "",
        "preparing": _last(events, "preparing"),
        "resumable": snapshot.run.last.is_file(),
        "progress": progress(events, snapshot.run),
        "facts": {key: started.get(key) for key in FACTS},
        "limits": {key: started.get(key) for key in LIMITS},
        "numbers": {key: epoch.get(key) for key in PASSED_ON},
        "best_sdr_db": _best_sdr_db(events),
        "changed_sdr_db": _last(_since(events, "started"), "validation_changed").get("valid_sdr_db"),
        "curves": curves(events),
    }


def progress(events: Sequence[Event], run: RunFolder) -> dict[str, Any]:
    """How far a run is: whole epochs, steps into the next one, the share of all of it, seconds left as of now."""
    started, epoch = _last(events, "started"), _last(events, "epoch")
    per_epoch = int(started.get("steps_per_epoch") or 1)
    done = int(epoch.get("epoch", 0))
    step = int(_last(events, "step").get("step", 0)) - int(epoch.get("step", 0))
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
class Glance:
    """What the list of runs tells of each."""

    state: str
    epoch: int
    sdr_db: float | None

    def label(self, name: str, request: gr.Request | None) -> str:
        """One line: name, state, epoch, score."""
        parts = [
            name,
            say(request, f"train.state_{self.state}"),
            say(request, "train.at_epoch", n=self.epoch) if self.epoch else "",
            f"{self.sdr_db:.1f} dB" if self.sdr_db is not None else "",
        ]
        return " · ".join(part for part in parts if part)


class RunViews:
    """Glances and live values, worked out once for all visitors and only when a run has moved on. Safe in threads."""

    def __init__(self, trainings: Trainings) -> None:
        self._trainings = trainings
        self._lock = threading.Lock()
        self._glances: dict[Path, tuple[object, Glance]] = {}
        self._looks: OrderedDict[Path, tuple[object, Look]] = OrderedDict()

    def glance(self, run: RunFolder) -> Glance:
        """A run's line in the list."""
        signature = self._trainings.signature(run)
        with self._lock:
            known = self._glances.get(run.path)
        if known is not None and known[0] == signature:
            return known[1]
        snapshot = self._trainings.snapshot(run)
        epoch = _last(snapshot.events, "epoch")
        glance = Glance(snapshot.status.state, int(epoch.get("epoch", 0)), epoch.get("valid_sdr_db"))
        with self._lock:
            self._glances[run.path] = (signature, glance)
        return glance

    def look(self, run: RunFolder) -> Look:
        """A run in full; only the last few that were looked at are kept."""
        stopping = run.stop_requested()
        signature = (self._trainings.signature(run), stopping)
        with self._lock:
            known = self._looks.get(run.path)
        if known is not None and known[0] == signature:
            return known[1]
        look = live_value(self._trainings.snapshot(run), stopping=stopping), previews_value(run)
        with self._lock:
            self._looks[run.path] = (signature, look)
            self._looks.move_to_end(run.path)
            while len(self._looks) > MOST_KEPT:
                self._looks.popitem(last=False)
        return look


def _prepares(events: Sequence[Event]) -> bool:
    """Whether nothing but decoding, and a look at what can be reached, has happened since this start."""
    last = next((event["type"] for event in reversed(events) if event["type"] != "validating"), "preparing")
    return last in ("preparing", "resumed")


def _best_sdr_db(events: Sequence[Event]) -> float | None:
    """The best since the validation songs last changed; scores on others do not count."""
    scored = (
        event for event in _since(events, "validation_changed") if event["type"] in ("epoch", "validation_changed")
    )
    return max((event["valid_sdr_db"] for event in scored if event.get("valid_sdr_db")), default=None)


def _since(events: Sequence[Event], type_: str) -> Sequence[Event]:
    """The events from the last of a type on; all of them if there is none."""
    first = next((n for n in range(len(events) - 1, -1, -1) if events[n]["type"] == type_), 0)
    return events[first:]


def _last(events: Sequence[Event], *types: str) -> Event:
    return next((event for event in reversed(events) if event["type"] in types), {})
