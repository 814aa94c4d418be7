"""Every public endpoint, called as another program would."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest
import soundfile
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from separator.shipped import PRESETS
from tests.serving import write_song
from ui.api.separate_score import Endpoints
from ui.model_registry import ModelRegistry
from ui.safety.visitors import OpenStreams
from ui.settings import PageSettings

# The client leaves its connections to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[Client]:
    client = Client(url, verbose=False)
    yield client
    client.close()


def test_only_documented_endpoints_are_public(client: Client) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert {"/separate", "/score", "/models"} <= set(endpoints)
    public = {name for name in endpoints if not name.startswith("/train")}
    assert public == {"/separate", "/score", "/score_stems", "/models"}
    for name in public:
        assert endpoints[name]["description"], f"{name} is undocumented"
    names = [parameter["parameter_name"] for parameter in endpoints["/separate"]["parameters"]]
    assert names == ["song", "models", "suffix", "bits", "strict_band", "tta"]


def test_models_lists_shipped_and_trained_ones(client: Client) -> None:
    models = {model["name"]: model for model in client.predict(api_name="/models")}
    assert set(models) == {*PRESETS["4stems"], "my run/best_model.pth"}
    assert models["vocals.pth"]["target"] == "vocals"
    assert models["vocals.pth"]["training"]["sdr_db"] == 6.25
    assert models["my run/best_model.pth"]["target"] == "drums"


def test_stems_add_up_to_the_song(client: Client, song: Path) -> None:
    stems = client.predict(song=handle_file(song), models=["vocals.pth"], bits=32, api_name="/separate")
    waveforms = [soundfile.read(stem)[0] for stem in stems]
    original, rate = soundfile.read(song)
    assert [soundfile.info(stem).samplerate for stem in stems] == [rate, rate]
    np.testing.assert_allclose(sum(waveforms), original, atol=1e-6)
    assert [Path(stem).stem.rsplit(" - ")[-1] for stem in stems] == ["vocals", "accompaniment"]


def test_shifted_passes_give_other_stems_that_add_up(client: Client, song: Path) -> None:
    asked = {"song": handle_file(song), "models": ["vocals.pth"], "bits": 32, "api_name": "/separate"}
    once, several = (client.predict(**asked, tta=tta) for tta in (False, True))
    original, _ = soundfile.read(song)
    np.testing.assert_allclose(sum(soundfile.read(stem)[0] for stem in several), original, atol=1e-6)
    assert not np.allclose(soundfile.read(once[0])[0], soundfile.read(several[0])[0], atol=1e-6)


def test_several_models_give_several_stems_in_the_chosen_format(client: Client, song: Path) -> None:
    both = ["vocals.pth", "my run/best_model.pth"]
    stems = client.predict(song=handle_file(song), models=both, suffix=".ogg", api_name="/separate")
    assert [Path(stem).stem.rsplit(" - ")[-1] for stem in stems] == ["vocals", "drums", "rest"]
    assert {soundfile.info(stem).format for stem in stems} == {"OGG"}


@pytest.mark.parametrize(
    ("preset", "names"), [("2stems", ["vocals", "accompaniment"]), ("4stems", ["vocals", "drums", "bass", "other"])]
)
def test_a_preset_stands_for_its_models(client: Client, song: Path, preset: str, names: list[str]) -> None:
    stems = client.predict(song=handle_file(song), models=[preset], bits=32, api_name="/separate")
    assert [Path(stem).stem.rsplit(" - ")[-1] for stem in stems] == names
    np.testing.assert_allclose(sum(soundfile.read(stem)[0] for stem in stems), soundfile.read(song)[0], atol=1e-6)


@pytest.mark.parametrize("name", ["../secret.pth", "nothing.pth", "my run/last.pth", "/etc/passwd"])
def test_only_listed_models_can_be_used(client: Client, song: Path, name: str) -> None:
    with pytest.raises(AppError, match="is not one of them"):
        client.predict(song=handle_file(song), models=[name], api_name="/separate")


def test_a_file_that_is_no_song_gets_a_sentence(client: Client, tmp_path: Path) -> None:
    text = tmp_path / "text.mp3"
    text.write_text("no music in here")
    with pytest.raises(AppError, match=r"text\.mp3") as caught:
        client.predict(song=handle_file(text), models=["vocals.pth"], api_name="/separate")
    assert "Traceback" not in str(caught.value)


def test_score_of_noise_20_db_below(client: Client, tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    reference = 0.1 * generator.standard_normal((44100, 2))
    soundfile.write(tmp_path / "reference.wav", reference, 44100, subtype="FLOAT")
    estimate = reference + 0.01 * generator.standard_normal(reference.shape)
    soundfile.write(tmp_path / "estimate.wav", estimate, 44100, subtype="FLOAT")
    score = client.predict(
        reference=handle_file(tmp_path / "reference.wav"),
        estimate=handle_file(tmp_path / "estimate.wav"),
        mixture=None,
        api_name="/score",
    )
    assert score["sdr_db"] == pytest.approx(20, abs=0.1)
    assert score["grade"] == "excellent"


def test_stems_are_scored_by_name_beside_their_mixture(client: Client, tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    stems = {name: 0.1 * generator.standard_normal((22050, 2)) for name in ("vocals", "drums")}
    files = stems | {"mixture": sum(stems.values()), "song_vocals": 0.9 * stems["vocals"], "choir": stems["drums"]}
    for name, wave in files.items():
        soundfile.write(tmp_path / f"{name}.wav", wave, 22050, subtype="FLOAT")
    references, estimates = (
        [handle_file(tmp_path / f"{name}.wav") for name in names]
        for names in (("vocals", "drums", "mixture"), ("song_vocals", "choir"))
    )
    rows = client.predict(references=references, estimates=estimates, mixture=None, api_name="/score_stems")
    assert [row["stem"] for row in rows] == ["vocals", "drums", "choir"]
    assert rows[0]["score"]["sdr_db"] == pytest.approx(20, abs=0.01)
    assert rows[0]["score"]["clean_db"] is not None, "the mixture lay among the references"
    assert [row["problem"] for row in rows[1:]] == ["there is no estimate of drums", "there is no reference of choir"]
    with pytest.raises(AppError, match=r"no estimate \(choir\) is of a stem"):
        client.predict(references=references, estimates=estimates[1:], mixture=None, api_name="/score_stems")
    with pytest.raises(AppError, match="Give both references and estimates"):
        client.predict(references=references, estimates=None, mixture=None, api_name="/score_stems")


def test_a_missing_file_gets_a_sentence(client: Client, song: Path) -> None:
    with pytest.raises(AppError, match="Give a song"):
        client.predict(song=None, models=["vocals.pth"], api_name="/separate")
    for reference, estimate in ((None, handle_file(song)), (handle_file(song), None)):
        with pytest.raises(AppError, match="both a reference and an estimate"):
            client.predict(reference=reference, estimate=estimate, mixture=None, api_name="/score")


def test_a_space_scores_no_long_songs(checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.settings.SPACE_SONG_MINUTES", 0.04)
    short, long = (str(write_song(tmp_path / f"{seconds}.wav", seconds)) for seconds in (1, 3))
    endpoints = Endpoints(PageSettings(checkpoints=checkpoints, on_space=True), ModelRegistry(checkpoints))
    assert "sdr_db" in endpoints.score(short, short, None, False, False)
    for sounds in ((long, short, None), (short, long, None), (short, short, long)):
        with pytest.raises(gr.Error, match="public page"):
            endpoints.score(*sounds, False, False)


@pytest.mark.slow
def test_a_separation_ends_when_its_caller_has_hung_up(
    checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.safety.visitors.DISCONNECT_SECONDS", -1.0)
    endpoints = Endpoints(PageSettings(checkpoints=checkpoints, work=tmp_path / "work"), ModelRegistry(checkpoints))
    app = SimpleNamespace(state=SimpleNamespace(streams=OpenStreams()))
    caller: Any = SimpleNamespace(app=app, session_hash="gone", headers={}, client=SimpleNamespace(host="10.0.0.1"))
    long = str(write_song(tmp_path / "long.wav", seconds=300))
    with pytest.raises(gr.Error, match="Nobody waited"):
        endpoints.separate(long, ["vocals.pth"], ".wav", 0, False, False, caller)
    assert not list((tmp_path / "work").rglob("*.wav"))
