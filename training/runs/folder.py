"""The run folder: the interface between a training and everything that shows it, in this process or another.

``config.json`` (settings), ``events.jsonl`` (events), ``best_model.pth``, ``last.pth``, ``previews/``,
``STOP`` (exists = please stop) and ``.lock`` (held by the process that trains). Status is worked out from these, never
remembered.
"""

import json
import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import BaseFileLock, FileLock, Timeout

from separator.files import ProcessId, atomic_write
from training.config import TrainConfig
from training.runs.events import TERMINAL, Event, read_events

SILENT_SECONDS = 120.0
"""A training without an event for so long counts as interrupted; it emits one every few seconds."""

_locks: dict[Path, BaseFileLock] = {}
"""Those of this process, by folder: it never locks itself out."""

State = Literal["empty", "running", "finished", "stopped", "failed", "interrupted"]


@dataclass(frozen=True)
class RunStatus:
    """How a run stands, and a sentence about it."""

    state: State
    message: str


@dataclass(frozen=True)
class Preview:
    """The excerpt as the model separated it after some epoch."""

    epoch: int
    path: Path
    sdr_db: float | None


class RunFolder:
    """One run on disk."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def best_model(self) -> Path:
        return self.path / "best_model.pth"

    @property
    def last(self) -> Path:
        return self.path / "last.pth"

    @property
    def config_file(self) -> Path:
        return self.path / "config.json"

    @property
    def events_file(self) -> Path:
        return self.path / "events.jsonl"

    def create(self, config: TrainConfig) -> None:
        """Make the folder and write the settings."""
        (self.path / "previews").mkdir(parents=True, exist_ok=True)
        with atomic_write(self.config_file) as part:
            part.write_text(json.dumps(config.to_dict(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        self.clear_stop()

    def lock(self) -> bool:
        """Make the folder and keep it for this process until `unlock` or its end; False if another process has it.

        Raises:
            OSError: the folder cannot be made.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        own = FileLock(self.path / ".lock", blocking=False, thread_local=False)
        try:
            _locks.setdefault(self.path.absolute(), own).acquire()
        except Timeout:
            return False
        except (OSError, NotImplementedError):  # a file system without locks: the events have to do
            pass
        if self.is_trained_elsewhere():
            self.unlock()
            return False
        return True

    def unlock(self) -> None:
        if lock := _locks.pop(self.path.absolute(), None):
            lock.release(force=True)

    def config(self) -> dict[str, Any]:
        """The settings; empty if the folder holds no readable config."""
        try:
            values = json.loads(self.config_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return values if isinstance(values, dict) else {}

    def events(self) -> list[Event]:
        return read_events(self.events_file)

    def status(self, now: float | None = None) -> RunStatus:
        """How the run stands: by its last event, and by how long ago that was."""
        events = self.events()
        if not events:
            return RunStatus("empty", "nothing has happened yet")
        last = events[-1]
        if last["type"] in TERMINAL:
            return RunStatus(last["type"], _describe_ending(last, events))
        silent_for = (now or time.time()) - float(last["time"])
        trainer = self._trainer(events)
        if trainer is not None and not trainer.is_alive():
            return RunStatus("interrupted", "the process that trained it has ended; it can be resumed")
        if silent_for > SILENT_SECONDS:
            return RunStatus("interrupted", f"no sign of life for {_format_duration(silent_for)}; it can be resumed")
        if last["type"] == "preparing":
            return RunStatus("running", f"getting ready: {last.get('stage', '')}")
        return RunStatus("running", f"epoch {_last_epoch(events) + 1}")

    def is_trained_elsewhere(self) -> bool:
        """Whether another process of this machine is known to be training here."""
        events = self.events()
        trainer = self._trainer(events) if events and events[-1]["type"] not in TERMINAL else None
        return trainer is not None and trainer.pid != os.getpid() and trainer.is_alive()

    def _trainer(self, events: list[Event]) -> ProcessId | None:
        """The process that trains here, if it is one of this machine."""
        starts = [event for event in events if event["type"] == "preparing" and "pid" in event]
        if not starts or starts[-1].get("host") != socket.gethostname() or "pid_start" not in starts[-1]:
            return None
        return ProcessId(int(starts[-1]["pid"]), int(starts[-1]["pid_start"]))

    def request_stop(self) -> None:
        """Request that the training here finish its step, save and stop."""
        with suppress(FileNotFoundError):  # moved away: its training ends by itself
            (self.path / "STOP").touch()

    def stop_requested(self) -> bool:
        return (self.path / "STOP").exists()

    def clear_stop(self) -> None:
        (self.path / "STOP").unlink(missing_ok=True)

    def previews(self) -> list[Preview]:
        """The previews of all epochs, in order."""
        scores = {e["epoch"]: e.get("sdr_db") for e in self.events() if e["type"] == "preview"}
        files = sorted((self.path / "previews").glob("epoch_*.wav"))
        return [Preview(epoch, path, scores.get(epoch)) for path in files if (epoch := _parse_epoch(path)) is not None]


def list_runs(root: Path | str) -> list[RunFolder]:
    """The runs below a folder, the one that was last active first."""
    files = [path for path in Path(root).glob("*/config.json") if path.is_file()]
    runs = [RunFolder(path.parent) for path in files]
    return sorted(runs, key=lambda run: _last_activity(run), reverse=True)


def _last_activity(run: RunFolder) -> float:
    file = run.events_file if run.events_file.exists() else run.config_file
    return file.stat().st_mtime


def _describe_ending(event: Event, events: list[Event]) -> str:
    epoch = _last_epoch(events)
    if event["type"] == "failed":
        return f"failed after epoch {epoch}: {event.get('message', 'unknown reason')}"
    if event["type"] == "stopped":
        return f"stopped after epoch {epoch}; it can be resumed"
    reasons = {"early_stopping": "no improvement any more", "time": "its time was up", "epochs": "all epochs done"}
    return f"finished after epoch {epoch}: {reasons.get(str(event.get('reason')), event.get('reason', ''))}"


def _last_epoch(events: list[Event]) -> int:
    return max((int(e["epoch"]) for e in events if e["type"] == "epoch"), default=0)


def _parse_epoch(path: Path) -> int | None:
    digits = path.stem.removeprefix("epoch_")
    return int(digits) if digits.isdigit() else None


def _format_duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
