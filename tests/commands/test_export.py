"""The command: one file where asked, which the other commands take, and one clear line for all that can go wrong."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from torch import Tensor

from separator.audio import read, write
from separator.inference.onnx_model import read_onnx
from separator.metrics import sdr
from sori import inference
from sori.export import main

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def test_a_song_is_separated_with_what_was_written(
    tiny_checkpoint: Path, tmp_path: Path, noise: Callable[..., Tensor], capsys: pytest.CaptureFixture[str]
):
    exported = tmp_path / "vocals.onnx"
    assert main(["--model_path", str(tiny_checkpoint), "--output", str(exported)]) == 0
    output, errors = capsys.readouterr()
    assert errors == ""
    assert output == f"{exported}: {exported.stat().st_size / 1e6:.1f} MB\n"
    write(tmp_path / "song.wav", noise(22050), 22050)
    stems = []
    for model in (tiny_checkpoint, exported):
        stem = tmp_path / f"{model.suffix[1:]}.wav"
        arguments = ["--input_path", str(tmp_path / "song.wav"), "--output_path", str(stem), "--model_path", str(model)]
        assert inference.main([*arguments, "--quiet"]) == 0
        stems.append(read(stem)[0])
    assert sdr(*stems) > 60


def test_mistakes_are_one_line_and_exit_code_2(
    tiny_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    kept = tmp_path / "kept.onnx"
    kept.write_bytes(b"of someone")
    for model, output, flags, sentence in [
        (tiny_checkpoint, tmp_path / "model.tflite", [], "its suffix must be one of .onnx"),
        (tiny_checkpoint, kept, [], "exists already; give --overwrite"),
        (kept, kept, ["--overwrite"], "exists already"),
        (tmp_path / "none.pth", tmp_path / "out.onnx", [], "no model file"),
        (kept, tmp_path / "out.onnx", [], "kept.onnx is damaged or is not a model file"),
        (tiny_checkpoint, kept / "out.onnx", [], "cannot write"),
    ]:
        assert main(["--model_path", str(model), "--output", str(output), *flags]) == 2
        printed, errors = capsys.readouterr()
        assert printed == ""
        assert errors.startswith("error: ") and errors.count("\n") == 1 and sentence in errors, errors
    assert kept.read_bytes() == b"of someone"
    assert not (tmp_path / "out.onnx").exists()


def test_an_old_file_is_replaced_where_asked(tiny_checkpoint: Path, tmp_path: Path):
    output = tmp_path / "vocals.onnx"
    output.write_bytes(b"old")
    assert main(["--model_path", str(tiny_checkpoint), "--output", str(output), "--overwrite"]) == 0
    assert output.stat().st_size > 1000


@pytest.mark.slow
def test_models_of_a_preset_become_one_file(tmp_path: Path) -> None:
    output = tmp_path / "stems.onnx"
    assert main(["--preset", "4stems", "--output", str(output)]) == 0
    assert read_onnx(output).config.targets == ("vocals", "drums", "bass")
    assert json.loads(read_onnx(output).metadata["live_delays"])


@pytest.mark.slow
def test_a_page_is_written_where_the_suffix_is_html(
    tiny_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    output = tmp_path / "vocals.html"
    assert main(["--model_path", str(tiny_checkpoint), "--output", str(output), "--no-measure_delays"]) == 0
    assert capsys.readouterr().out == f"{output}: {output.stat().st_size / 1e6:.1f} MB\n"
    assert output.read_text(encoding="utf-8").startswith("<!doctype html>")
