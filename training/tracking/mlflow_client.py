"""The door to MLflow: a client, an experiment, and patience with a store that is slow, locked or being created."""

from __future__ import annotations

import errno
import logging
import os
import socket
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from filelock import FileLock

from separator.errors import ConfigError
from separator.files import ProcessId, atomic_write

if TYPE_CHECKING:
    from mlflow import MlflowClient

DEFAULT_URI = "sqlite:///mlflow.db"
"""Where `mlflow ui` looks when it is started in the same folder."""
REQUEST_SECONDS = 12
"""How long a server may take for one response. MLflow's own 120 s and seven retries add up to many minutes."""
RETRY_SECONDS = {"http": 4.0, "sqlite": 16.0}
"""How long a call that fails is repeated; a database is locked for as long as another program creates it."""
QUIET_SECONDS = 5.0
"""A half-made database that has not changed for so long was left by a process that died."""

_HOST, _PID, _START = "sori.host", "sori.pid", "sori.pid_start"  # tags: which process writes a run

Result = TypeVar("Result")
Report = Callable[[str], None]


def disable_telemetry() -> None:
    """Keep MLflow and Gradio from reporting home; to be called before they are imported."""
    for name, value in {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }.items():
        os.environ.setdefault(name, value)


def open_client(tracking_uri: str, report: Report = lambda sentence: print(sentence, file=sys.stderr)) -> MlflowClient:
    """A client of one store, without touching MLflow's global state; a database of this machine is made if absent.

    Args:
        report: called with a sentence where a half-made database was set aside.

    Raises:
        ConfigError: MLflow is not installed.
    """
    disable_telemetry()
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(REQUEST_SECONDS))
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")  # see `retry_with_backoff`
    try:
        from mlflow import MlflowClient
    except ImportError as error:
        raise ConfigError("MLflow is not installed; install it with: python -m pip install mlflow") from error
    logging.getLogger("mlflow").setLevel(logging.WARNING)  # it logs every table that it creates
    logging.getLogger("alembic").setLevel(logging.WARNING)
    if (database := _database_path(tracking_uri)) is not None:
        _make_database(database, report)
        # MLflow keeps stores by their URI: of a relative one it would go on with that of an earlier working folder.
        query = "".join(tracking_uri.partition("?")[1:])
        tracking_uri = f"sqlite:///{database.resolve().as_posix()}{query}"
    return MlflowClient(tracking_uri=tracking_uri)


def add_retries(client: MlflowClient, tracking_uri: str) -> MlflowClient:
    """The client with each of its calls repeated for a while; a server that failed for good is not called again."""
    return cast("MlflowClient", _RetryingClient(client, "http" if tracking_uri.startswith("http") else "sqlite"))


def experiment_id(client: MlflowClient, name: str) -> str:
    """The experiment of that name: created, or brought back if it was deleted."""
    found = client.get_experiment_by_name(name)
    if found is None:
        return str(client.create_experiment(name))
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def process_tags() -> dict[str, str]:
    """Tags of a run that this process writes, by which `end_dead_runs` finds it when the process has ended."""
    process = ProcessId.current()
    return {_HOST: socket.gethostname(), _PID: str(process.pid), _START: str(process.start)}


def end_dead_runs(client: MlflowClient, experiment: str) -> None:
    """Mark as KILLED the runs of an experiment that count as running although their process here has ended."""
    query = f"attributes.status = 'RUNNING' and tags.`{_HOST}` = '{socket.gethostname()}'"
    for run in client.search_runs([experiment], query):
        with suppress(KeyError, ValueError):  # tags that are not ours
            process = ProcessId(int(run.data.tags[_PID]), int(run.data.tags[_START]))
            if not process.is_alive():
                client.set_terminated(run.info.run_id, "KILLED")


def retry_with_backoff(action: Callable[[], Result], seconds: float, first_wait_seconds: float = 0.5) -> Result:
    """Try again, with doubling waits, what fails because two programs create or write a store at once.

    MLflow passes on whatever its store raises, so every error but a full disk is retried; the last one is passed on.
    """
    deadline, wait = time.monotonic() + seconds, first_wait_seconds
    while True:
        try:
            return action()
        except ConfigError:
            raise
        except Exception as error:
            if _is_disk_full(error) or time.monotonic() + wait > deadline:
                raise
        time.sleep(wait)
        wait *= 2


class _RetryingClient:
    def __init__(self, client: MlflowClient, kind: str) -> None:
        self._client = client
        self._kind = kind
        self._lost: Exception | None = None

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            if self._lost is not None:
                raise self._lost
            try:
                return retry_with_backoff(lambda: method(*args, **kwargs), RETRY_SECONDS[self._kind])
            except Exception as error:
                self._lost = error if self._kind == "http" else None
                raise

        return call


def _is_disk_full(error: BaseException) -> bool:
    return getattr(error, "errno", None) == errno.ENOSPC or "disk is full" in str(error)


def _database_path(tracking_uri: str) -> Path | None:
    """The file of a SQLite store; None for a store of another kind."""
    name = tracking_uri.removeprefix("sqlite:///").partition("?")[0]
    return Path(name) if tracking_uri.startswith("sqlite:///") and name not in ("", ":memory:") else None


def _make_database(path: Path, report: Report) -> None:
    """Make a database beside and rename it, since a kill while MLflow makes its tables spoils it for ever."""
    if _has_tables(path) and not _is_half_made(path):
        return
    with FileLock(path.with_name(f".{path.name}.lock"), timeout=60):
        if _is_half_made(path):
            aside = path.with_name(f"{path.name}.half-made-{datetime.now():%Y%m%d-%H%M%S}")
            os.replace(path, aside)
            report(f"{path} was left half made by a program that was killed: it is now {aside.name}, a new one is made")
        with suppress(FileExistsError), atomic_write(path) as part:
            _make_tables(part)
            if _has_tables(path):  # another program was faster
                raise FileExistsError


def _make_tables(path: Path) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    SqlAlchemyStore(f"sqlite:///{path}", "./mlruns").engine.dispose()


def _has_tables(path: Path) -> bool:
    return bool(_tables(path))


def _is_half_made(path: Path) -> bool:
    """Whether a change of the tables was broken off; waits for one that goes on."""
    changed, since = 0, time.monotonic()
    while any(name.startswith("_alembic_tmp_") for name in _tables(path)):
        if (now := path.stat().st_mtime_ns) != changed:
            changed, since = now, time.monotonic()
        elif time.monotonic() - since > QUIET_SECONDS:
            return True
        time.sleep(0.1)
    return False


def _tables(path: Path) -> list[str]:
    """The names of a SQLite file's tables; none where there is no such file."""
    if not path.is_file():
        return []
    with closing(sqlite3.connect(path)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
