"""A training's events in MLflow, as a listener: parameters, curves, previews, system load and the best model.

The training only puts events into a queue. One thread takes them out and tries until MLflow accepts; a server that is
slow, locked or down is mentioned once and costs the training nothing. A resumed training goes on in its MLflow run.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from separator.files import atomic_write
from training.runs.events import (
    HEARTBEATS,
    EpochDone,
    Event,
    Failed,
    Finished,
    PreviewWritten,
    Resumed,
    Started,
    Stopped,
)
from training.runs.folder import RunFolder
from training.tracking.mlflow_client import DEFAULT_URI, end_dead_runs, experiment_id, open_client, process_tags

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

EXPERIMENT = "Training"

_RUN_FILE = "mlflow.json"
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 1.0, 60.0
_LONGEST_PARAM = 500  # characters; stores differ in what they take
_STATUS: dict[type[Event], str] = {Finished: "FINISHED", Stopped: "KILLED", Failed: "FAILED"}


class MlflowTracker:
    """A listener of training events that writes to MLflow in its own thread::

    tracker = MlflowTracker("checkpoints/my_run")
    train(config, run, listeners=[tracker])
    tracker.close()
    """

    def __init__(
        self,
        run_folder: Path | str,
        tracking_uri: str = DEFAULT_URI,
        *,
        experiment: str = EXPERIMENT,
        system_metrics: bool = True,
        log: Callable[[str], None] = lambda sentence: print(sentence, file=sys.stderr),
    ) -> None:
        self._log = log
        self._run = _TrackedRun(RunFolder(run_folder), tracking_uri, experiment, system_metrics)
        self._waiting: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._has_complained = False
        self._thread = threading.Thread(target=self._work, name="mlflow", daemon=True)
        self._thread.start()

    def __call__(self, event: Event) -> None:
        """Take note of an event and return at once."""
        if not isinstance(event, HEARTBEATS):
            self._waiting.put(event)

    def close(self, timeout_seconds: float = 30.0) -> None:
        """Write what is waiting, for at most so long; what MLflow does not take by then stays in `events.jsonl`."""
        self._waiting.put(None)
        self._thread.join(timeout_seconds / 2)
        self._closing.set()
        self._thread.join(timeout_seconds / 2)
        if self._thread.is_alive():
            self._log("MLflow does not answer: the last events are only in the run folder")

    def _work(self) -> None:
        while (event := self._waiting.get()) is not None:
            if not self._write(event):
                return
        self._run.rest()

    def _write(self, event: Event) -> bool:
        """Try until it is written; False when closing came first."""
        wait = _FIRST_WAIT_SECONDS
        while True:
            try:
                self._run.log(event)
                return True
            except Exception as error:  # whatever a store raises must not reach the training
                self._log_failure(error)
            if self._closing.wait(wait):
                self._run.rest()
                return False
            wait = min(2 * wait, _LONGEST_WAIT_SECONDS)

    def _log_failure(self, error: Exception) -> None:
        if not self._has_complained:
            self._has_complained = True
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            self._log(f"MLflow cannot be written to and will be tried again; the training goes on ({reason[:200]})")


class _TrackedRun:
    """One MLflow run, opened at the first event; every method may raise and may be called again."""

    def __init__(self, folder: RunFolder, tracking_uri: str, experiment: str, system_metrics: bool) -> None:
        self._folder = folder
        self._tracking_uri = tracking_uri
        self._experiment = experiment
        self._wants_system_metrics = system_metrics
        self._client: MlflowClient | None = None
        self._run_id = ""
        self._monitor: SystemMetricsMonitor | None = None

    def log(self, event: Event) -> None:
        client = self._open_client()
        match event:
            case Started() | Resumed():
                self._log_start(client, event)
            case EpochDone():
                self._log_numbers(client, event, _numbers(event))
            case PreviewWritten():
                self._log_preview(client, event)
            case Finished() | Stopped():
                self._log_end(client, event, event.reason)
            case Failed():
                self._log_end(client, event, event.message)

    def rest(self) -> None:
        """Stop watching the machine."""
        if self._monitor is not None:
            self._monitor.finish()
            self._monitor = None

    def _open_client(self) -> MlflowClient:
        if self._client is None:
            client = open_client(self._tracking_uri)
            self._run_id = self._run_id or self._known_run(client) or self._new_run(client)
            with atomic_write(self._folder.path / _RUN_FILE) as part:
                known = {"tracking_uri": self._tracking_uri, "run_id": self._run_id}
                part.write_text(json.dumps(known) + "\n", encoding="utf-8")
            end_dead_runs(client, client.get_run(self._run_id).info.experiment_id)
            self._watch_machine()
            self._client = client
        return self._client

    def _known_run(self, client: MlflowClient) -> str | None:
        """The MLflow run that this run folder belongs to, set running again; None where there is none any more."""
        try:
            known = json.loads((self._folder.path / _RUN_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if known.get("tracking_uri") != self._tracking_uri:
            return None
        from mlflow.exceptions import MlflowException

        try:
            if client.get_run(known["run_id"]).info.lifecycle_stage != "active":
                return None
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
        client.update_run(known["run_id"], status="RUNNING")
        for key, value in process_tags().items():
            client.set_tag(known["run_id"], key, value)
        return str(known["run_id"])

    def _new_run(self, client: MlflowClient) -> str:
        experiment = experiment_id(client, self._experiment)
        run = client.create_run(experiment, run_name=self._folder.name, tags=process_tags())
        return str(run.info.run_id)

    def _watch_machine(self) -> None:
        if not self._wants_system_metrics or self._monitor is not None:
            return
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        monitor = SystemMetricsMonitor(self._run_id, resume_logging=True, tracking_uri=self._tracking_uri)
        monitor.start()
        self._monitor = monitor

    def _log_start(self, client: MlflowClient, event: Event) -> None:
        """Config and the values of `started`, as parameters. MLflow cannot change these: changes become tags."""
        from mlflow.entities import Param

        params = {key: str(value)[:_LONGEST_PARAM] for key, value in (self._folder.config() | _facts(event)).items()}
        known = client.get_run(self._run_id).data.params
        client.log_batch(self._run_id, params=[Param(key, value) for key, value in params.items() if key not in known])
        for key in params.keys() & known.keys():
            if params[key] != known[key]:
                client.set_tag(self._run_id, f"changed.{key}", params[key])
        self._upload(client, "config.json")

    def _log_numbers(self, client: MlflowClient, event: EpochDone | PreviewWritten, numbers: dict[str, float]) -> None:
        from mlflow.entities import Metric

        moment, step = _milliseconds(event), event.epoch
        client.log_batch(self._run_id, [Metric(key, value, moment, step) for key, value in numbers.items()])

    def _log_preview(self, client: MlflowClient, event: PreviewWritten) -> None:
        self._log_numbers(client, event, {"preview_sdr_db": event.sdr_db})
        path = self._folder.path / event.path
        if path.is_file():
            client.log_artifact(self._run_id, str(path), "previews")

    def _log_end(self, client: MlflowClient, event: Event, reason: str) -> None:
        from training.tracking.training_curves import draw_training_curves

        self.rest()
        client.log_figure(self._run_id, draw_training_curves(self._folder.events()), "training_curves.png")
        for name in ("config.json", "events.jsonl", "best_model.pth"):
            self._upload(client, name)
        client.set_tag(self._run_id, "ending", reason or event.kind)
        client.set_terminated(self._run_id, _STATUS[type(event)], _milliseconds(event))

    def _upload(self, client: MlflowClient, name: str) -> None:
        if (self._folder.path / name).is_file():
            client.log_artifact(self._run_id, str(self._folder.path / name))


def _facts(event: Event) -> dict[str, Any]:
    """The values of `started`, without what every event has and what a resumed run counts anew."""
    return {key: value for key, value in asdict(event).items() if key not in ("time", "epoch")}


def _numbers(event: EpochDone) -> dict[str, float]:
    """The numbers of an epoch; counts such as best_epoch included, and as target_sdr_db.drums those of a target."""
    values = asdict(event)
    nested = {f"{key}.{name}": x for key, of in values.items() if isinstance(of, dict) for name, x in of.items()}
    return {
        key: float(value)
        for key, value in {**values, **nested}.items()
        if key not in ("time", "epoch") and isinstance(value, int | float) and not isinstance(value, bool)
    }


def _milliseconds(event: Event) -> int:
    return round(1000 * event.time)
