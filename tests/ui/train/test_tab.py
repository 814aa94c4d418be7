"""What the Train tab draws: the truth of the run folders, and only when it has changed."""

import json
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from tests.ui.run_folders import STARTED, epoch, step, write_run
from training.runs.folder import RunFolder
from training.runs.history import SILENT_SECONDS
from ui.model_registry import ModelRegistry
from ui.settings import PageSettings
from ui.train.data_check import DataChecks
from ui.train.handlers import OUTPUTS, TrainHandlers
from ui.train.previews import _preview_path
from ui.train.run_manager import RunManager
from ui.train.run_view import RunViewCache

# Gradio leaves its event loops to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

ENDINGS = {
    "finished": {"type": "finished", "reason": "early_stopping"},
    "stopped": {"type": "stopped", "reason": "stopped"},
    "failed": {"type": "failed", "message": "no space left on the disk"},
}


class Visitor:
    """As much of a request as drawing looks at."""

    def __init__(self) -> None:
        self.headers = {"accept-language": "en"}


@pytest.fixture
def settings(tmp_path: Path) -> PageSettings:
    return PageSettings(
        checkpoints=tmp_path / "checkpoints", practice=tmp_path / "practice", practice_songs=3, practice_seconds=4.0,
        cache=tmp_path / "cache", data_roots=(tmp_path,), on_space=False,
    )  # fmt: skip


@pytest.fixture
def handle(settings: PageSettings) -> TrainHandlers:
    return TrainHandlers(
        settings, ModelRegistry(settings.checkpoints), RunManager(settings), DataChecks(settings), ["target"]
    )


def drawn(handle: TrainHandlers, chosen: str | None = None, seen: dict[str, int] | None = None) -> dict[str, Any]:
    values = handle.draw(chosen, "", "vocals", seen or {}, Visitor())  # type: ignore[arg-type]
    return dict(zip(OUTPUTS, values, strict=True))


def is_on(button: Any) -> bool:
    return bool(button["interactive"] if isinstance(button, dict) else button.interactive)


def test_nothing_yet(handle: TrainHandlers) -> None:
    shown = drawn(handle)
    assert shown["live"] is None
    assert not any(is_on(shown[button]) for button in ("start", "stop", "resume"))
    assert "data are checked" in shown["report"]


def test_what_has_not_changed_is_skipped(handle: TrainHandlers, settings: PageSettings) -> None:
    run = write_run(settings.checkpoints / "run", STARTED, epoch(1))
    first = drawn(handle, "run")
    again = drawn(handle, "run", first["seen"])
    assert all(value == gr.skip() for value in again.values())
    write_run(run.path, STARTED, epoch(1), epoch(2))
    later = drawn(handle, "run", first["seen"])
    assert later["live"]["progress"]["epoch"] == 2
    assert later["report"] == gr.skip()


@pytest.mark.parametrize("state", ["running", "interrupted", *ENDINGS])
def test_buttons_follow_the_run_and_not_what_was_clicked(
    handle: TrainHandlers, settings: PageSettings, state: str
) -> None:
    age = 2 * SILENT_SECONDS if state == "interrupted" else 0.0
    events = [STARTED, epoch(1), *([ENDINGS[state]] if state in ENDINGS else [])]
    run = write_run(settings.checkpoints / "run", *events, age_seconds=age)
    run.last.touch()
    shown = drawn(handle)
    assert shown["live"]["state"] == state
    assert is_on(shown["stop"]) == (state == "running")
    assert is_on(shown["resume"]) == (state != "running")


def test_a_crash_shows_its_reason(handle: TrainHandlers, settings: PageSettings) -> None:
    write_run(settings.checkpoints / "run", STARTED, epoch(1), ENDINGS["failed"])
    assert drawn(handle)["live"]["message"] == "no space left on the disk"


def test_a_requested_stop_is_shown_to_everyone(handle: TrainHandlers, settings: PageSettings) -> None:
    run = write_run(settings.checkpoints / "run", STARTED, step(3))
    assert is_on(drawn(handle)["stop"])
    run.request_stop()
    shown = drawn(handle)
    assert shown["live"]["state"] == "stopping"
    assert not is_on(shown["stop"])


