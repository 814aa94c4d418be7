"""The training thread: started at once, one at a time, stopped on request, and free again after a failure."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from separator.errors import ConfigError, DatasetError, TrainingBusyError
from separator.model import ModelConfig
from separator.model.checkpoint import describe
from training.config import PRESETS, TrainConfig
from training.data.training_data import TrainingData
from training.loop import launch
from training.loop.background import BackgroundTraining
from training.loop.train_step import Learner
from training.runs import events
from training.runs.events import Event

WAIT_SECONDS = 120.0


@pytest.fixture
def config(tmp_path: Path, tiny_config: ModelConfig, monkeypatch: pytest.MonkeyPatch) -> TrainConfig:
    """Small steps and no end; the model is the tiny one."""
    monkeypatch.setitem(PRESETS, "small", lambda targets: replace(tiny_config, targets=targets))
    return TrainConfig(
        data_dir=("songs",), out_dir=str(tmp_path / "checkpoints"), run_name="run", preset="small", batch_size=2,
        steps_per_epoch=2, segment_seconds=0.25, valid_seconds=0.5, valid_excerpts=1, workers=0, device="cpu",
        precision="32-true",
    )  # fmt: skip


@pytest.fixture
def gate(data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """The audio is there once this is set."""
    opened = threading.Event()

    def load_training_data(
        config: TrainConfig, sample_rate: int, progress: Callable[[float, str], None] | None = None
    ) -> TrainingData:
        while not opened.wait(0.01):
            if progress is not None:
                progress(0.5, "waiting")
        return data

    monkeypatch.setattr(launch, "load_training_data", load_training_data)
    return opened


@pytest.fixture
def background() -> Iterator[BackgroundTraining]:
    training = BackgroundTraining()
    yield training
    training.stop()
    assert training.wait(WAIT_SECONDS)


def kinds(training: BackgroundTraining) -> list[str]:
    assert training.run is not None
    return [event.kind for event in training.run.events() if event.kind not in ("step", "validating", "preview")]


def test_a_start_returns_at_once_and_a_second_one_is_refused(
    background: BackgroundTraining, config: TrainConfig, gate: threading.Event
):
    begun = time.monotonic()
    run = background.start(config)
    assert time.monotonic() - begun < 1.0
    assert background.is_running
    assert background.status(run).state == "running"
    with pytest.raises(TrainingBusyError, match="run is being trained"):
        background.start(config.replace(run_name="second"))
    assert not (run.path.parent / "second").exists()


def test_a_stop_while_audio_is_decoded_ends_it_at_once(
    background: BackgroundTraining, config: TrainConfig, gate: threading.Event
):
    run = background.start(config)
    background.stop()
    assert background.wait(WAIT_SECONDS)
    assert run.status().state == "stopped"
    assert not run.stop_requested()


def test_a_stopped_training_goes_on_where_it_was(
    background: BackgroundTraining, config: TrainConfig, gate: threading.Event
):
    gate.set()
    has_epoch = threading.Event()
    run = background.start(config, listeners=[lambda e: has_epoch.set() if e.kind == "epoch" else None])
    assert has_epoch.wait(WAIT_SECONDS)
    background.stop()
    assert background.wait(WAIT_SECONDS)
    assert run.status().state == "stopped"
    assert (run.path.parent / "best_model.pth").is_file()
    done = describe(run.last).training["step"]

    again = background.start(config.replace(epochs=describe(run.last).training["epoch"] + 1), resume_from=run.last)
    assert again.path == run.path
    assert background.status(run).state == "running"  # and not "stopped", as its folder says from before
    assert background.wait(WAIT_SECONDS)
    assert run.status().state == "finished"
    assert "resumed" in kinds(background)
    assert describe(run.last).training["step"] >= done


def test_what_cannot_start_is_refused_before_anything_is_made(
    background: BackgroundTraining, config: TrainConfig, tmp_path: Path
):
    with pytest.raises(ConfigError, match="batch_size"):
        background.start(config.replace(batch_size=0))
    assert not (tmp_path / "checkpoints").exists()
    assert background.run is None


def test_a_failure_is_told_and_start_works_again(
    background: BackgroundTraining, config: TrainConfig, data: TrainingData, monkeypatch: pytest.MonkeyPatch
):
    def no_songs(*_: Any, **__: Any) -> TrainingData:
        raise DatasetError("there are no songs here")

    monkeypatch.setattr(launch, "load_training_data", no_songs)
    run = background.start(config)
    assert background.wait(WAIT_SECONDS)
    status = background.status(run)
    assert (status.state, "no songs here" in status.message) == ("failed", True)

    monkeypatch.setattr(launch, "load_training_data", lambda *_: data)
    again = background.start(config.replace(epochs=1))  # nothing was trained, so the same name may be used
    assert background.wait(WAIT_SECONDS)
    assert again.status().state == "finished"


def test_a_lack_of_memory_is_told_with_what_to_do(
    background: BackgroundTraining, config: TrainConfig, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
):
    def out_of_memory(*_: Any) -> float:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(Learner, "step", out_of_memory)
    gate.set()
    run = background.start(config)
    assert background.wait(WAIT_SECONDS)
    status = background.status(run)
    assert status.state == "failed"
    assert "lower --batch_size from 2 and raise --accumulate from 1" in status.message


def test_a_run_that_was_trained_is_not_overwritten(
    background: BackgroundTraining, config: TrainConfig, gate: threading.Event
):
    gate.set()
    background.start(config.replace(epochs=1))
    assert background.wait(WAIT_SECONDS)
    with pytest.raises(ConfigError, match="--resume_from"):
        background.start(config.replace(epochs=1))


@pytest.mark.parametrize("last", ["preparing", "started", "step", "preview", "epoch"])
def test_a_run_whose_folder_is_moved_away_has_failed(
    background: BackgroundTraining, config: TrainConfig, gate: threading.Event, last: str
):
    gate.set()
    path = Path(config.out_dir) / config.run_name
    emitted: list[str] = []

    def move_after_last(event: Event) -> None:
        emitted.append(event.kind)
        if event.kind == last:
            path.rename(path.with_name("moved"))

    changes = {"epochs": 1, "steps_per_epoch": 1, "average_best": 2}
    run = background.start(config.replace(**changes), listeners=[move_after_last])
    assert background.wait(WAIT_SECONDS)
    status = background.status(run)
    assert (status.state, "was moved or removed" in status.message) == ("failed", True)
    assert emitted[-2:] == [last, "failed"]  # listeners get it, too
    assert not run.path.exists()


def test_a_run_that_is_moved_away_while_decoding_has_failed(
    background: BackgroundTraining, config: TrainConfig, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 0.0)
    run = background.start(config)
    run.path.rename(run.path.with_name("moved"))
    assert background.wait(WAIT_SECONDS)
    assert "was moved or removed" in background.status(run).message
    assert not run.path.exists()
