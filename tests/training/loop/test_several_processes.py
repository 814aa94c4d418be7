"""Two processes, as torchrun starts them, on the CPU: they learn together, stop together and go on."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from separator.model import load_model
from separator.model.checkpoint import describe
from training.runs.folder import RunFolder

ROOT = Path(__file__).parents[3]
WAIT_SECONDS = 240.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="torchrun and signals differ on Windows"),
]

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def flags(tmp_path: Path) -> dict[str, str]:
    rng = np.random.default_rng(0)
    for song in range(3):
        folder = tmp_path / "songs" / f"song {song}"
        folder.mkdir(parents=True)
        for stem in ("vocals", "other"):
            soundfile.write(folder / f"{stem}.wav", 0.1 * rng.standard_normal(30000), 22050)
    return {
        "data_dir": str(tmp_path / "songs"), "out_dir": str(tmp_path), "cache_dir": str(tmp_path / "cache"),
        "preset": "plain", "steps_per_epoch": "3", "epochs": "2", "segment_seconds": "0.25", "valid_seconds": "0.5",
        "valid_excerpts": "2", "workers": "0", "device": "cpu", "precision": "32-true", "val_split": "0.34",
        "warmup_steps": "0", "silent_share": "0",
    }  # fmt: skip


@pytest.fixture
def start(flags: dict[str, str]) -> Iterator[Start]:
    """Starts a training in ``processes`` processes; what still runs at the end of the test is ended."""
    started: list[subprocess.Popen[str]] = []

    def start(processes: int, **changes: Any) -> "subprocess.Popen[str]":
        arguments = [f"--{name}={value}" for name, value in {**flags, **changes}.items()]
        launcher = ["-m", "torch.distributed.run", "--nproc_per_node", str(processes)]
        launcher += ["--master_port", str(free_port())]
        process = subprocess.Popen(
            [sys.executable, *(launcher if processes > 1 else []), str(ROOT / "train.py"), *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def finish(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = process.communicate(timeout=WAIT_SECONDS)
    return process.returncode, out, err


def wait_for_epoch(run: RunFolder, process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not any(event.kind == "epoch" for event in run.events()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def curve(run: RunFolder, name: str) -> list[float]:
    return [getattr(event, name) for event in run.events() if event.kind == "epoch"]


@pytest.mark.slow
def test_two_learn_what_one_learns_from_the_doubled_batch(start: Start, tmp_path: Path):
    """With the batch statistics kept: on a CPU those of each process are its own."""
    status, _, err = finish(start(1, batch_size=4, run_name="start", epochs=1))
    assert status == 0, err
    begin = {"resume_from": tmp_path / "start" / "best_model.pth", "norm": "kept", "ema_decay": 0.9}
    (tmp_path / "start" / "last.pth").unlink()
    for processes, batch_size, name in ((1, 4, "one"), (2, 2, "two")):
        status, _, err = finish(start(processes, batch_size=batch_size, run_name=name, **begin))
        assert status == 0, err
    one, two = RunFolder(tmp_path / "one"), RunFolder(tmp_path / "two")
    for name in ("train_loss", "valid_loss", "valid_sdr_db"):
        assert curve(two, name) == pytest.approx(curve(one, name), rel=1e-3), name
    weights = load_model(one.last).state_dict()
    for key, value in load_model(two.last).state_dict().items():
        if value.is_floating_point():  # Adam turns float noise in tiny gradients into steps of its full rate
            assert (value - weights[key]).abs().mean() < 1e-3, key
    (started,) = [event for event in two.events() if event.kind == "started"]
    assert started.world_size == 2
    assert [event.kind for event in two.events()].count("finished") == 1
    assert describe(two.last).training["step"] == 6


@pytest.mark.slow
def test_an_interrupt_stops_both_and_one_process_resumes(start: Start, tmp_path: Path):
    run = RunFolder(tmp_path / "run")
    process = start(2, batch_size=1, run_name="run", epochs=100000, patience=100000)
    wait_for_epoch(run, process)
    os.killpg(process.pid, signal.SIGINT)
    finish(process)  # torchrun's own status tells of the signal
    assert run.status().state == "stopped"
    before = describe(run.last).training
    status, out, err = finish(start(1, resume_from=run.last, epochs=before["epoch"] + 1, batch_size=1))
    assert status == 0, err
    assert "going on" in out
    assert describe(run.last).training["epoch"] == before["epoch"] + 1


@pytest.mark.slow
def test_a_stop_file_ends_both_and_two_resume_a_run_of_one(start: Start, tmp_path: Path):
    run = RunFolder(tmp_path / "run")
    status, _, err = finish(start(1, batch_size=1, run_name="run", epochs=1))
    assert status == 0, err
    process = start(2, resume_from=run.last, epochs=100000, patience=100000)
    deadline = time.monotonic() + WAIT_SECONDS
    while len(curve(run, "epoch")) < 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    run.request_stop()
    status, out, err = finish(process)
    assert status == 0, err
    assert run.status().state == "stopped"
    assert "--resume_from" in out


@pytest.mark.slow
def test_when_one_dies_the_other_ends_and_the_run_can_be_resumed(start: Start, tmp_path: Path):
    run = RunFolder(tmp_path / "run")
    process = start(2, batch_size=1, run_name="run", epochs=100000, patience=100000)
    wait_for_epoch(run, process)
    ranks = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    assert len(ranks) == 2
    os.kill(int(ranks[-1]), signal.SIGKILL)
    status, _, _ = finish(process)
    assert status != 0
    assert run.status().state in ("failed", "stopped")
    epoch = describe(run.last).training["epoch"]
    status, _, err = finish(start(2, resume_from=run.last, epochs=epoch + 1))
    assert status == 0, err
    assert run.status().state == "finished"


@pytest.mark.slow
def test_a_mistake_is_told_once(start: Start, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    status, _, err = finish(start(2, data_dir=tmp_path / "empty", run_name="run"))
    assert status != 0
    assert err.count("error: ") == 1
    assert RunFolder(tmp_path / "run").status().state == "failed"
