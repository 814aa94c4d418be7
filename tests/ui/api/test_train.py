"""A training started, watched, stopped and resumed by another program, through gradio_client."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from tests.serving import served_page

# The client leaves its connections to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

TINY = {
    "preset": "plain", "steps_per_epoch": 1, "segment_seconds": 0.5, "valid_seconds": 5.0, "valid_excerpts": 1,
    "warmup_steps": 0, "max_minutes": 0.0, "patience": 500,
}  # fmt: skip
WAIT_SECONDS = 120
QUICK_SECONDS = 1.0


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkpoints")


@pytest.fixture(scope="module")
def client(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with served_page(checkpoints, tmp_path_factory.mktemp("served")) as url:
        client = Client(url, verbose=False)
        yield client
        client.close()


def wait_for(client: Client, is_right: Callable[[dict[str, Any]], bool]) -> tuple[dict[str, Any], list[float]]:
    """The first status that is right, and how long each answer took."""
    took: list[float] = []
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        asked = time.monotonic()
        status = client.predict(api_name="/train_status")
        took.append(time.monotonic() - asked)
        if is_right(status):
            return status, took
        assert status["state"] != "failed", status["message"]
        time.sleep(0.3)
    raise AssertionError(f"it did not come to that: {status}")


@pytest.mark.slow
def test_endpoints_are_documented(client: Client) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert {"/train_start", "/train_status", "/train_stop"} <= set(endpoints)
    names = [parameter["parameter_name"] for parameter in endpoints["/train_start"]["parameters"]]
    assert names == ["data_dir", "target", "epochs", "batch_size", "resume_run", "settings"]
    assert all(endpoints[name]["description"] for name in ("/train_start", "/train_status", "/train_stop"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"data_dir": "/etc"}, "outside the folders"),
        ({"settings": {"learning_rat": 1}}, "no setting named learning_rat"),
        ({"epochs": -1}, "epochs is -1"),
        ({"resume_run": "../x"}, "no run named"),
    ],
)
def test_what_cannot_be_trained_is_refused_with_a_sentence(client: Client, asked: dict[str, Any], reason: str) -> None:
    with pytest.raises(AppError, match=reason):
        client.predict(**asked, api_name="/train_start")


@pytest.mark.slow
def test_start_watch_stop_resume(client: Client, checkpoints: Path) -> None:
    has_started = client.predict(epochs=400, batch_size=1, settings=TINY, api_name="/train_start")
    assert has_started["state"] in ("preparing", "running")
    with pytest.raises(AppError, match="is being trained"):
        client.predict(settings=TINY, api_name="/train_start")

    status, took = wait_for(client, lambda status: status["progress"]["epoch"] >= 2)
    assert status["run"] == has_started["run"]
    assert status["limits"]["oracle_sdr_db"] > status["limits"]["floor_sdr_db"]
    assert sorted(took)[len(took) // 2] < QUICK_SECONDS

    client.predict(api_name="/train_stop")
    stopped, _ = wait_for(client, lambda status: status["state"] == "stopped")
    assert (checkpoints / has_started["run"] / "best_model.pth").is_file()

    client.predict(resume_run=has_started["run"], api_name="/train_start")
    wait_for(client, lambda status: status["progress"]["epoch"] > stopped["progress"]["epoch"])
    client.predict(run=has_started["run"], api_name="/train_stop")
    wait_for(client, lambda status: status["state"] == "stopped")
