"""The run folder: the interface between a training and everything that shows it, in this process or another.

``config.json`` (settings), ``events.jsonl`` (events), ``best_model.pth``, ``last.pth``, ``previews/``,
``STOP`` (exists = please stop) and ``.lock`` (held by the process that trains). Status is worked out from these, never
remembered. The start of a training makes the folder; a later write into one that was moved away is an error, which ends
the training.
"""

import json
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, FileLock, Timeout

from separator.files import atomic_write
from training.config import TrainConfig
from training.runs.event_log import read_events
from training.runs.events import Event
from training.runs.history import RunHistory, RunStatus

PREVIEW_NAME = re.compile(r"epoch_(\d+)\.wav")

_locks: dict[Path, BaseFileLock] = {}
"""Those of this process, by folder: it never locks itself out."""


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
    def previews(self) -> Path:
        return self.path / "previews"

    @property
    def events_file(self) -> Path:
        return self.path / "events.jsonl"

    def create(self, config: TrainConfig) -> None:
        """Make the folder and write the settings."""
        self.previews.mkdir(parents=True, exist_ok=True)
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

    def history(self) -> RunHistory:
        """What all its events add up to, read from the start."""
        return RunHistory(self.events())

    def status(self, now: float | None = None) -> RunStatus:
        """How the run stands now, or at some time."""
        return self.history().status(now)

    def is_trained_elsewhere(self) -> bool:
        """Whether another process of this machine is known to be training here."""
        trainer = self.history().trainer
        return trainer is not None and trainer.pid != os.getpid() and trainer.is_alive()

    def request_stop(self) -> None:
        """Request that the training here finish its step, save and stop."""
        with suppress(FileNotFoundError):  # moved away: its training ends by itself
            (self.path / "STOP").touch()

    def stop_requested(self) -> bool:
        return (self.path / "STOP").exists()

    def clear_stop(self) -> None:
        (self.path / "STOP").unlink(missing_ok=True)

    def preview_files(self) -> dict[int, Path]:
        """The excerpt as the model separated it after some epochs, in order."""
        try:
            names = sorted(os.listdir(self.previews))
        except FileNotFoundError:
            return {}
        return {int(found[1]): self.previews / name for name in names if (found := PREVIEW_NAME.fullmatch(name))}


def list_runs(root: Path | str) -> list[RunFolder]:
    """The runs below a folder, the one that was last active first."""
    files = [path for path in Path(root).glob("*/config.json") if path.is_file()]
    runs = [RunFolder(path.parent) for path in files]
    return sorted(runs, key=lambda run: _last_activity(run), reverse=True)


def _last_activity(run: RunFolder) -> float:
    file = run.events_file if run.events_file.exists() else run.config_file
    return file.stat().st_mtime
