"""The training command from end to end, on made-up songs of a second or two."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile
import torch

from separator.files import ProcessId, read_start_time
from separator.model import CRNN, ModelConfig, load_model, save_checkpoint
from separator.model.checkpoint import describe
from sori.train import main, make_parser, make_pretraining_config
from training.config import TrainConfig
from training.data.cache import Cache
from training.loop import sanity_checks
from training.runs.folder import RunFolder

ROOT = Path(__file__).parents[2]
RATE = 22050
WAIT_SECONDS = 180.0


def write_song(folder: Path, seed: int, seconds: float = 1.5) -> None:
    rng = np.random.default_rng(seed)
    time_axis = np.arange(int(seconds * RATE)) / RATE
    stems = {
        "vocals": 0.2 * np.sin(2 * np.pi * (300 + 40 * seed) * time_axis),
        "other": 0.1 * rng.standard_normal(len(time_axis)),
    }
    folder.mkdir(parents=True)
    for name, samples in {**stems, "mixture": sum(stems.values())}.items():
        soundfile.write(folder / f"{name}.wav", samples, RATE)


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    for seed in range(3):
        write_song(tmp_path / "songs" / f"노래 {seed}", seed)
    return tmp_path / "songs"


@pytest.fixture
def flags(songs: Path, tmp_path: Path) -> list[str]:
    """A training of seconds."""
    return [
        "--data_dir", str(songs), "--out_dir", str(tmp_path / "checkpoints"), "--cache_dir", str(tmp_path / "cache"),
        "--run_name", "run", "--preset", "small", "--batch_size", "1", "--steps_per_epoch", "1", "--epochs", "1",
        "--segment_seconds", "0.25", "--valid_seconds", "0.5", "--valid_excerpts", "1", "--workers", "0",
        "--device", "cpu", "--precision", "32-true", "--val_split", "0.34",
    ]  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "checkpoints" / "run")


def refused(capsys: pytest.CaptureFixture[str], argv: list[str]) -> str:
    """The one line that a command says when it refuses."""
    assert main(argv) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert "Traceback" not in printed
    return printed


def test_training_leaves_a_model_that_other_commands_find(
    flags: list[str], run: RunFolder, capsys: pytest.CaptureFixture[str]
):
    assert main(flags) == 0
    printed = capsys.readouterr().out
    assert "epoch    1" in printed
    assert str(run.best_model) in printed
    assert run.status().state == "finished"
    assert load_model(run.path.parent / "best_model.pth").config.targets == ("vocals",)
    assert describe(run.best_model).training["run_name"] == "run"


@pytest.mark.slow
def test_it_goes_on_from_the_best_model_with_no_other_flag(
    flags: list[str], run: RunFolder, capsys: pytest.CaptureFixture[str]
):
    main(flags)
    assert main(["--resume_from", str(run.path.parent / "best_model.pth"), "--epochs", "2"]) == 0
    assert "going on after 1 whole epochs" in capsys.readouterr().out
    assert [event.epoch for event in run.events() if event.kind == "epoch"] == [1, 2]
    assert run.config()["batch_size"] == 1


def test_every_setting_is_a_flag_and_every_flag_is_explained():
    actions = {action.dest: action for action in make_parser()._actions}
    for f in fields(TrainConfig):
        assert f.metadata["help"] in actions[f.name].help.replace("%%", "%"), f.name  # type: ignore[union-attr]
    assert all(action.help for action in actions.values())


def test_flags_mean_what_the_settings_mean(flags: list[str]):
    args = vars(
        make_parser().parse_args(
            ["--data_dir", "a", "--data_dir", "b=2", "--loss", "l1", "l1_sqrt=0.5", "--augmentations", "--seed", "3"]
        )
    )
    assert args["data_dir"] == ["a", "b=2"]
    assert args["loss"] == ["l1", "l1_sqrt=0.5"]
    assert args["augmentations"] == []
    assert args["seed"] == 3
    assert args["epochs"] is None


def test_a_recipe_gives_settings_that_flags_override(flags: list[str], run: RunFolder, tmp_path: Path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("learning_rate = 0.5\nbatch_size = 7\n")
    assert main([*flags, "--recipe", str(recipe)]) == 0
    assert (run.config()["learning_rate"], run.config()["batch_size"]) == (0.5, 1)


def test_wrong_settings_are_all_told_at_once(flags: list[str], capsys: pytest.CaptureFixture[str], run: RunFolder):
    printed = refused(capsys, [*flags, "--batch_size", "0", "--learning_rate", "-1"])
    assert "batch_size is 0" in printed
    assert "learning_rate is -1" in printed
    assert not run.path.exists()


@pytest.mark.parametrize(
    ("argv", "printed"),
    [
        ([], "data_dir is missing"),
        (["--data_dir", "no/such/folder"], "no/such/folder"),
        (["--data_dir", "x", "--recipe", "none.toml"], "none.toml"),
        (["--resume_from", "none.pth"], "none.pth"),
        (["--data_dir", "x", "--device", "tpu"], "tpu"),
    ],
)
def test_what_is_not_there_is_named(
    argv: list[str], printed: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert printed in refused(capsys, argv)


def test_an_unknown_flag_is_refused(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(["--momentum", "0.9"])
    assert ended.value.code == 2
    assert "--momentum" in capsys.readouterr().err


def test_an_empty_folder_and_a_single_song_are_refused(
    flags: list[str], songs: Path, capsys: pytest.CaptureFixture[str], run: RunFolder
):
    for song in sorted(songs.iterdir())[1:]:
        shutil.rmtree(song)
    assert "song" in refused(capsys, flags)
    assert run.status().state == "failed"
    shutil.rmtree(songs)
    songs.mkdir()
    assert str(songs) in refused(capsys, flags)


def test_a_target_that_no_song_has_is_refused(flags: list[str], capsys: pytest.CaptureFixture[str]):
    assert "theremin" in refused(capsys, [*flags, "--target", "theremin"])


def test_a_corrupt_song_is_left_out_and_named(flags: list[str], songs: Path, capsys: pytest.CaptureFixture[str]):
    write_song(songs / "broken", seed=9)
    (songs / "broken" / "vocals.wav").write_text("this is not audio")
    assert main(flags) == 0
    assert "broken" in capsys.readouterr().out


def test_stems_of_different_length_and_rate_train_all_the_same(flags: list[str], songs: Path):
    write_song(songs / "odd", seed=5)
    soundfile.write(songs / "odd" / "vocals.wav", np.zeros(30000), 44100)
    assert main(flags) == 0


def test_a_second_run_of_one_name_is_refused_with_the_way_on(flags: list[str], capsys: pytest.CaptureFixture[str]):
    main(flags)
    assert "--resume_from" in refused(capsys, flags)


def test_a_folder_that_cannot_be_made_is_told(flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "checkpoints").write_text("a file is in the way")
    assert "--out_dir" in refused(capsys, flags)


def test_a_checkpoint_of_another_program_is_refused(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    torch.save({"state_dict": {}}, tmp_path / "foreign.pth")
    assert "another program" in refused(capsys, [*flags, "--resume_from", str(tmp_path / "foreign.pth")])


@pytest.mark.slow
def test_a_model_of_another_target_is_fine_tuned(flags: list[str], run: RunFolder):
    main(flags)
    again = ["--resume_from", str(run.best_model), "--target", "other", "--run_name", "other"]
    assert main(again) == 0
    assert describe(run.path.parent / "other" / "best_model.pth").targets == ("other",)


@pytest.mark.slow
def test_the_doctor_says_whether_training_can_start(
    flags: list[str], songs: Path, capsys: pytest.CaptureFixture[str], run: RunFolder
):
    assert main([*flags, "--check"]) == 0
    printed = capsys.readouterr().out
    assert printed.rstrip().endswith("training can start")
    assert re.search(r"about \d+ s an epoch", printed)
    assert not run.path.exists()
    shutil.rmtree(songs)
    songs.mkdir()
    assert main([*flags, "--check"]) == 2
    assert "cannot start" in capsys.readouterr().out


@pytest.mark.parametrize("is_resumed", [False, True])
@pytest.mark.parametrize("flag", ["--check", "--overfit_one_batch", "--lr_range_test"])
def test_checks_and_trials_are_at_the_rate_of_the_model(
    flags: list[str],
    songs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tiny_config: ModelConfig,
    flag: str,
    is_resumed: bool,
):
    model = replace(tiny_config, stft=replace(tiny_config.stft, sample_rate=16000))
    if is_resumed:
        save_checkpoint(tmp_path / "start.pth", CRNN(model), {})
        flags = [*flags, "--resume_from", str(tmp_path / "start.pth")]
    else:
        monkeypatch.setitem(sys.modules["training.config"].PRESETS, "small", lambda targets: model)
    for name in ("OVERFIT_STEPS", "RANGE_STEPS"):
        monkeypatch.setattr(sanity_checks, name, 2)
    main([*flags, flag])
    files = list(songs.rglob("*.wav"))
    assert not Cache(tmp_path / "cache", 16000).missing(files)
    assert len(list((tmp_path / "cache").glob("*.pcm"))) == len(files)


def test_the_cache_can_be_removed(flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    main(flags)
    assert list((tmp_path / "cache").iterdir())
    assert main(["--remove_cache", "--cache_dir", str(tmp_path / "cache")]) == 0
    assert "removed" in capsys.readouterr().out
    assert not (tmp_path / "cache").exists()


@pytest.mark.slow
def test_a_model_that_can_learn_passes_the_trials(
    flags: list[str],
    capsys: pytest.CaptureFixture[str],
    run: RunFolder,
    monkeypatch: pytest.MonkeyPatch,
    tiny_config: ModelConfig,
):
    monkeypatch.setitem(sys.modules["training.config"].PRESETS, "small", lambda target: tiny_config)
    assert main([*flags, "--overfit_one_batch", "--batch_size", "4", "--learning_rate", "0.01"]) == 0
    assert capsys.readouterr().out.startswith("good: ")
    assert main([*flags, "--overfit_one_batch", "--learning_rate", "1e-9"]) == 2
    assert capsys.readouterr().out.startswith("not good: ")
    assert main([*flags, "--lr_range_test", "--batch_size", "4", "--learning_rate", "1e-5"]) == 2
    assert "needlessly low" in capsys.readouterr().out
    assert not run.path.exists()


def test_mlflow_listens_where_it_is_asked_to(flags: list[str], run: RunFolder, monkeypatch: pytest.MonkeyPatch):
    emitted: list[str] = []

    class Tracker:
        def __init__(self, folder: Path, address: str) -> None:
            emitted.append(f"{folder.name} {address}")

        def __call__(self, event: dict[str, Any]) -> None:
            emitted.append(event.kind)

        def close(self) -> None:
            emitted.append("closed")

    monkeypatch.setattr("training.tracking.run_tracker.MlflowTracker", Tracker)
    assert main([*flags, "--mlflow", "http://localhost:5000"]) == 0
    assert emitted[0] == "run http://localhost:5000"
    assert {"started", "epoch", "preview", "finished"} <= set(emitted)
    assert emitted[-1] == "closed"


# Signals and crashes need a process of their own.


def command(flags: list[str], **changes: str) -> list[str]:
    given = dict(zip(flags[::2], flags[1::2], strict=True)) | {f"--{name}": value for name, value in changes.items()}
    return [sys.executable, str(ROOT / "train.py"), *(item for pair in given.items() for item in pair)]


def start(argv: list[str]) -> "subprocess.Popen[str]":
    """A training in a process group of its own, as a terminal would start it."""
    return subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, cwd=ROOT
    )


def wait_for(condition: Callable[[], Any], process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def has_epoch(run: RunFolder) -> Callable[[], bool]:
    return lambda: any(event.kind == "epoch" for event in run.events())


@pytest.mark.slow
def test_an_interrupt_saves_and_prints_how_to_resume(flags: list[str], run: RunFolder):
    process = start(command(flags, epochs="100000", workers="1", patience="100000"))
    wait_for(has_epoch(run), process)
    assert main(["--resume_from", str(run.last)]) == 2  # while it is being trained over there
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does: the workers get it too
    out, err = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert f"--resume_from {run.last}" in out
    assert run.status().state == "stopped"
    steps = describe(run.last).training["step"]
    assert main(["--resume_from", str(run.last), "--epochs", str(steps + 1), "--workers", "0"]) == 0
    assert describe(run.last).training["step"] == steps + 1


@pytest.mark.slow
def test_a_killed_training_leaves_no_process_and_can_be_resumed(flags: list[str], run: RunFolder):
    process = start(command(flags, epochs="100000", patience="100000", workers="1"))
    wait_for(has_epoch(run), process)
    helpers = [
        ProcessId(p.pid, read_start_time(p.pid) or 0) for p in psutil.Process(process.pid).children(recursive=True)
    ]
    assert len(helpers) >= 2  # the data worker and the fork server
    process.kill()
    process.communicate(timeout=WAIT_SECONDS)
    deadline = time.monotonic() + WAIT_SECONDS
    while any(helper.is_alive() for helper in helpers):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert run.status().state == "interrupted"  # at once, since its process is gone
    epoch = describe(run.last).training["epoch"]
    assert main(["--resume_from", str(run.last), "--epochs", str(epoch + 1)]) == 0
    assert run.status().state == "finished"
    epochs = [event.epoch for event in run.events() if event.kind == "epoch"]
    assert epochs[-1] == epoch + 1


@pytest.mark.slow
def test_of_two_trainings_of_one_name_one_is_refused(flags: list[str], run: RunFolder):
    processes = [start(command(flags, epochs="3")) for _ in range(2)]
    ends = [(process.communicate(timeout=WAIT_SECONDS), process.returncode) for process in processes]
    assert sorted(code for _, code in ends) == [0, 2]
    ((_, refusal),) = [end for end, code in ends if code == 2]
    assert "by another process" in refusal or "there is a run in" in refusal
    assert [event.epoch for event in run.events() if event.kind == "epoch"] == [1, 2, 3]


@pytest.mark.slow
def test_moving_a_run_folder_away_ends_its_training(flags: list[str], run: RunFolder):
    process = start(command(flags, epochs="100000", patience="100000"))
    wait_for(has_epoch(run), process)
    moved = RunFolder(run.path.rename(run.path.with_name("moved")))
    _, error = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 2
    assert "was moved or removed" in error and "Traceback" not in error
    assert not run.path.exists()
    assert moved.last.is_file()


@pytest.mark.slow
def test_a_torn_event_line_does_not_hinder_a_resume(flags: list[str], run: RunFolder, leftover: Callable[[Path], Path]):
    """What a kill in the middle of a write leaves."""
    main(flags)
    leftover(run.last).write_bytes(b"half a file")
    with run.events_file.open("a") as file:
        file.write(json.dumps({"type": "epoch"})[:9])
    assert main(["--resume_from", str(run.last), "--epochs", "2"]) == 0
    assert run.status().state == "finished"


def test_pretraining_hears_none_of_the_songs_that_come_after(tmp_path: Path):
    for name in ("own", "others"):
        (tmp_path / name).mkdir()
    own, others = str(tmp_path / "own"), str(tmp_path / "others")
    first = make_pretraining_config(
        TrainConfig(data_dir=(own,), soft_dir=(own,), rest_dir=(own,), val_dir=own), [others]
    )
    assert own not in repr(first)
    assert first.data_dir == (others,)


@pytest.mark.slow
def test_weights_of_a_pretraining_run_are_fine_tuned(flags: list[str], run: RunFolder, tmp_path: Path):
    for seed in range(3):
        write_song(tmp_path / "other songs" / f"Slow {seed}", 10 + seed)
    assert main([*flags, "--learning_rate", "1e-9", "--pretrain_dir", str(tmp_path / "other songs")]) == 0
    first = RunFolder(run.path.with_name("run-pretrain"))
    assert first.config()["data_dir"] == [str(tmp_path / "other songs")]
    assert first.status().state == run.status().state == "finished"
    before, after = (load_model(folder.best_model).state_dict() for folder in (first, run))
    assert torch.allclose(before["bottleneck.project.weight"], after["bottleneck.project.weight"], atol=1e-6)
