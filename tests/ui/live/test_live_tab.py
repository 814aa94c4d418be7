"""The Live tab shows a model's exported page, which is written once and served under an address of its own."""

from pathlib import Path

import gradio as gr
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.serving import small_checkpoints
from ui.live.pages import build_page_route
from ui.live.tab import show_frame
from ui.model_registry import ModelRegistry
from ui.settings import PageSettings

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


@pytest.fixture
def settings(tmp_path: Path) -> PageSettings:
    return PageSettings(checkpoints=small_checkpoints(tmp_path), work=tmp_path / "work")


@pytest.mark.slow
def test_frame_shows_the_page_of_the_model(settings: PageSettings) -> None:
    registry = ModelRegistry(settings.checkpoints)
    frame = show_frame(settings, registry, "my run/best_model.pth", None)
    address = frame.split('src=".')[1].split("#live")[0]
    client = TestClient(Starlette(routes=[build_page_route(settings)]))
    answer = client.get(address)
    assert answer.status_code == 200 and "<title>my run</title>" in answer.text
    assert answer.headers["content-type"].startswith("text/html")
    written = next((settings.work / "live").glob("*.html"))
    changed = written.stat().st_mtime_ns
    assert show_frame(settings, registry, "my run/best_model.pth", frame) == gr.skip()  # it may be playing
    assert show_frame(settings, registry, "my run/best_model.pth", None) == frame
    assert written.stat().st_mtime_ns == changed


def test_nothing_but_pages_is_served(settings: PageSettings) -> None:
    client = TestClient(Starlette(routes=[build_page_route(settings)]))
    (settings.work / "live").mkdir(parents=True)
    (settings.work / "live" / "notes.html").touch()
    for name in ("notes", "0" * 32, "..%2Fnotes", "%2e%2e/notes"):
        assert client.get(f"/gradio_api/live/{name}").status_code == 404


@pytest.mark.parametrize("model", [None, "none.pth", "../vocals.pth"])
def test_a_model_that_is_not_there_is_a_sentence(settings: PageSettings, model: str | None) -> None:
    with pytest.raises(gr.Error, match="Choose among the models"):
        show_frame(settings, ModelRegistry(settings.checkpoints), model, None)
