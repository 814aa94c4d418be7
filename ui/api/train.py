"""The endpoints that start, watch and stop a training from a program (``gradio_client``, MCP)."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import gradio as gr

from separator.errors import ConfigError, SeparatorError
from training.runs.folder import RunFolder
from ui.settings import PageSettings
from ui.train.data_check import make_practice
from ui.train.form import read_practice_recipe
from ui.train.run_manager import RunManager
from ui.train.run_view import RunViewCache

Params = ParamSpec("Params")
Returned = TypeVar("Returned")


def build_train_endpoints(settings: PageSettings, manager: RunManager, views: RunViewCache) -> None:
    """Add /train_start, /train_status and /train_stop to the current Blocks, with hidden widgets."""
    endpoints = TrainEndpoints(settings, manager, views)
    with gr.Column(visible=False):
        data_dir, target = gr.Textbox("", label="data_dir"), gr.Textbox("vocals", label="target")
        epochs, batch_size = (gr.Number(0, precision=0, label=name) for name in ("epochs", "batch_size"))
        run, chosen, status = gr.Textbox("", label="run"), gr.JSON(label="settings"), gr.JSON(label="status")
        start = [data_dir, target, epochs, batch_size, run, chosen]
        small: dict[str, Any] = {"queue": False, "concurrency_limit": None}
        publish = gr.Button().click
        publish(_report_errors(endpoints.train_start), start, [status], api_name="train_start", concurrency_limit=1)
        publish(_report_errors(endpoints.train_status), [run], [status], api_name="train_status", **small)
        publish(_report_errors(endpoints.train_stop), [run], [status], api_name="train_stop", **small)


class TrainEndpoints:
    """Implementations of the endpoints; their docstrings are the public documentation."""

    def __init__(self, settings: PageSettings, manager: RunManager, views: RunViewCache) -> None:
        self.settings, self.manager, self.views = settings, manager, views

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
        """Start a training in the background, or resume one, and return its status.

        Args:
            data_dir: A folder of songs with true stems; empty uses the practice songs, which are made first if needed.
            target: The stem to learn.
            epochs: The most epochs to train for; 0 takes the default.
            batch_size: Excerpts per step; 0 takes the default.
            resume_run: The name of a run to resume under its own settings; the data and stem are then ignored.
            settings: Any other settings of training, by name, as `python train.py --help` lists them.

        Returns:
            The status, as /train_status gives it.
        """
        chosen = dict(settings or {})
        chosen |= {name: value for name, value in (("epochs", epochs), ("batch_size", batch_size)) if value}
        if resume_run:
            return self._read_status(self.manager.resume(resume_run, chosen, request))
        if not data_dir.strip():
            make_practice(self.settings)
            data_dir, chosen = str(self.settings.practice), read_practice_recipe() | chosen
        config = self.manager.build_config({**chosen, "target": target}, data_dir)
        return self._read_status(self.manager.start(config, request=request))

    def train_status(self, run: str = "") -> dict[str, Any]:
        """Report the state of a training.

        Args:
            run: Its name; empty takes the one that was last active.

        Returns:
            run, state (empty, preparing, running, stopping, finished, stopped, failed or interrupted), message,
            progress (epoch, epochs, step, steps, seconds_left), numbers (losses, SDR in dB, learning rate, speed,
            patience) and limits (scores of the unprocessed mixture and of a perfect mask).
        """
        return self._read_status(self._find_run(run))

    def train_stop(self, run: str = "", request: gr.Request | None = None) -> dict[str, Any]:
        """Request that a training finish its step, save and end; returns at once.

        On a shared page only the visitor who started a training, or one who is logged in, can stop it.

        Args:
            run: Its name; empty takes the one that was last active.

        Returns:
            The status, as /train_status gives it.
        """
        found = self._find_run(run)
        self.manager.stop(found.name, request)
        return self._read_status(found)

    def _find_run(self, name: str) -> RunFolder:
        if name:
            return self.manager.find_run(name)
        runs = self.manager.list_runs()
        if not runs:
            raise ConfigError("There is no training yet.")
        return runs[0]

    def _read_status(self, run: RunFolder) -> dict[str, Any]:
        value, _ = self.views.read_details(run)
        return {key: value[key] for key in ("run", "state", "reason", "message", "progress", "numbers", "limits")}


def _report_errors(function: Callable[Params, Returned]) -> Callable[Params, Returned]:
    """Wrap a function so that a SeparatorError reaches the caller as a gr.Error without traceback."""

    @wraps(function)
    def wrapped(*args: Params.args, **kwargs: Params.kwargs) -> Returned:
        try:
            return function(*args, **kwargs)
        except SeparatorError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return wrapped
