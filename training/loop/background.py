"""The training thread of a process that does other things too, such as serving the page: start, stop, status."""

import threading
from collections.abc import Sequence
from pathlib import Path

from separator.errors import SeparatorError, TrainingBusyError
from training.config import TrainConfig
from training.loop.launch import Checkpoint, open_run, train
from training.runs.events import Listener
from training.runs.folder import RunFolder
from training.runs.history import RunHistory, RunStatus


class BackgroundTraining:
    """At most one training at a time, in a thread of this process. All that happened is in the run folder."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._run: RunFolder | None = None
        self._stop_requested = threading.Event()
        self._failure = ""

    @property
    def run(self) -> RunFolder | None:
        """The run that was started last, wherever its folder is now."""
        return self._run

    @property
    def is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(
        self, config: TrainConfig, resume_from: Path | str | None = None, listeners: Sequence[Listener] = ()
    ) -> RunFolder:
        """Start a run, or go on with one, and return at once.

        Raises:
            TrainingBusyError: one is running already.
            ConfigError, CheckpointError: it cannot start; see :func:`training.loop.launch.open_run`.
        """
        with self._lock:
            if self.is_running:
                assert self._run is not None
                raise TrainingBusyError(f"{self._run.name} is being trained; stop it first, or wait until it is done")
            run, checkpoint = open_run(config, resume_from)
            self._run, self._failure = run, ""
            self._stop_requested.clear()
            self._thread = threading.Thread(
                target=self._train, args=(config, run, checkpoint, listeners), name=f"training {run.name}", daemon=True
            )
            self._thread.start()
            return run

    def _train(
        self, config: TrainConfig, run: RunFolder, checkpoint: Checkpoint | None, listeners: Sequence[Listener]
    ) -> None:
        try:
            train(config, run, checkpoint, listeners, self._stop_requested.is_set)
        except SeparatorError as error:  # in the run's events too, where the folder is still there
            self._failure = str(error)

    def stop(self) -> None:
        """Request that the running training finish its step, save and end; returns at once."""
        if self.is_running and self._run is not None:
            self._stop_requested.set()
            self._run.request_stop()

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait for the thread to end; True if it has."""
        if self._thread is not None:
            self._thread.join(timeout_seconds)
        return not self.is_running

    def status(self, run: RunFolder, history: RunHistory | None = None) -> RunStatus:
        """How a run stands by its history, which is read if it is not given.

        Of this process's own run also what its folder, old or gone, does not show.
        """
        status = (history or run.history()).status()
        if self._run is None or self._run.path != run.path:
            return status
        if self.is_running and status.state != "running":
            return RunStatus("running", "getting ready")
        if self._failure and not self.is_running and status.state != "failed":
            return RunStatus("failed", self._failure)
        return status
