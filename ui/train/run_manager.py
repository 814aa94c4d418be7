"""Starts, stops and lists trainings; their state is read from the run folders."""

import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import gradio as gr
import torch

from separator.errors import CheckpointError, ConfigError
from training.config import TrainConfig, split_names
from training.loop.background import BackgroundTraining
from training.runs.events import Event, Listener, Preparing
from training.runs.folder import RunFolder, list_runs
from training.runs.history import SILENT_SECONDS
from ui.safety import resolve_path, resolve_typed_folder
from ui.safety.visitors import get_address, is_at_this_computer
from ui.settings import PageSettings
from ui.train.mlflow_link import is_tracked, make_tracker

MAX_RUNS = 50
SPACE_TRAINING_MINUTES = 10.0
"""A training on a public Space ends after this long."""
SPACE_LIMITS = {
    "batch_size": 64,
    "accumulate": 16,
    "segment_seconds": 12,
    "valid_seconds": 30,
    "valid_excerpts": 120,
    "workers": 1,
}
"""Largest settings on a public Space, whose memory all visitors share."""
HOW_LONG = ("epochs", "max_minutes", "patience")
"""Settings that may change when a finished run is resumed."""
NICENESS, LOWEST = 10, 19
"""Niceness added to a training's thread, and the largest there is."""

FOLDER_FIELDS = ("target_dir", "rest_dir", "soft_dir", "val_dir")
"""Typed paths: checked against the allowed roots, and absent on a Space."""


