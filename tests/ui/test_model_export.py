"""*Take it with you*: the files that the button gives."""

from pathlib import Path

import gradio as gr
import pytest

from separator.inference.onnx_model import read_onnx
from tests.serving import small_checkpoints
from ui.model_export import export_models
from ui.model_registry import ModelRegistry
from ui.settings import PageSettings


@pytest.mark.slow
def test_models_of_a_preset_come_as_one_page_and_one_onnx_file(tmp_path: Path) -> None:
    checkpoints = small_checkpoints(tmp_path)
    settings = PageSettings(checkpoints=checkpoints, work=tmp_path / "work")
    registry = ModelRegistry(checkpoints, shipped=checkpoints)
    written = [Path(path) for path in export_models(settings, registry, ["4stems"])]
    assert [path.name for path in written] == ["4stems.html", "4stems.onnx"]
    assert "<title>4stems</title>" in written[0].read_text(encoding="utf-8")
    assert read_onnx(written[1]).config.targets == ("vocals", "drums", "bass")
    (page, _) = export_models(settings, registry, ["my run/best_model.pth"])
    assert Path(page).name == "my run.html"
    with pytest.raises(gr.Error):
        export_models(settings, registry, [])
