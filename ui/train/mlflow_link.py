"""A training of the page in MLflow: the listener that writes it, and its address."""

import json
import threading
from importlib.util import find_spec
from pathlib import Path

from separator.errors import ConfigError
from training.runs.events import TERMINAL, Event, Listener
from training.runs.folder import RunFolder

RUN_FILE = "mlflow.json"
"""In a run's folder: which MLflow run it is; written by ``training.tracking.run_tracker``."""


def is_mlflow_installed() -> bool:
    """Whether MLflow is installed; finding out imports nothing."""
    return find_spec("mlflow") is not None


def make_tracker(run_folder: Path, tracking_uri: str) -> Listener:
    """A listener that writes a training to MLflow, and closes it when the training has ended."""
    from training.tracking.run_tracker import MlflowTracker

    to_mlflow = MlflowTracker(run_folder, tracking_uri)

    def forward(event: Event) -> None:
        to_mlflow(event)
        if isinstance(event, TERMINAL):  # closing waits for MLflow; the next training must not wait for that
            threading.Thread(target=to_mlflow.close, name="mlflow closing", daemon=True).start()

    return forward


def is_tracked(run: RunFolder) -> bool:
    """Whether the run has an MLflow run."""
    return (run.path / RUN_FILE).is_file()


def find_mlflow_address(run: RunFolder, mlflow_url: str) -> str:
    """The page of a run below MLflow's own page; imports MLflow, so it takes seconds the first time.

    Raises ConfigError when the run is not in MLflow.
    """
    try:
        record = json.loads((run.path / RUN_FILE).read_text(encoding="utf-8"))
        run_id, tracking_uri = record["run_id"], record["tracking_uri"]
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{run.name} was not written to MLflow.") from error
    from training.tracking.mlflow_client import open_client

    client = open_client(tracking_uri)
    from mlflow.exceptions import MlflowException

    try:
        experiment = client.get_run(run_id).info.experiment_id
    except MlflowException as error:
        raise ConfigError(f"MLflow has no run of {run.name} any more.") from error
    return f"{mlflow_url}/#/experiments/{experiment}/runs/{run_id}"
