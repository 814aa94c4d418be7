"""What the Train tab draws: the truth of the run folders, and only when it has changed."""

import json
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from tests.ui.run_folders import STARTED, epoch, step, write_run
from training.runs.folder import HEARTBEAT_SECONDS, RunFolder
from ui.model_registry import ModelShelf
from ui.settings import PageSettings
from ui.train.data_check import Checkups
from ui.train.handlers import DRAWN, Handlers
from ui.train.previews import _preview_path, previews_value
from ui.train.run_manager import Trainings
from ui.train.run_view import live_value

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
def handle(settings: PageSettings) -> Handlers:
    return Handlers(settings, ModelShelf(settings.checkpoints), Trainings(settings), Checkups(settings), ["target"])


def drawn(handle: Handlers, chosen: str | None = None, seen: dict[str, int] | None = None) -> dict[str, Any]:
    values = handle.draw(chosen, "", "vocals", seen or {}, Visitor())  # type: ignore[arg-type]
    return dict(zip(DRAWN, values, strict=True))


def is_on(button: Any) -> bool:
    return bool(button["interactive"] if isinstance(button, dict) else button.interactive)


def test_nothing_yet(handle: Handlers) -> None:
    shown = drawn(handle)
    assert shown["live"] is None
    assert not any(is_on(shown[button]) for button in ("start", "stop", "resume"))
    assert "data are checked" in shown["report"]


def test_what_has_not_changed_is_skipped(handle: Handlers, settings: PageSettings) -> None:
    run = write_run(settings.checkpoints / "run", STARTED, epoch(1))
    first = drawn(handle, "run")
    again = drawn(handle, "run", first["seen"])
    assert all(value == gr.skip() for value in again.values())
    write_run(run.path, STARTED, epoch(1), epoch(2))
    later = drawn(handle, "run", first["seen"])
    assert later["live"]["progress"]["epoch"] == 2
    assert later["report"] == gr.skip()


@pytest.mark.parametrize("state", ["running", "interrupted", *ENDINGS])
def test_buttons_follow_the_run_and_not_what_was_clicked(handle: Handlers, settings: PageSettings, state: str) -> None:
    age = 2 * HEARTBEAT_SECONDS if state == "interrupted" else 0.0
    events = [STARTED, epoch(1), *([ENDINGS[state]] if state in ENDINGS else [])]
    run = write_run(settings.checkpoints / "run", *events, age_seconds=age)
    run.last.touch()
    shown = drawn(handle)
    assert shown["live"]["state"] == state
    assert is_on(shown["stop"]) == (state == "running")
    assert is_on(shown["resume"]) == (state != "running")


def test_a_crash_shows_its_reason(handle: Handlers, settings: PageSettings) -> None:
    write_run(settings.checkpoints / "run", STARTED, epoch(1), ENDINGS["failed"])
    assert drawn(handle)["live"]["message"] == "no space left on the disk"


def test_a_stop_that_was_asked_for_is_seen_by_everyone(handle: Handlers, settings: PageSettings) -> None:
    run = write_run(settings.checkpoints / "run", STARTED, step(3))
    assert is_on(drawn(handle)["stop"])
    run.request_stop()
    shown = drawn(handle)
    assert shown["live"]["state"] == "stopping"
    assert not is_on(shown["stop"])


def test_the_chosen_run_stays_while_others_come(handle: Handlers, settings: PageSettings) -> None:
    write_run(settings.checkpoints / "old", STARTED, epoch(7), ENDINGS["stopped"])
    write_run(settings.checkpoints / "new", STARTED, epoch(1))
    shown = drawn(handle, "old")
    assert shown["live"]["run"] == "old"
    labels = [label for label, _ in shown["runs"].choices]
    assert any(label.startswith("old · stopped · epoch 7 · 0.7 dB") for label in labels)


def test_early_stopping_and_limits_are_passed_on(settings: PageSettings) -> None:
    run = write_run(settings.checkpoints / "run", STARTED, epoch(41, bad_epochs=6, best_epoch=35, best_loss=0.0123))
    value = live_value(Trainings(settings).snapshot(run), stopping=False)
    assert {key: value["numbers"][key] for key in ("bad_epochs", "patience", "best_epoch", "best_loss")} == {
        "bad_epochs": 6, "patience": 15, "best_epoch": 35, "best_loss": 0.0123,
    }  # fmt: skip
    assert value["limits"]["oracle_sdr_db"] == 12.0
    json.dumps(value, allow_nan=False)  # it travels to the browser as it is, where NaN is no JSON


def test_progress_counts_the_steps_of_this_epoch(settings: PageSettings) -> None:
    run = write_run(settings.checkpoints / "run", STARTED, epoch(2), step(24))
    progress = live_value(Trainings(settings).snapshot(run), stopping=False)["progress"]
    assert (progress["epoch"], progress["step"], progress["steps"]) == (2, 4, 10)
    assert progress["seconds_left"] == pytest.approx(99.0)


@pytest.mark.slow
def test_practice_songs_are_made_checked_and_can_be_trained_on(handle: Handlers, settings: PageSettings) -> None:
    folder = handle.practice()[0]
    assert handle.check(folder, "vocals") == folder
    check = handle.checkups.get(((folder,), ("vocals",)))
    assert check is not None
    assert check.report.finished.wait(120)
    assert check.report.error is None
    handle.checkups.hush()
    shown = dict(zip(DRAWN, handle.draw(None, folder, "vocals", {}, Visitor()), strict=True))  # type: ignore[arg-type]
    assert is_on(shown["start"])
    assert "Ready to train" in shown["report"]
    assert "2 to learn from, 1 to validate on" in shown["report"]
    assert check.pace.finished.wait(120)


@pytest.mark.parametrize("target", ["lead-vocals", ""])
def test_what_cannot_be_checked_is_said_only_when_asked(handle: Handlers, tmp_path: Path, target: str) -> None:
    assert handle.check(str(tmp_path), target) == gr.skip()
    with pytest.raises(gr.Error, match="must be one word"):
        handle.check_again(str(tmp_path), target)


def test_a_folder_outside_is_refused_with_a_sentence(handle: Handlers) -> None:
    values = handle.draw(None, "/etc/<b>", "vocals", {}, Visitor())  # type: ignore[arg-type]
    report = dict(zip(DRAWN, values, strict=True))["report"]
    assert "outside the folders" in report
    assert "<b>" not in report


def test_previews_have_scores_and_nothing_else_is_served(settings: PageSettings) -> None:
    run = write_run(settings.checkpoints / "run", STARTED, {"type": "preview", "epoch": 3, "sdr_db": 4.5})
    assert previews_value(run) is None
    for name in ("mixture", "reference", "epoch_0003"):
        (run.path / "previews" / f"{name}.wav").write_bytes(b"RIFF")
    assert previews_value(run) == {"run": "run", "epochs": [[3, 4.5]]}
    trainings = Trainings(settings)
    assert _preview_path(trainings, "run", "3") == run.path / "previews" / "epoch_0003.wav"
    for run_name, name in (("run", "../../config"), ("run", "4"), ("..", "mixture"), ("other", "3")):
        assert _preview_path(trainings, run_name, name) is None


def test_a_finished_run_offers_its_model(handle: Handlers, settings: PageSettings) -> None:
    run: RunFolder = write_run(settings.checkpoints / "run", STARTED, epoch(1), ENDINGS["finished"])
    assert not drawn(handle)["done"].visible
    run.best_model.touch()
    assert drawn(handle)["done"].visible
