"""What the Score tab measures and prepares for the ear and the eye."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import numpy as np
import pytest
import soundfile
import torch

from separator.errors import Cancelled
from ui.model_registry import ModelShelf
from ui.score.compare import Answer, Question, compare, loudness_match_db
from ui.score.error_map import error_map
from ui.score.tab import FROM_FILE, FROM_MODEL, Handlers
from ui.score.view import report
from ui.settings import PageSettings

# Gradio leaves its event loops to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

RATE = 22050
VISITOR = cast(Any, SimpleNamespace(session_hash="a page", headers={"accept-language": "en"}))
"""As much of a request as the tab looks at."""


@pytest.fixture
def sounds(tmp_path: Path) -> dict[str, Path]:
    """A reference that sings in the first two of three seconds, and a song of it and something else."""
    generator = np.random.default_rng(0)
    moments = np.arange(3 * RATE) / RATE
    voice = 0.3 * np.sin(2 * np.pi * 440 * moments) * (moments < 2)
    other = 0.1 * generator.standard_normal(moments.size)
    waves = {
        "reference": voice,
        "mixture": voice + other,
        "half": 0.5 * voice,
        "<img src=x onerror=alert(1)>": voice + 0.1 * other,
    }
    paths = {}
    for name, wave in waves.items():
        paths[name] = tmp_path / f"{name}.wav"
        soundfile.write(paths[name], np.stack([wave, wave], 1), RATE, subtype="FLOAT")
    return paths


def answer(sounds: dict[str, Path], folder: Path, a: str, b: str | None = None) -> Answer:
    estimates = {"a": sounds[a]} | ({"b": sounds[b]} if b else {})
    question = Question(sounds["reference"], estimates, sounds["mixture"])
    return compare(question, folder, lambda fraction, stage: None, lambda: False)


def test_scores_and_players_tracks(sounds: dict[str, Path], tmp_path: Path) -> None:
    result = answer(sounds, tmp_path, "half", "mixture")
    assert result.scores["a"].sdr_db == pytest.approx(6.02, abs=0.01)
    assert result.lead is not None and result.lead.value > 0
    kinds = [track["kind"] for track in result.player["tracks"]]
    assert kinds == ["reference", "a", "b", "error_a", "error_b"]
    assert result.player["sdr"]["a"][2] is None, "a silent second has no SDR"
    json.dumps(result.player)  # it travels to the browser as it is

    by_kind = {track["kind"]: soundfile.read(track["file"]["path"])[0] for track in result.player["tracks"]}
    np.testing.assert_allclose(by_kind["a"] - by_kind["reference"], by_kind["error_a"], atol=1e-6)
    gains = {track["kind"]: track["gain_db"] for track in result.player["tracks"]}
    assert gains["a"] == pytest.approx(6.0, abs=0.05)
    assert gains["reference"] == gains["error_a"] == 0


def test_estimates_of_other_channels_and_lengths_are_compared(sounds: dict[str, Path], tmp_path: Path) -> None:
    """Half of the voice, in stereo; the same in mono and shorter: neither is ahead of the other."""
    samples, rate = soundfile.read(sounds["half"])
    sounds["in mono"] = tmp_path / "in mono.wav"
    soundfile.write(sounds["in mono"], samples[: 2 * rate + 100, 0], rate, subtype="FLOAT")
    result = answer(sounds, tmp_path, "half", "in mono")
    assert result.lead is not None and result.lead.value == pytest.approx(0, abs=1e-6)
    assert {score.channels for score in result.scores.values()} == {1}
    assert len({score.seconds for score in result.scores.values()}) == 1
    assert any("another estimate does not have" in note for note in result.scores["a"].notes)
    assert not any("another estimate does not have" in note for note in result.scores["b"].notes)


def test_report_is_html_without_the_visitors_html(sounds: dict[str, Path], tmp_path: Path) -> None:
    html = report(answer(sounds, tmp_path, "<img src=x onerror=alert(1)>"), None)
    assert "<img" not in html
    assert "&lt;img src=x" in html
    assert "excellent" in html
    assert "22,050 Hz" in html, "why the numbers cannot be compared"


def test_cancel_is_heard(sounds: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        compare(Question(sounds["reference"], {"a": sounds["half"]}), tmp_path, lambda *_: None, lambda: True)


def test_loudness_match_of_silence_is_no_gain() -> None:
    loud, silent = torch.ones(2, 100), torch.zeros(2, 100)
    assert loudness_match_db(loud, silent) == loudness_match_db(silent, loud) == 0
    assert loudness_match_db(loud, 0.1 * loud) == pytest.approx(20)


def plane(picture: dict[str, object], name: str) -> np.ndarray:
    data = np.frombuffer(base64.b64decode(str(picture[name])), dtype=np.uint8)
    return data.reshape(int(str(picture["rows"])), int(str(picture["columns"])))


def test_error_map_shows_where_and_which_way() -> None:
    moments = torch.arange(4 * RATE) / RATE
    low, high = (0.3 * torch.sin(2 * torch.pi * hertz * moments) for hertz in (200, 5000))
    reference = torch.stack([low, low])
    estimate = torch.stack([high, high]) * (moments > 2)
    picture = error_map(reference, estimate, RATE)
    missed, leaked = plane(picture, "missed"), plane(picture, "leaked")
    rows, columns = missed.shape
    assert missed.mean(1).argmax() > 0.6 * rows, "the low tone is lost, near the bottom"
    assert leaked.mean(1).argmax() < 0.4 * rows, "the high one is let in, near the top"
    assert leaked[:, : columns // 3].max() == 0 < leaked[:, -columns // 3 :].max()


def test_error_map_of_a_perfect_estimate_and_of_silence_is_black() -> None:
    noise = torch.randn(2, RATE)
    for reference, estimate in ((noise, noise), (torch.zeros(1, 1), torch.zeros(1, 1))):
        picture = error_map(reference, estimate, RATE)
        assert plane(picture, "missed").max() == plane(picture, "leaked").max() == 0


@pytest.fixture
def settings(tmp_path: Path) -> PageSettings:
    return PageSettings(checkpoints=tmp_path / "checkpoints", work=tmp_path / "work", on_space=False)


def handlers(settings: PageSettings) -> Handlers:
    return Handlers(settings, ModelShelf(settings.checkpoints))


def outcome(settings: PageSettings, sounds: dict[str, Path]) -> tuple[Any, ...]:
    """The last of what scoring one estimate draws."""
    files = (str(sounds["reference"]), str(sounds["mixture"]), FROM_FILE, str(sounds["half"]))
    *_, last = handlers(settings).run_scoring(*files, "", None, False, False, VISITOR)
    return last


def test_the_blind_test_of_the_pair_before_is_forgotten(settings: PageSettings, sounds: dict[str, Path]) -> None:
    _, answer, _, _, log_row, _, blind_result = outcome(settings, sounds)
    assert isinstance(answer, Answer) and log_row.visible
    assert blind_result is None


def test_nothing_is_logged_on_a_space(settings: PageSettings, sounds: dict[str, Path]) -> None:
    settings = replace(settings, on_space=True)
    _, answer, _, _, log_row, _, _ = outcome(settings, sounds)
    assert not log_row.visible
    with pytest.raises(gr.Error, match="public page"):
        handlers(settings).log(answer, None, VISITOR)


def announce(settings: PageSettings, sounds: dict[str, Path], source: str, a: str | None, model: str | None) -> str:
    reference, mixture, b = (str(sounds[name]) for name in ("reference", "mixture", "half"))
    return handlers(settings).announce(reference, mixture, source, a, model, b, False, False, VISITOR)


def test_a_hidden_estimate_is_not_looked_at(settings: PageSettings, sounds: dict[str, Path], tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("no music")
    assert "Waiting" in announce(settings, sounds, FROM_MODEL, str(bad), "vocals.pth")
    with pytest.raises(gr.Error, match=r"bad\.wav"):
        announce(settings, sounds, FROM_FILE, str(bad), "vocals.pth")


@pytest.mark.parametrize("model", [None, ""])
def test_a_model_is_asked_for_where_it_makes_the_estimate(
    settings: PageSettings, sounds: dict[str, Path], model: str | None
) -> None:
    with pytest.raises(gr.Error, match="Choose a model"):
        announce(settings, sounds, FROM_MODEL, None, model)
