"""The door to MLflow: a client, an experiment, and patience with a store that is slow, locked or being created."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from separator.errors import ConfigError

if TYPE_CHECKING:
    from mlflow import MlflowClient

DEFAULT_URI = "sqlite:///mlflow.db"
"""Where `mlflow ui` looks when it is started in the same folder."""

Answer = TypeVar("Answer")


def open_client(tracking_uri: str) -> MlflowClient:
    """A client of one store, without touching MLflow's global state.

    Raises:
        ConfigError: MLflow is not installed.
    """
    try:
        from mlflow import MlflowClient
    except ImportError as error:
        raise ConfigError("MLflow is not installed; install it with: python -m pip install mlflow") from error
    logging.getLogger("mlflow").setLevel(logging.WARNING)  # it tells of every table that it creates
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return MlflowClient(tracking_uri=tracking_uri)


def experiment_id(client: MlflowClient, name: str) -> str:
    """The experiment of that name: created, or brought back if it was deleted."""
    found = client.get_experiment_by_name(name)
    if found is None:
        return str(client.create_experiment(name))
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def patiently(action: Callable[[], Answer], attempts: int = 6, first_wait_seconds: float = 0.5) -> Answer:
    """Try again, with doubling waits, what fails because two programs create or write a store at once.

    MLflow passes on whatever its store raises, so every error is retried; the last one is passed on.
    """
    for attempt in range(attempts - 1):
        try:
            return action()
        except ConfigError:
            raise
        except Exception:
            time.sleep(first_wait_seconds * 2**attempt)
    return action()
