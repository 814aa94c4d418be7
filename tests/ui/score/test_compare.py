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
from separator.shipped import shipped_folder
from ui.model_registry import ModelRegistry
from ui.score.compare import ScoreRequest, ScoreResult, compare, compute_loudness_match_db
from ui.score.error_map import compute_error_map
from ui.score.tab import FROM_FILE, FROM_MODEL, ScoreHandlers
from ui.score.view import render_report
from ui.settings import PageSettings

# Gradio leaves its event loops to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

RATE = 22050
VISITOR = cast(Any, SimpleNamespace(session_hash="a page", headers={"accept-language": "en"}))
"""as much of a request as the tab reads."""


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


def answer(sounds: dict[str, Path], folder: Path, a: str, b: str | None = None) -> ScoreResult:
    estimates = {"a": sounds[a]} | ({"b": sounds[b]} if b else {})
    request = ScoreRequest(sounds["reference"], estimates, sounds["mixture"])
    return compare(request, folder, lambda fraction, stage: None, lambda: False)


def test_scores_and_players_tracks(sounds: dict[str, Path], tmp_path: Path) -> None:
    result = answer(sounds, tmp_path, "half", "mixture")
    assert result.scores["a"].sdr_db == pytest.approx(6.02, abs=0.01)
    assert result.lead is not None and result.lead.value > 0
    kinds = [track["kind"] for track in result.player_value["tracks"]]
    assert kinds == ["reference", "a", "b", "error_a", "error_b"]
    assert result.player_value["sdr"]["a"][2] is None, "a silent second has no SDR"
    json.dumps(result.player_value)  # it travels to the browser as it is

    by_kind = {track["kind"]: soundfile.read(track["file"]["path"])[0] for track in result.player_value["tracks"]}
    np.testing.assert_allclose(by_kind["a"] - by_kind["reference"], by_kind["error_a"], atol=1e-6)
    gains = {track["kind"]: track["gain_db"] for track in result.player_value["tracks"]}
    assert gains["a"] == pytest.approx(6.0, abs=0.05)
    assert gains["reference"] == gains["error_a"] == 0


def test_estimates_of_other_channels_and_lengths_are_aligned(sounds: dict[str, Path], tmp_path: Path) -> None:
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
    html = render_report(answer(sounds, tmp_path, "<img src=x onerror=alert(1)>"), None)
    assert "<img" not in html
    assert "&lt;img src=x" in html
    assert "excellent" in html
    assert "22,050 Hz" in html, "why the numbers cannot be compared"


