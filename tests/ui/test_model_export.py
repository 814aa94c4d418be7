"""*Take it with you*: the files that the button gives."""

from pathlib import Path

import gradio as gr
import pytest

from tests.serving import small_checkpoints
from ui.model_export import export_models
from ui.model_registry import ModelRegistry
from ui.settings import PageSettings


@pytest.mark.slow
def test_each_model_of_a_preset_comes_as_page_and_onnx(tmp_path: Path) -> None:
    checkpoints = small_checkpoints(tmp_path)
    settings = PageSettings(checkpoints=checkpoints, work=tmp_path / "work")
    registry = ModelRegistry(checkpoints, shipped=checkpoints)
    written = [Path(path) for path in export_models(settings, registry, ["4stems"])]
    models = [path.stem for path in registry.find_paths(["4stems"])]
    assert [path.name for path in written] == [f"{name}.{kind}" for name in models for kind in ("html", "onnx")]
    assert all(path.stat().st_size for path in written)
    with pytest.raises(gr.Error):
        export_models(settings, registry, [])