def test_the_chosen_run_stays_while_others_come(handle: TrainHandlers, settings: PageSettings) -> None:
    write_run(settings.checkpoints / "old", STARTED, epoch(7), ENDINGS["stopped"])
    write_run(settings.checkpoints / "new", STARTED, epoch(1))
    shown = drawn(handle, "old")
    assert shown["live"]["run"] == "old"
    labels = [label for label, _ in shown["runs"].choices]
    assert any(label.startswith("old · stopped · epoch 7 · 0.7 dB") for label in labels)


def test_early_stopping_and_limits_are_passed_on(settings: PageSettings) -> None:
    run = write_run(settings.checkpoints / "run", STARTED, epoch(41, bad_epochs=6, best_epoch=35, best_loss=0.0123))
    value = RunViewCache(RunManager(settings)).read_details(run)[0]
    assert {key: value["numbers"][key] for key in ("bad_epochs", "patience", "best_epoch", "best_loss")} == {
        "bad_epochs": 6, "patience": 15, "best_epoch": 35, "best_loss": 0.0123,
    }  # fmt: skip
    assert value["limits"]["oracle_sdr_db"] == 12.0
    json.dumps(value, allow_nan=False)  # it travels to the browser as it is, where NaN is no JSON


def test_progress_counts_the_steps_of_this_epoch(settings: PageSettings) -> None:
    run = write_run(settings.checkpoints / "run", STARTED, epoch(2), step(24))
    progress = RunViewCache(RunManager(settings)).read_details(run)[0]["progress"]
    assert (progress["epoch"], progress["step"], progress["steps"]) == (2, 4, 10)
    assert progress["seconds_left"] == pytest.approx(99.0)


@pytest.mark.slow
def test_practice_songs_are_made_checked_and_can_be_trained_on(handle: TrainHandlers, settings: PageSettings) -> None:
    folder = handle.choose_practice()[0]
    assert handle.check(folder, "", "vocals") == folder
    check = handle.checks.get(((folder,), ("vocals",)))
    assert check is not None
    assert check.report.finished.wait(120)
    assert check.report.error is None
    handle.checks.cancel_timing()
    shown = dict(zip(OUTPUTS, handle.draw(None, folder, "vocals", {}, Visitor()), strict=True))  # type: ignore[arg-type]
    assert is_on(shown["start"])
    assert "Ready to train" in shown["report"]
    assert "2 for training, 1 for validation" in shown["report"]
    assert check.epoch_time.finished.wait(120)


@pytest.mark.parametrize("target", ["lead-vocals", ""])
def test_a_failed_check_is_reported_only_on_the_button(handle: TrainHandlers, tmp_path: Path, target: str) -> None:
    assert handle.check(str(tmp_path), "", target) == gr.skip()
    with pytest.raises(gr.Error, match="must be one word"):
        handle.check_again(str(tmp_path), "", target)


def test_a_folder_outside_is_refused_with_a_sentence(handle: TrainHandlers) -> None:
    values = handle.draw(None, "/etc/<b>", "vocals", {}, Visitor())  # type: ignore[arg-type]
    report = dict(zip(OUTPUTS, values, strict=True))["report"]
    assert "outside the folders" in report
    assert "<b>" not in report


def test_only_listed_previews_are_served(settings: PageSettings) -> None:
    run = write_run(settings.checkpoints / "run", STARTED, {"type": "preview", "epoch": 3, "sdr_db": 4.5})
    assert RunViewCache(RunManager(settings)).read_details(run)[1] is None
    for name in ("mixture", "reference", "epoch_0003"):
        (run.path / "previews" / f"{name}.wav").write_bytes(b"RIFF")
    manager = RunManager(settings)
    assert RunViewCache(manager).read_details(run)[1] == {"run": "run", "epochs": [[3, 4.5]]}
    assert _preview_path(manager, "run", "3") == run.path / "previews" / "epoch_0003.wav"
    for run_name, name in (("run", "../../config"), ("run", "4"), ("..", "mixture"), ("other", "3")):
        assert _preview_path(manager, run_name, name) is None


def test_a_finished_run_offers_its_model(handle: TrainHandlers, settings: PageSettings) -> None:
    run: RunFolder = write_run(settings.checkpoints / "run", STARTED, epoch(1), ENDINGS["finished"])
    assert not drawn(handle)["done"].visible
    run.best_model.touch()
    assert drawn(handle)["done"].visible
