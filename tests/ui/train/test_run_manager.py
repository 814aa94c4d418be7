"""Which folders and runs the page's trainings may touch."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from separator.errors import CheckpointError, ConfigError
from tests.ui.run_folders import STARTED, epoch, write_run
from training.config import TrainConfig
from training.loop import launch
from ui.settings import PageSettings
from ui.train.run_manager import SPACE_TRAINING_MINUTES, RunManager


@pytest.fixture
def settings(tmp_path: Path) -> PageSettings:
    (tmp_path / "songs").mkdir()
    return PageSettings(
        checkpoints=tmp_path / "checkpoints", practice=tmp_path / "practice", cache=tmp_path / "cache",
        data_roots=(tmp_path,), on_space=False,
    )  # fmt: skip


def test_folders_are_kept_inside_the_allowed_roots(settings: PageSettings, tmp_path: Path) -> None:
    manager = RunManager(settings)
    songs = tmp_path / "songs"
    assert manager.parse_folders(f"{songs}\n{songs}=0.5\n") == [str(songs), f"{songs}=0.5"]
    for outside in ("/etc", f"{songs}/../..", "/etc=2"):
        with pytest.raises(ConfigError, match="outside"):
            manager.parse_folders(outside)
    with pytest.raises(ConfigError, match="outside"):
        manager.build_config({"val_dir": "/etc"}, str(songs))
    with pytest.raises(ConfigError, match="No data folder"):
        manager.parse_folders("  ")
    with pytest.raises(ConfigError, match="not the path"):
        manager.parse_folders("~nobody-of-this-name")
    assert not manager.is_practice("~nobody-of-this-name")


def test_a_space_trains_on_practice_songs_for_a_while(settings: PageSettings, tmp_path: Path) -> None:
    manager = RunManager(replace(settings, on_space=True))
    config = manager.build_config({"max_minutes": 600.0}, str(settings.practice))
    assert (config.max_minutes, config.data_dir) == (SPACE_TRAINING_MINUTES, (str(settings.practice),))
    assert manager.build_config({}, str(settings.practice)).max_minutes == SPACE_TRAINING_MINUTES
    with pytest.raises(ConfigError, match="Space"):
        manager.parse_folders(str(tmp_path / "songs"))


def test_a_space_refuses_what_would_take_all_of_its_memory(settings: PageSettings) -> None:
    asked = {"batch_size": 4096, "segment_seconds": 60.0}
    with pytest.raises(ConfigError, match=r"batch_size is 4096; .* 64 at most\nsegment_seconds is 60.0; .* 12 at most"):
        RunManager(replace(settings, on_space=True)).build_config(asked, str(settings.practice))
    assert RunManager(settings).build_config(asked, str(settings.practice)).batch_size == 4096


@pytest.mark.parametrize("minutes", [0.0, 600.0])
@pytest.mark.parametrize("ending", ["finished", "stopped"])
def test_a_space_ends_a_resumed_training_too(
    settings: PageSettings, monkeypatch: pytest.MonkeyPatch, ending: str, minutes: float
) -> None:
    run = write_run(settings.checkpoints / "run", STARTED, epoch(1), {"type": ending, "reason": "stopped"})
    run.last.touch()
    run.create(TrainConfig(data_dir=("songs",), run_name="run", max_minutes=minutes))
    manager = RunManager(replace(settings, on_space=True))
    started: list[TrainConfig] = []
    monkeypatch.setattr(manager.background, "start", lambda config, *_: started.append(config))
    manager.resume("run", {"max_minutes": minutes})
    assert [config.max_minutes for config in started] == [SPACE_TRAINING_MINUTES]


def test_a_run_of_another_process_can_be_stopped(settings: PageSettings) -> None:
    run = write_run(settings.checkpoints / "elsewhere", STARTED, epoch(1))
    RunManager(settings).stop("elsewhere")
    assert run.stop_requested()


@pytest.mark.parametrize("name", ["../elsewhere", "nothing", ""])
def test_only_listed_runs_can_be_named(settings: PageSettings, name: str) -> None:
    write_run(settings.checkpoints.parent / "elsewhere", STARTED)
    with pytest.raises(ConfigError, match="no run named"):
        RunManager(settings).find_run(name)


def test_a_run_without_a_whole_epoch_cannot_go_on(settings: PageSettings) -> None:
    write_run(settings.checkpoints / "short", STARTED, {"type": "failed", "message": "no"})
    with pytest.raises(CheckpointError, match="first epoch"):
        RunManager(settings).resume("short", {})


def test_after_a_crash_the_reason_is_known_and_start_works_again(settings: PageSettings, tmp_path: Path) -> None:
    manager = RunManager(settings)
    config = manager.build_config({"run_name": "first"}, str(tmp_path / "songs"))
    for name in ("first", "second"):
        run = manager.start(config.replace(run_name=name))
        assert manager.background.wait(60)
        assert not manager.is_busy
        status = manager.background.status(run)
        assert status.state == "failed"
        assert "no songs in" in status.message


def test_a_run_whose_folder_is_moved_away_is_shown_and_stopped(
    settings: PageSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = threading.Event()

    def decode(config: TrainConfig, rate: int, progress: Callable[[float, str], None]) -> None:
        moved.wait(60)
        progress(0.5, "decoding")

    monkeypatch.setattr(launch, "load_training_data", decode)
    manager = RunManager(settings)
    run = manager.start(manager.build_config({"run_name": "mine"}, str(tmp_path / "songs")))
    while not run.events():
        time.sleep(0.01)
    run.path.rename(tmp_path / "moved")
    assert [run.name for run in manager.list_runs()] == ["mine"]
    assert manager.background.status(run).state == "running"
    manager.stop("mine")
    moved.set()
    assert manager.background.wait(60)
    status = manager.background.status(manager.find_run("mine"))
    assert (status.state, "was moved or removed" in status.message) == ("failed", True)


def test_nothing_is_worked_out_again_until_a_run_moves_on(settings: PageSettings) -> None:
    manager = RunManager(settings)
    run = write_run(settings.checkpoints / "run", STARTED, epoch(1))
    before = manager.get_signature(run)
    assert manager.get_signature(run) == before
    write_run(run.path, STARTED, epoch(1), epoch(2))
    assert manager.get_signature(run) != before


def visitor(address: str, host: str = "music.example.org", username: str | None = None) -> Any:
    client = SimpleNamespace(host=address)
    return SimpleNamespace(client=client, headers={"host": host}, username=username)


def test_only_who_started_a_training_stops_it_on_a_shared_page(settings: PageSettings) -> None:
    run = write_run(settings.checkpoints / "run", STARTED)
    manager = RunManager(settings)
    manager._record_starter(run, visitor("10.0.0.1"))
    for stranger in (visitor("10.0.0.2"), visitor("10.0.0.2", host="localhost")):
        with pytest.raises(ConfigError, match="someone else"):
            manager.stop("run", stranger)
    assert not run.stop_requested()
    for who in (visitor("10.0.0.1"), visitor("127.0.0.1", "localhost"), visitor("10.0.0.2", username="me"), None):
        manager.stop("run", who)
        assert run.stop_requested()
        run.clear_stop()


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "길" * 100, "a\nb", "../x", "/etc/x", "\ud800"])
def test_an_impossible_run_name_is_refused_without_a_path(settings: PageSettings, name: str) -> None:
    (settings.practice / "song").mkdir(parents=True, exist_ok=True)
    with pytest.raises(ConfigError, match="run_name") as caught:
        RunManager(settings).build_config({"run_name": name}, str(settings.practice))
    assert str(settings.checkpoints) not in str(caught.value) and len(str(caught.value)) < 200
