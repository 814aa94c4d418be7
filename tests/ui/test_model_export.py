"""*Take it with you* writes files of the models that the page lists, and no others."""

from pathlib import Path

import gradio as gr
import pytest

from ui.model_export import export_models
from ui.model_registry import ModelRegistry
from ui.settings import PageSettings

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def test_each_model_becomes_a_page_and_an_onnx_file(checkpoints: Path, tmp_path: Path) -> None:
    settings = PageSettings(checkpoints=checkpoints, work=tmp_path / "work", on_space=False)
    paths = export_models(settings, ModelRegistry(checkpoints), ["vocals.pth", "my run/best_model.pth"])
    assert [Path(path).name for path in paths] == ["vocals.html", "vocals.onnx", "my run.html", "my run.onnx"]
    assert all(Path(path).stat().st_size > 0 for path in paths)


@pytest.mark.parametrize("names", [[], ["../secret.pth"], ["notes.pth"]])
def test_a_model_that_is_not_listed_is_refused(names: list[str], checkpoints: Path, tmp_path: Path) -> None:
    settings = PageSettings(checkpoints=checkpoints, work=tmp_path / "work", on_space=False)
    with pytest.raises(gr.Error, match="Choose among the models"):
        export_models(settings, ModelRegistry(checkpoints), names)
