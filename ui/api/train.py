"""The endpoints that start, watch and stop a training from a program (``gradio_client``, MCP)."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import gradio as gr

from separator.errors import ConfigError, SeparatorError
from training.runs.folder import RunFolder
from ui.settings import PageSettings
from ui.train.data_check import make_practice
from ui.train.form import practice_values
from ui.train.run_manager import Trainings
from ui.train.run_view import live_value

Asked, Answer = ParamSpec("Asked"), TypeVar("Answer")


def build_train_endpoints(settings: PageSettings, trainings: Trainings) -> None:
    """Add /train_start, /train_status and /train_stop to the current Blocks."""
    endpoints = TrainEndpoints(settings, trainings)
    gr.api(_telling(endpoints.train_start), api_name="train_start", concurrency_limit=1)
    gr.api(_telling(endpoints.train_status), api_name="train_status", queue=False, concurrency_limit=None)
    gr.api(_telling(endpoints.train_stop), api_name="train_stop", queue=False, concurrency_limit=None)


class TrainEndpoints:
    """What each endpoint does. The docstrings are what callers read."""

    def __init__(self, settings: PageSettings, trainings: Trainings) -> None:
        self.settings, self.trainings = settings, trainings

    def train_start(
        self,
        data_dir: str = "",
        target: str = "vocals",
        epochs: int = 0,
        batch_size: int = 0,
        resume_run: str = "",
        settings: dict[str, Any] | None = None,
        request: gr.Request | None = None,
    ) -> dict[str, Any]:
        """Start a training in the background, or go on with one, and answer with its status.

        Args:
            data_dir: A folder of songs with true stems; empty uses the practice songs, which are made first if needed.
            target: The stem to learn.
            epochs: The most epochs to train for; 0 takes the default.
            batch_size: Excerpts per step; 0 takes the default.
            resume_run: The name of a run to go on with under its own settings; the data and stem are then ignored.
            settings: Any other settings of training, by name, as `python train.py --help` lists them.

        Returns:
            The status, as /train_status gives it.
        """
        chosen = dict(settings or {})
        chosen |= {name: value for name, value in (("epochs", epochs), ("batch_size", batch_size)) if value}
        if resume_run:
            return self._status(self.trainings.resume(resume_run, chosen, request))
        if not data_dir.strip():
            make_practice(self.settings)
            data_dir, chosen = str(self.settings.practice), practice_values() | chosen
        config = self.trainings.config({**chosen, "target": target}, data_dir)
        return self._status(self.trainings.start(config, request=request))

    def train_status(self, run: str = "") -> dict[str, Any]:
        """Tell how a training stands.

        Args:
            run: Its name; empty takes the one that was last active.

        Returns:
            run, state (empty, preparing, running, stopping, finished, stopped, failed or interrupted), message,
            progress (epoch, epochs, step, steps, seconds_left), numbers (losses, SDR in dB, learning rate, speed,
            patience) and limits (what doing nothing and a perfect mask would score).
        """
        return self._status(self._find(run))

    def train_stop(self, run: str = "", request: gr.Request | None = None) -> dict[str, Any]:
        """Ask a training to finish its step, save and end; the answer does not wait for that.

        On a shared page only who started a training, or who is logged in, can stop it.

        Args:
            run: Its name; empty takes the one that was last active.

        Returns:
            The status, as /train_status gives it.
        """
        found = self._find(run)
        self.trainings.stop(found.name, request)
        return self._status(found)

    def _find(self, name: str) -> RunFolder:
        if name:
            return self.trainings.run(name)
        runs = self.trainings.runs()
        if not runs:
            raise ConfigError("There is no training yet.")
        return runs[0]

    def _status(self, run: RunFolder) -> dict[str, Any]:
        value = live_value(self.trainings.snapshot(run), stopping=run.stop_requested())
        return {key: value[key] for key in ("run", "state", "reason", "message", "progress", "numbers", "limits")}


def _telling(function: Callable[Asked, Answer]) -> Callable[Asked, Answer]:
    """The same function, with errors that a caller can mend as sentences instead of tracebacks."""

    @wraps(function)
    def told(*args: Asked.args, **kwargs: Asked.kwargs) -> Answer:
        try:
            return function(*args, **kwargs)
        except SeparatorError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return told