class RunManager:
    """One background training at a time, and every run below the checkpoints folder. Safe in threads."""

    def __init__(self, settings: PageSettings, listeners: Sequence[Listener] = ()) -> None:
        self.settings = settings
        self.background = BackgroundTraining()
        self._listeners = (lower_thread_priority, *listeners)
        self._starters: dict[str, str] = {}

    @property
    def is_busy(self) -> bool:
        """Whether this page is training."""
        return self.background.is_running

    def parse_folders(self, text: str) -> list[str]:
        """The data folders in `text`, one a line, each "folder" or "folder=weight"; the practice folder is allowed.

        Raises ConfigError for a folder that is not there or not allowed.
        """
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if not lines:
            raise ConfigError("No data folder was given; type one, or use the practice songs.")
        return [self._parse_folder(line) for line in lines]

    def is_practice(self, text: str) -> bool:
        """Whether `text` names the folder of the practice songs."""
        with suppress(ConfigError):
            return bool(text.strip()) and resolve_path(text) == self.settings.practice.resolve()
        return False

    def build_config(self, values: Mapping[str, Any], data: str) -> TrainConfig:
        """The whole config of a form's values and its data folders.

        Raises ConfigError listing everything that cannot work.
        """
        values = dict(values)
        for name in FOLDER_FIELDS:
            if name in values:
                values[name] = self._check_paths(values[name], values.get("target", "") if name == "target_dir" else "")
        values.setdefault("workers", choose_worker_count())
        places = {"out_dir": str(self.settings.checkpoints), "cache_dir": str(self.settings.cache)}
        return self._validate_config({**values, **places, "data_dir": self.parse_folders(data)})

    def start(
        self,
        config: TrainConfig,
        start_from: Path | None = None,
        *,
        track: bool = False,
        request: gr.Request | None = None,
    ) -> RunFolder:
        """Start a run, from a shipped model's weights if one is given; with `track` in MLflow too. Returns at once.

        Raises ConfigError, CheckpointError, TrainingBusyError.
        """
        if self.is_busy or not track:
            run = self.background.start(config, start_from, self._listeners)  # refuses where busy
            return self._record_starter(run, request)
        name = config.run_name or f"{'-'.join(config.target)}-{datetime.now():%Y%m%d-%H%M%S}"
        follow = make_tracker(Path(config.out_dir) / name, self.settings.tracking_uri)
        run = self.background.start(config.replace(run_name=name), start_from, (*self._listeners, follow))
        return self._record_starter(run, request)

    def resume(self, name: str, how_long: Mapping[str, Any], request: gr.Request | None = None) -> RunFolder:
        """Resume a run under its own settings; a finished one takes its new end from `how_long`.

        Raises ConfigError, CheckpointError, TrainingBusyError.
        """
        run = self.find_run(name)
        if not run.last.is_file():
            raise CheckpointError(f"{name} had not finished its first epoch, so there is nothing to go on from.")
        values = run.config()
        if run.status().state == "finished":
            values |= {key: how_long[key] for key in HOW_LONG if key in how_long}
        values |= {"out_dir": str(run.path.parent), "cache_dir": str(self.settings.cache), "run_name": name}
        follow = (make_tracker(run.path, self.settings.tracking_uri),) if is_tracked(run) else ()
        run = self.background.start(self._validate_config(values), run.last, (*self._listeners, *follow))
        return self._record_starter(run, request)

    def stop(self, name: str, request: gr.Request | None = None) -> None:
        """Request that a run, here or in another process, finish the step, save and end.

        Raises ConfigError for a visitor who may not: neither at this computer, nor logged in, nor who started it.
        """
        if request is not None and not self._may_stop(name, request):
            raise ConfigError("This training was started by someone else; only who started it can stop it here.")
        if self.is_busy and self.background.run is not None and self.background.run.name == name:
            self.background.stop()
        else:
            self.find_run(name).request_stop()

    def _may_stop(self, name: str, request: gr.Request) -> bool:
        is_trusted = is_at_this_computer(request) or getattr(request, "username", None) is not None
        return is_trusted or self._starters.get(name) == get_address(request)

    def _record_starter(self, run: RunFolder, request: gr.Request | None) -> RunFolder:
        if request is not None:
            self._starters[run.name] = get_address(request)
        return run

    def list_runs(self) -> list[RunFolder]:
        """The runs that the page shows, newest first; the page's own also when its folder was moved away."""
        return self._list_all_runs()[:MAX_RUNS]

    def _list_all_runs(self) -> list[RunFolder]:
        runs, own = list_runs(self.settings.checkpoints), self.background.run
        is_lost = own is not None and not own.config_file.is_file()
        return [own, *runs] if own is not None and is_lost else runs

    def find_run(self, name: str) -> RunFolder:
        """The run of that name; only listed ones, so no name leads outside the folder.

        Raises ConfigError when there is none.
        """
        for run in self._list_all_runs():
            if run.name == name:
                return run
        raise ConfigError(f"There is no run named {name!r}.")

    def get_signature(self, run: RunFolder) -> object:
        """A cheap value that changes when a run has new events, or has had none for so long that its state changes."""
        try:
            stat = run.events_file.stat()
        except OSError:
            return self.is_busy
        age = max(0.0, time.time() - stat.st_mtime)
        return stat.st_mtime_ns, stat.st_size, self.is_busy, age > SILENT_SECONDS + 1

    def _validate_config(self, values: Mapping[str, Any]) -> TrainConfig:
        """The checked config of these values; on a Space it ends after ``SPACE_TRAINING_MINUTES`` at the latest."""
        config = TrainConfig.from_dict(dict(values)).validate()
        if self.settings.on_space:
            _refuse_too_much(config)
            config = config.replace(
                max_minutes=min(config.max_minutes or SPACE_TRAINING_MINUTES, SPACE_TRAINING_MINUTES)
            )
        return config

    def _parse_folder(self, text: str) -> str:
        if self.is_practice(text):
            return str(self.settings.practice)
        name, sign, weight = text.rpartition("=")
        if not sign or resolve_path(text).is_dir():
            name, weight = text, ""
        folder = resolve_typed_folder(name, self.settings.data_roots, on_space=self.settings.on_space)
        return f"{folder}={weight}" if weight else str(folder)

    def _check_paths(self, value: Any, targets: Any = "") -> Any:
        """Checked paths; those of target folders may have one of ``targets`` and a colon before them."""
        names = split_names(tuple(targets) if isinstance(targets, list | tuple) else (targets,))

        def check_path(text: object) -> str:
            name, sign, folder = str(text).partition(":")
            prefix, folder = (f"{name}:", folder) if sign and name in names else ("", str(text))
            return prefix + str(resolve_typed_folder(folder, self.settings.data_roots, on_space=self.settings.on_space))

        if isinstance(value, str):
            return check_path(value) if value.strip() else ""
        return tuple(check_path(text) for text in (value if isinstance(value, list | tuple) else (value,)))


def _refuse_too_much(config: TrainConfig) -> None:
    """Raises ConfigError naming all settings above ``SPACE_LIMITS``."""
    values = {name: getattr(config, name) for name in SPACE_LIMITS}
    found = [
        f"{name} is {values[name]}; on a public Space it may be {most} at most"
        for name, most in SPACE_LIMITS.items()
        if values[name] > most
    ]
    if found:
        raise ConfigError("\n".join(found))


def choose_worker_count() -> int:
    """1 with a GPU; 0 on a CPU, where excerpts are prepared between steps, as no core is free."""
    return int(torch.cuda.is_available())


def lower_thread_priority(event: Event) -> None:
    """A listener that lowers the priority of the training's thread below the page's, on Linux."""
    if isinstance(event, Preparing) and hasattr(os, "setpriority") and os.uname().sysname == "Linux":
        # On Linux a thread has a priority of its own, which the threads it starts (OpenMP's) inherit.
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, min(LOWEST, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS))