def test_cancel_stops_scoring(sounds: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        compare(ScoreRequest(sounds["reference"], {"a": sounds["half"]}), tmp_path, lambda *_: None, lambda: True)


def test_loudness_match_of_silence_is_no_gain() -> None:
    loud, silent = torch.ones(2, 100), torch.zeros(2, 100)
    assert compute_loudness_match_db(loud, silent) == compute_loudness_match_db(silent, loud) == 0
    assert compute_loudness_match_db(loud, 0.1 * loud) == pytest.approx(20)


def plane(picture: dict[str, object], name: str) -> np.ndarray:
    data = np.frombuffer(base64.b64decode(str(picture[name])), dtype=np.uint8)
    return data.reshape(int(str(picture["rows"])), int(str(picture["columns"])))


def test_error_map_shows_where_and_which_way() -> None:
    moments = torch.arange(4 * RATE) / RATE
    low, high = (0.3 * torch.sin(2 * torch.pi * hertz * moments) for hertz in (200, 5000))
    reference = torch.stack([low, low])
    estimate = torch.stack([high, high]) * (moments > 2)
    picture = compute_error_map(reference, estimate, RATE)
    missed, leaked = plane(picture, "missed"), plane(picture, "leaked")
    rows, columns = missed.shape
    assert missed.mean(1).argmax() > 0.6 * rows, "the low tone is lost, near the bottom"
    assert leaked.mean(1).argmax() < 0.4 * rows, "the high one is let in, near the top"
    assert leaked[:, : columns // 3].max() == 0 < leaked[:, -columns // 3 :].max()


def test_error_map_of_a_perfect_estimate_and_of_silence_is_black() -> None:
    noise = torch.randn(2, RATE)
    for reference, estimate in ((noise, noise), (torch.zeros(1, 1), torch.zeros(1, 1))):
        picture = compute_error_map(reference, estimate, RATE)
        assert plane(picture, "missed").max() == plane(picture, "leaked").max() == 0


@pytest.fixture
def settings(tmp_path: Path) -> PageSettings:
    return PageSettings(checkpoints=tmp_path / "checkpoints", work=tmp_path / "work", on_space=False)


def handlers(settings: PageSettings) -> ScoreHandlers:
    return ScoreHandlers(settings, ModelRegistry(settings.checkpoints))


def outcome(settings: PageSettings, sounds: dict[str, Path]) -> tuple[Any, ...]:
    """The last of what scoring one estimate draws."""
    files = ([str(sounds["reference"])], str(sounds["mixture"]), FROM_FILE, [str(sounds["half"])])
    *_, last = handlers(settings).run_scoring(*files, "", None, False, False, VISITOR)
    return last


def test_the_blind_test_of_the_pair_before_is_forgotten(settings: PageSettings, sounds: dict[str, Path]) -> None:
    _, answer, _, _, log_row, *_, blind_result = outcome(settings, sounds)
    assert isinstance(answer, ScoreResult) and log_row.visible
    assert blind_result is None


def test_nothing_is_logged_on_a_space(settings: PageSettings, sounds: dict[str, Path]) -> None:
    settings = replace(settings, on_space=True)
    _, answer, _, _, log_row, *_ = outcome(settings, sounds)
    assert not log_row.visible
    with pytest.raises(gr.Error, match="public page"):
        handlers(settings).log(answer, None, VISITOR)


def validate(settings: PageSettings, sounds: dict[str, Path], source: str, a: str | None, model: str | None) -> str:
    reference, mixture, b = (str(sounds[name]) for name in ("reference", "mixture", "half"))
    form = ([reference], mixture, source, [a] if a else None, model, [b])
    return handlers(settings).validate_form(*form, False, False, VISITOR)


def test_a_hidden_estimate_is_not_looked_at(settings: PageSettings, sounds: dict[str, Path], tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("no music")
    assert "Waiting" in validate(settings, sounds, FROM_MODEL, str(bad), "vocals.pth")
    with pytest.raises(gr.Error, match=r"bad\.wav"):
        validate(settings, sounds, FROM_FILE, str(bad), "vocals.pth")


@pytest.mark.parametrize("model", [None, ""])
def test_a_model_is_needed_where_it_makes_the_estimate(
    settings: PageSettings, sounds: dict[str, Path], model: str | None
) -> None:
    with pytest.raises(gr.Error, match="Choose a model"):
        validate(settings, sounds, FROM_MODEL, None, model)


@pytest.fixture
def stem_files(sounds: dict[str, Path], tmp_path: Path) -> dict[str, Path]:
    """A song's folder of true vocals, drums and mixture, and estimates that are half as loud."""
    made = {}
    for stem, source in (("vocals", "reference"), ("drums", "half"), ("mixture", "mixture")):
        samples, rate = soundfile.read(sounds[source])
        for name, gain in ((stem, 1.0), (f"x_{stem}", 0.5)):
            made[name] = tmp_path / f"{name}.wav"
            soundfile.write(made[name], gain * samples, rate, subtype="FLOAT")
    return made


def test_several_stems_are_a_row_each(settings: PageSettings, stem_files: dict[str, Path]) -> None:
    references, a = (
        [str(path) for name, path in stem_files.items() if name.startswith("x_") == made] for made in (False, True)
    )
    form = (references, None, FROM_FILE, a, None, None, False, False, VISITOR)
    assert "Waiting" in handlers(settings).validate_form(*form)
    *_, (status, result, report, player, log_row, *_) = handlers(settings).run_scoring(*form)
    assert (status, result, player, log_row.visible) == ("", None, None, False)
    assert report.count("<tr>") == 3
    assert report.index("<td>Vocals</td>") < report.index("<td>Drums</td>")
    assert report.count("6.02 dB") >= 2 and "Clean" in report, "the mixture lay among the references"
    *_, (_, _, report, *_) = handlers(settings).run_scoring(references, None, FROM_FILE, a, None, a[:1], *form[6:])
    assert [label in report for label in ("Vocals · A", "Vocals · B", "Drums · B")] == [True, True, True]


def test_each_of_several_stems_can_be_compared_by_ear(settings: PageSettings, stem_files: dict[str, Path]) -> None:
    references, a = (
        [str(path) for name, path in stem_files.items() if name.startswith("x_") == made] for made in (False, True)
    )
    tab = handlers(settings)
    form = (references, None, FROM_FILE, a, None, a[:1], False, False, VISITOR)
    *_, (*_, stems, which, _) = tab.run_scoring(*form)
    assert which.visible and which.value == "vocals"
    assert which.choices == [("Vocals", "vocals"), ("Drums", "drums")]
    row = next(row.score for row in stems.rows if (row.stem, row.name) == ("drums", "a"))
    *_, (_, result, report, player, log_row, *_) = tab.compare_stem(stems, "drums", VISITOR)
    assert report == gr.skip() and log_row.visible, "the table stays, and what is heard can be logged"
    assert result.scores["a"].sdr_db == row.sdr_db
    assert [track["kind"] for track in player["tracks"]] == ["reference", "a", "error_a"], "B has no drums"
    assert set(stems.requests["vocals"].estimates) == {"a", "b"}
    assert list(tab.compare_stem(None, None, VISITOR)) == [(gr.skip(),) * 9]


def test_names_that_make_no_pair_are_refused_first(settings: PageSettings, stem_files: dict[str, Path]) -> None:
    references, a = ([str(stem_files[name])] * n for name, n in (("vocals", 1), ("x_drums", 2)))
    form = (FROM_FILE, a, None, None, False, False, VISITOR)
    with pytest.raises(gr.Error, match="are both drums; give one file per stem"):
        handlers(settings).validate_form(references, None, *form)
    with pytest.raises(gr.Error, match="no estimate"):
        handlers(settings).validate_form([*references, str(stem_files["mixture"])], None, FROM_FILE, a[:1],
            None, [str(stem_files["x_vocals"]), str(stem_files["x_drums"])], False, False, VISITOR)  # fmt: skip


@pytest.mark.slow
def test_a_preset_makes_the_estimates_that_have_references(settings: PageSettings, stem_files: dict[str, Path]) -> None:
    references = [str(stem_files[name]) for name in ("drums", "vocals", "mixture")]
    tab = ScoreHandlers(settings, ModelRegistry(settings.checkpoints, shipped_folder("checkpoints")))
    model = (None, FROM_MODEL, None, "4stems", None, False, False, VISITOR)
    *_, (_, _, report, *_) = tab.run_scoring(references, *model)
    assert report.index("<td>Drums</td>") < report.index("<td>Vocals</td>")
    *_, (_, result, *_) = tab.run_scoring(references[::2], *model)
    assert result.names["a"] == "by the model - drums.wav", "of one reference, the stem that it is named after"
