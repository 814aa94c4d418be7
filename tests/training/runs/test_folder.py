"""The run folder: its status is worked out from what is on disk."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from separator.files import ProcessId, read_start_time
from training.config import TrainConfig
from training.runs.folder import RunFolder, list_runs
from training.runs.history import SILENT_SECONDS

NOW = 1_000_000.0


def make_run(path: Path, *events: dict[str, Any]) -> RunFolder:
    run = RunFolder(path)
    run.create(TrainConfig(data_dir=("songs",)))
    add_events(run, *events)
    return run


def add_events(run: RunFolder, *events: dict[str, Any]) -> None:
    with run.events_file.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps({"time": NOW, **event}) + "\n" for event in events)


HERE = {"host": socket.gethostname(), "stage": "decoding"}
OWN = ProcessId.current()
ALIVE = {**HERE, "pid": OWN.pid, "pid_start": OWN.start}
DEAD = {**HERE, "pid": 2**22 + 1, "pid_start": OWN.start}  # a number beyond what Linux gives
REUSED = {**HERE, "pid": OWN.pid, "pid_start": OWN.start - 1}
EPOCH = {"type": "epoch", "epoch": 3}


@pytest.mark.parametrize(
    ("events", "silent_seconds", "state", "printed"),
    [
        ([], 0, "empty", "nothing has happened"),
        ([{"type": "preparing"}], 1, "running", ""),
        ([{"type": "preparing"}], SILENT_SECONDS + 1, "interrupted", "resumed"),
        ([{"type": "started"}, EPOCH], 1, "running", "epoch 4"),
        ([{"type": "started"}, EPOCH], SILENT_SECONDS - 1, "running", "epoch 4"),
        ([{"type": "started"}, EPOCH], 7300, "interrupted", "2.0 h"),
        ([{"type": "preparing", **ALIVE}, EPOCH], 1, "running", "epoch 4"),
        ([{"type": "preparing", **ALIVE}, EPOCH], 9999, "interrupted", "no sign of life"),
        ([{"type": "preparing", **DEAD}, EPOCH], 1, "interrupted", "process"),
        ([{"type": "preparing", **REUSED}, EPOCH], 1, "interrupted", "process"),
        ([{"type": "preparing", **DEAD, "host": "elsewhere"}, EPOCH], 1, "running", "epoch 4"),
        ([{"type": "preparing", **DEAD}, EPOCH, {"type": "stopped"}], 1, "stopped", "after epoch 3"),
        ([EPOCH, {"type": "stopped", "reason": "stopped"}], 9999, "stopped", "after epoch 3"),
        ([EPOCH, {"type": "failed", "message": "no disk"}], 9999, "failed", "no disk"),
        ([EPOCH, {"type": "finished", "reason": "early_stopping"}], 9999, "finished", "no improvement"),
        ([EPOCH, {"type": "finished", "reason": "epochs"}], 9999, "finished", "all epochs"),
        ([EPOCH, {"type": "finished", "reason": "time"}], 9999, "finished", "time was up"),
        ([{"type": "stopped"}, {"type": "resumed", "epoch": 3}], 1, "running", ""),
        ([{"type": "stopped"}, {"type": "resumed", "epoch": 3}], 9999, "interrupted", ""),
    ],
)
def test_status_follows_from_the_last_event_and_its_age(
    tmp_path: Path, events: list[dict[str, Any]], silent_seconds: float, state: str, printed: str
):
    status = make_run(tmp_path / "run", *events).status(now=NOW + silent_seconds)
    assert status.state == state
    assert printed in status.message


def test_what_was_asked_is_written_down(tmp_path: Path):
    run = RunFolder(tmp_path / "run")
    config = TrainConfig(data_dir=("노래",), target="drums", target_gain_db=(-3.0, 3.0))
    run.create(config)
    assert TrainConfig.from_dict(run.config()) == config
    assert [path.name for path in run.path.iterdir() if path.is_file()] == ["config.json"]


@pytest.mark.parametrize("text", ["", "{", "[1, 2]"])
def test_a_damaged_config_reads_as_none(tmp_path: Path, text: str):
    run = RunFolder(tmp_path)
    (tmp_path / "config.json").write_text(text)
    assert run.config() == {}


def test_a_stop_file_is_removed_at_the_next_start(tmp_path: Path):
    run = make_run(tmp_path / "run")
    assert not run.stop_requested()
    RunFolder(run.path).request_stop()  # from another process
    assert run.stop_requested()
    run.create(TrainConfig())
    assert not run.stop_requested()


def test_previews_are_in_order_of_epochs(tmp_path: Path):
    run = make_run(tmp_path / "run")
    for name in ("epoch_0010", "epoch_0002", "reference", "epoch_x"):
        (run.path / "previews" / f"{name}.wav").touch()
    assert [(epoch, path.name) for epoch, path in run.preview_files().items()] == [
        (2, "epoch_0002.wav"),
        (10, "epoch_0010.wav"),
    ]


def test_the_run_that_was_last_active_comes_first(tmp_path: Path):
    for name, last_active in {"a": 30, "b": 10, "c": 20}.items():
        run = make_run(tmp_path / name, {"type": "started"})
        os.utime(run.events_file, (last_active, last_active))
    (tmp_path / "not a run").mkdir()
    assert [run.name for run in list_runs(tmp_path)] == ["a", "c", "b"]
    assert list_runs(tmp_path / "none") == []


def test_config_json_is_plain_json(tmp_path: Path):
    run = make_run(tmp_path / "run")
    assert json.loads((run.path / "config.json").read_text())["data_dir"] == ["songs"]


def test_only_another_live_process_trains_elsewhere(tmp_path: Path):
    parent = {**HERE, "pid": os.getppid(), "pid_start": read_start_time(os.getppid())}
    for name, process, expected in (("own", ALIVE, False), ("parent", parent, True), ("dead", DEAD, False)):
        long_ago = time.time() - 10 * SILENT_SECONDS  # however slow its validation or its disk
        run = make_run(tmp_path / name, {"type": "preparing", **process, "time": long_ago})
        assert run.is_trained_elsewhere() == expected
        add_events(run, {"type": "stopped", "time": time.time()})
        assert not run.is_trained_elsewhere()


def test_a_reused_process_number_is_another_process(tmp_path: Path):
    reused = {**HERE, "pid": os.getppid(), "pid_start": OWN.start + 1, "time": time.time()}
    assert not make_run(tmp_path / "run", {"type": "preparing", **reused}).is_trained_elsewhere()


@pytest.mark.slow
def test_a_folder_is_locked_for_others_until_it_is_unlocked(tmp_path: Path):
    run = RunFolder(tmp_path / "new" / "run")
    code = "import sys; from training.runs.folder import RunFolder; print(RunFolder(sys.argv[1]).lock())"
    attempt = [sys.executable, "-c", code]
    assert run.lock() and run.lock()  # this process may take it again
    assert subprocess.check_output([*attempt, str(run.path)], text=True) == "False\n"
    run.unlock()
    assert subprocess.check_output([*attempt, str(run.path)], text=True) == "True\n"
    assert run.lock()  # the end of a process unlocks
    run.unlock()
