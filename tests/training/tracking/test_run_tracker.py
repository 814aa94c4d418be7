"""Events reach a real MLflow store and a real server; a store that is away costs a training nothing."""

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient
from torch import Tensor

from separator.audio import write
from tests.events import make_event
from training.runs.event_log import EventFile
from training.runs.events import Event
from training.tracking.mlflow_client import DEFAULT_URI, experiment_id, open_client, process_tags, retry_with_backoff
from training.tracking.run_tracker import MlflowTracker

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own dependencies warn of one another


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A SQLite store with its artifacts beside it; making its tables takes seconds, so there is one for all."""
    folder = tmp_path_factory.mktemp("store")
    before = Path.cwd()
    os.chdir(folder)  # where MLflow puts artifacts by default
    try:
        uri = f"sqlite:///{folder / 'mlflow.db'}"
        experiment_id(MlflowClient(tracking_uri=uri), "Training")
        yield uri
    finally:
        os.chdir(before)


@pytest.fixture
def run_folder(tmp_path: Path, noise: Callable[..., Tensor]) -> Path:
    folder = tmp_path / "run 하나"
    (folder / "previews").mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"target": "vocals", "epochs": 3, "data_dir": "x" * 900}))
    (folder / "best_model.pth").write_bytes(b"weights")
    write(folder / "previews" / "epoch_1.wav", noise(800), 8000)
    return folder


def epoch(number: int) -> Event:
    return make_event(
        "epoch",
        epoch=number,
        step=10 * number,
        train_loss=1 / number,
        valid_loss=2 / number,
        valid_sdr_db=float(number),
    )


def send(tracker: MlflowTracker, folder: Path, *events: Event) -> None:
    """As the trainer does: to the event file first."""
    for event in events:
        EventFile(folder / "events.jsonl")(event)
        tracker(event)


def started() -> Event:
    return make_event("started", epochs=3, target="vocals", floor_sdr_db=-2.0, device="cpu")


def run_of(client: MlflowClient, folder: Path):
    return client.get_run(json.loads((folder / "mlflow.json").read_text())["run_id"])


def test_a_training_is_in_the_store_from_config_to_best_model(store: str, run_folder: Path) -> None:
    tracker = MlflowTracker(run_folder, store)
    preview = make_event("preview", epoch=1, path="previews/epoch_1.wav", sdr_db=4.0)
    send(tracker, run_folder, started(), make_event("step", epoch=1, step=1, loss=1.0), epoch(1), preview, epoch(2))
    send(tracker, run_folder, make_event("finished", reason="early_stopping"))
    tracker.close()
    client = MlflowClient(tracking_uri=store)
    run = run_of(client, run_folder)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "run 하나")
    assert run.data.params["target"] == "vocals"
    assert run.data.params["floor_sdr_db"] == "-2.0"
    assert [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, "valid_sdr_db")] == [(1, 1), (2, 2)]
    assert run.data.metrics["preview_sdr_db"] == 4
    assert run.data.tags["ending"] == "early_stopping"
    names = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert names == {"config.json", "events.jsonl", "best_model.pth", "training_curves.png", "previews"}
    previews = client.list_artifacts(run.info.run_id, "previews")
    assert [file.path for file in previews] == ["previews/epoch_1.wav"]


def test_the_machine_is_watched(store: str, run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.2")
    tracker = MlflowTracker(run_folder, store)
    send(tracker, run_folder, started())
    client = MlflowClient(tracking_uri=store)
    deadline = time.monotonic() + 20
    while not (
        (run_folder / "mlflow.json").exists()
        and any(name.startswith("system/cpu") for name in run_of(client, run_folder).data.metrics)
    ):
        assert time.monotonic() < deadline, "no system metric came"
        time.sleep(0.2)
    tracker.close()


@pytest.mark.slow
def test_a_resumed_training_goes_on_in_its_run(store: str, run_folder: Path) -> None:
    first = MlflowTracker(run_folder, store, system_metrics=False)
    send(first, run_folder, started(), epoch(1), make_event("stopped"))
    first.close()
    client = MlflowClient(tracking_uri=store)
    assert run_of(client, run_folder).info.status == "KILLED"
    before = run_of(client, run_folder).info.run_id
    (run_folder / "config.json").write_text(json.dumps({"target": "vocals", "epochs": 9}))
    second = MlflowTracker(run_folder, store, system_metrics=False)
    send(second, run_folder, make_event("resumed", epoch=1), epoch(2), make_event("failed", message="disk full"))
    second.close()
    run = run_of(client, run_folder)
    assert run.info.run_id == before
    assert run.info.status == "FAILED"
    assert [m.step for m in client.get_metric_history(before, "train_loss")] == [1, 2]
    assert run.data.tags["changed.epochs"] == "9"
    assert run.data.tags["ending"] == "disk full"


def test_a_deleted_run_is_begun_anew(store: str, run_folder: Path) -> None:
    client = MlflowClient(tracking_uri=store)
    first = MlflowTracker(run_folder, store, system_metrics=False)
    send(first, run_folder, started())
    first.close()
    before = run_of(client, run_folder).info.run_id
    client.delete_run(before)
    second = MlflowTracker(run_folder, store, system_metrics=False)
    send(second, run_folder, started(), epoch(1))
    second.close()
    assert run_of(client, run_folder).info.run_id != before


@pytest.mark.slow
def test_an_absent_store_is_mentioned_once_and_stops_nothing(run_folder: Path, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    printed: list[str] = []
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        tracker = MlflowTracker(run_folder, f"http://127.0.0.1:{unused.getsockname()[1]}", log=printed.append)
        begun = time.perf_counter()
        for number in range(1, 500):
            tracker(epoch(number))
        assert time.perf_counter() - begun < 0.2
        deadline = time.monotonic() + 20
        while not printed and time.monotonic() < deadline:
            time.sleep(0.05)
        begun = time.perf_counter()
        tracker.close(timeout_seconds=4)
        assert time.perf_counter() - begun < 6
    assert len([sentence for sentence in printed if "the training goes on" in sentence]) == 1


def test_what_could_not_be_written_is_tried_again(store: str, run_folder: Path, monkeypatch) -> None:
    printed: list[str] = []
    genuine, calls = MlflowClient.log_batch, []

    def moody(self, *args, **kwargs):
        calls.append(args)
        if len(calls) < 3:
            raise OSError("database is locked")
        return genuine(self, *args, **kwargs)

    monkeypatch.setattr(MlflowClient, "log_batch", moody)
    monkeypatch.setattr("training.tracking.run_tracker._FIRST_WAIT_SECONDS", 0.01)
    tracker = MlflowTracker(run_folder, store, system_metrics=False, log=printed.append)
    send(tracker, run_folder, started(), epoch(1), epoch(2))
    tracker.close()
    history = MlflowClient(tracking_uri=store).get_metric_history(
        run_of(MlflowClient(tracking_uri=store), run_folder).info.run_id, "train_loss"
    )
    assert [metric.step for metric in history] == [1, 2]
    assert printed == ["MLflow cannot be written to and will be tried again; the training goes on (database is locked)"]


def test_patience_ends_with_the_last_error() -> None:
    tries: list[int] = []

    def fail() -> None:
        tries.append(1)
        raise OSError("locked")

    with pytest.raises(OSError, match="locked"):
        retry_with_backoff(fail, seconds=0.1, first_wait_seconds=0.01)
    assert len(tries) > 2
    assert retry_with_backoff(lambda: 7, seconds=0) == 7


def test_a_full_disk_is_not_tried_again() -> None:
    tries: list[int] = []

    def fail() -> None:
        tries.append(1)
        raise RuntimeError("(sqlite3.OperationalError) database or disk is full")

    with pytest.raises(RuntimeError, match="full"):
        retry_with_backoff(fail, seconds=60)
    assert len(tries) == 1


def test_runs_of_dead_processes_are_ended(store: str, run_folder: Path) -> None:
    client = MlflowClient(tracking_uri=store)
    experiment = experiment_id(client, "Training")
    dead = process_tags() | {"sori.pid": str(2**22 + 1)}
    tags = {"dead": dead, "own": process_tags(), "elsewhere": dead | {"sori.host": "elsewhere"}, "foreign": {}}
    runs = {name: client.create_run(experiment, tags=its).info.run_id for name, its in tags.items()}
    tracker = MlflowTracker(run_folder, store, system_metrics=False)
    send(tracker, run_folder, started())
    tracker.close()
    states = {name: client.get_run(run_id).info.status for name, run_id in runs.items()}
    assert states == {"dead": "KILLED", "own": "RUNNING", "elsewhere": "RUNNING", "foreign": "RUNNING"}


@pytest.mark.slow
def test_a_half_made_database_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("training.tracking.mlflow_client.QUIET_SECONDS", 0.2)
    with closing(sqlite3.connect("mlflow.db")) as connection:
        connection.execute("CREATE TABLE _alembic_tmp_experiments (id INTEGER)")
    printed: list[str] = []
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"  # MLflow keeps the connections of a relative name
    assert experiment_id(open_client(store, printed.append), "Training") == "1"
    (aside,) = tmp_path.glob("mlflow.db.half-made-*")
    assert len(printed) == 1 and aside.name in printed[0]
    assert not list(tmp_path.glob(".*.part*"))
    assert open_client(store, printed.append).get_experiment("1").name == "Training"
    assert len(printed) == 1


def test_a_deleted_experiment_comes_back(store: str) -> None:
    client = MlflowClient(tracking_uri=store)
    number = experiment_id(client, "Gone")
    client.delete_experiment(number)
    assert experiment_id(client, "Gone") == number
    assert client.get_experiment(number).lifecycle_stage == "active"


@pytest.mark.slow
def test_a_real_server_takes_a_training(run_folder: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    with (tmp_path / "server.log").open("wb") as log:
        environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # starts much faster
        server = subprocess.Popen(
            command, cwd=tmp_path, stdout=log, stderr=log, start_new_session=True, env=environment
        )
    try:
        uri = f"http://127.0.0.1:{port}"
        _wait_until_healthy(uri)
        tracker = MlflowTracker(run_folder, uri, system_metrics=False)
        send(tracker, run_folder, started(), epoch(1), make_event("finished", reason="epochs"))
        tracker.close(120)
        client = MlflowClient(tracking_uri=uri)
        run = run_of(client, run_folder)
        assert run.info.status == "FINISHED"
        assert run.data.metrics["valid_loss"] == 2
        assert "best_model.pth" in {file.path for file in client.list_artifacts(run.info.run_id)}
    finally:
        os.killpg(server.pid, 15)
        server.wait(20)


def _wait_until_healthy(uri: str) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(f"{uri}/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.5)


@pytest.mark.slow
def test_a_relative_store_is_that_of_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        client = open_client(DEFAULT_URI)
        assert client.get_experiment_by_name("Training") is None
        experiment_id(client, "Training")
        assert open_client("sqlite:///./mlflow.db").get_experiment_by_name("Training") is not None
