"""A run as plain values, which ``assets/js/train/live.js`` shows."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from training.runs.event_log import EventLog
from training.runs.events import (
    TERMINAL,
    EpochDone,
    Event,
    Failed,
    Finished,
    Preparing,
    PreviewWritten,
    Started,
    StepDone,
)
from training.runs.folder import RunFolder
from training.runs.history import RunHistory, RunStatus
from ui.i18n import translate
from ui.train.curves import Curves
from ui.train.previews import make_previews_value
from ui.train.run_manager import RunManager

MAX_KEPT = 8

RunDetails = tuple[dict[str, Any], dict[str, Any] | None]
"""The values of the live view and of the listening area."""

PASSED_ON = (
    "learning_rate", "audio_seconds_per_second", "data_wait_share", "skipped_steps", "memory_mb", "valid_sdr_db",
    "best_epoch", "best_loss", "bad_epochs", "patience", "train_loss", "valid_loss",
)  # fmt: skip
FACTS = ("target", "device", "precision", "n_weights", "train_songs", "valid_songs", "steps_per_epoch", "epochs")
LIMITS = ("floor_loss", "oracle_loss", "floor_sdr_db", "oracle_sdr_db")


class RunView:
    """What is shown of one run, brought up to date from the new lines of its event file."""

    def __init__(self, run: RunFolder) -> None:
        self.run = run
        self.history, self.curves = RunHistory(), Curves()
        self._log = EventLog(run.events_file)
        self._previews: tuple[object, dict[str, Any] | None] = None, None

    def read_on(self) -> None:
        """Add the events since the last time."""
        is_anew, events = self._log.read()
        if is_anew:
            self.history, self.curves = RunHistory(), Curves()
        for event in events:
            self.history.add(event)
            self.curves.add(event)

    def make_live_value(self, status: RunStatus, *, stopping: bool) -> dict[str, Any]:
        """The value of the live view: state, progress, early stopping, numbers and curves."""
        history, state = self.history, status.state
        started, numbers = (_to_dict(event) for event in (history.get_latest(Started), history.scored))
        shown = "preparing" if state == "running" and history.is_preparing else state
        failed = history.get_latest(Failed)
        return {
            "run": self.run.name,
            "state": "stopping" if state == "running" and stopping else shown,
            "reason": _to_dict(history.get_latest(Finished)).get("reason", ""),
            "message": failed.message if failed is not None and state == "failed" else "",
            "preparing": _to_dict(history.get_latest(Preparing)),
            "resumable": self.run.last.is_file(),
            "progress": self._measure_progress(),
            "facts": {key: started.get(key) for key in FACTS},
            "limits": {key: started.get(key) for key in LIMITS},
            "numbers": {key: numbers.get(key) for key in PASSED_ON},
            "best_sdr_db": history.best_sdr_db,
            "changed_sdr_db": _to_dict(history.changed).get("valid_sdr_db"),
            "curves": self.curves.draw(),
        }

    def list_previews(self) -> dict[str, Any] | None:
        """The value of the listening area; the folder is read when there are others than the last time."""
        folder = self.run.previews
        changed = (folder.stat().st_mtime_ns if folder.is_dir() else 0), self.history.get_latest(PreviewWritten)
        if self._previews[0] != changed:
            self._previews = changed, make_previews_value(self.run, self.history.preview_sdr_db)
        return self._previews[1]

    def _measure_progress(self) -> dict[str, Any]:
        """How far it is: whole epochs, steps into the next one, the share of all of it, seconds left as of now."""
        find, last = self.history.get_latest, self.history.last
        started, epoch, step = find(Started), find(EpochDone), find(StepDone)
        per_epoch = (started.steps_per_epoch if started is not None else 0) or 1
        done = (step.step if step is not None else 0) - (epoch.step if epoch is not None else 0)
        left = epoch.eta_seconds if epoch is not None and not isinstance(last, TERMINAL) else None
        if left is not None and last is not None and epoch is not None:
            left = max(0.0, left - (last.time - epoch.time))
        return {
            "epoch": self.history.epoch,
            "epochs": started.epochs if started is not None else None,
            "step": max(0, min(done, per_epoch)),
            "steps": per_epoch,
            "seconds_left": left,
            "minutes": self.run.config().get("max_minutes") or None,
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
        self._views: OrderedDict[Path, RunView] = OrderedDict()
        self._summaries: dict[Path, tuple[object, RunSummary]] = {}
        self._details: dict[Path, tuple[object, RunDetails]] = {}

    def summarize(self, run: RunFolder) -> RunSummary:
        """A run's line in the list."""
        signature = self._manager.get_signature(run)
        with self._lock:
            cached = self._summaries.get(run.path)
            if cached is None or cached[0] != signature:
                view = self._read_view(run)
                state, scored = (
                    self._manager.background.status(run, view.history).state,
                    view.history.get_latest(EpochDone),
                )
                summary = RunSummary(state, view.history.epoch, scored.valid_sdr_db if scored is not None else None)
                cached = self._summaries[run.path] = signature, summary
            return cached[1]

    def read_details(self, run: RunFolder) -> RunDetails:
        """A run in full."""
        stopping = run.stop_requested()
        signature = (self._manager.get_signature(run), stopping)
        with self._lock:
            cached = self._details.get(run.path)
            if cached is None or cached[0] != signature:
                view = self._read_view(run)
                live = view.make_live_value(self._manager.background.status(run, view.history), stopping=stopping)
                details = live, view.list_previews()
                cached = self._details[run.path] = signature, details
            return cached[1]

    def _read_view(self, run: RunFolder) -> RunView:
        """The run's view with all that has happened; the cache keeps the last ``MAX_KEPT``."""
        view = self._views.setdefault(run.path, RunView(run))
        self._views.move_to_end(run.path)
        view.read_on()
        while len(self._views) > MAX_KEPT:
            path, _ = self._views.popitem(last=False)
            self._details.pop(path, None)
        return view


def _to_dict(event: Event | None) -> dict[str, Any]:
    return event.to_dict() if event is not None else {}
