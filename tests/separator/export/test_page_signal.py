"""The signal path of exported pages is Separator's: the same stems of the same songs, computed by node."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from separator.api import Separator
from separator.export import export_onnx
from separator.export.html import describe_model
from separator.inference.onnx_model import read_onnx
from separator.live import LiveSeparator
from separator.model import CRNN, CompactConfig, DualPathConfig, ModelConfig, load_model, save_checkpoint
from tests.serving import ROOT

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.slow
MOST_DIFFERENT_DB = -80.0
SMALL = CompactConfig(channels=(2, 2, 2, 2), gru_hidden=4, gru_input=0, gru_layers=3, refine=False)
UNET = replace(DualPathConfig(), channels=(2, 2, 2, 2), gru_hidden=4, local_channels=2)
TWO_TARGETS = replace(DualPathConfig(("drums", "bass")), channels=(2, 2, 2, 2), gru_hidden=4, local_channels=2)


@pytest.fixture
def separate_in_node(tmp_path: Path) -> Callable[..., list[Tensor]]:
    """Stems ``(S, C, N)`` of songs ``(waveform, rate)`` by the scripts of an exported page; as streams at a delay."""
    node = shutil.which("node")
    if node is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("node is not installed: apt-get install nodejs")

    def run(checkpoint: Path | list[Path], songs: list[tuple[Tensor, int]], delay: float | None = None) -> list[Tensor]:
        model = read_onnx(export_onnx(checkpoint, tmp_path / "model.onnx"))
        settings = describe_model(model, "a model")
        (tmp_path / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
        cases = [
            {"song": f"{i}.raw", "channels": len(song), "rate": rate, "out": f"{i}.out", "delay": delay}
            for i, (song, rate) in enumerate(songs)
        ]
        (tmp_path / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
        for case, (song, _) in zip(cases, songs, strict=True):
            song.numpy().tofile(tmp_path / str(case["song"]))
        script = ROOT / "tests" / "js" / "separate_raw.js"
        done = subprocess.run([node, script, tmp_path], capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr[-1000:]
        outputs = [torch.from_numpy(np.fromfile(tmp_path / str(case["out"]), dtype=np.float32)) for case in cases]
        return [out.reshape(len(settings["stems"]), *song.shape) for out, (song, _) in zip(outputs, songs, strict=True)]

    return run


def difference_db(stem: Tensor, reference: Tensor) -> float:
    return float(10 * torch.log10(((stem - reference).square().sum() + 1e-30) / (reference.square().sum() + 1e-12)))


def save(config: ModelConfig, folder: Path) -> Path:
    torch.manual_seed(0)
    path = folder / "model.pth"
    save_checkpoint(path, CRNN(config).eval(), {})
    return path


@pytest.mark.parametrize("config", [SMALL, UNET, TWO_TARGETS], ids=["compact", "unet", "two targets"])
def test_stems_are_those_of_separator(
    config: ModelConfig, separate_in_node: Callable[..., list[Tensor]], noise: Callable[..., Tensor], tmp_path: Path
) -> None:
    voice = noise(44100 * 2, channels=1)
    songs = [
        (noise(22050 * 40) * torch.linspace(0.2, 1, 22050 * 40), 22050),  # several segments
        (voice, 48000),
        (torch.cat((voice, -0.5 * voice)), 44100),  # one channel of the wrong polarity
        (torch.cat((voice, torch.zeros_like(voice))), 44100),
        (noise(16000), 8000),
        (noise(8000 * 2, channels=3), 32000),
        (noise(300), 44100),
        (torch.zeros(2, 5000), 44100),
    ]
    checkpoint = save(config, tmp_path)
    separator = Separator([load_model(checkpoint)], "cpu")
    for (song, rate), stems in zip(songs, separate_in_node(checkpoint, songs), strict=True):
        reference = separator.separate(song, rate)
        for stem, name in zip(stems, separator.stems, strict=True):
            assert difference_db(stem, reference[name]) < MOST_DIFFERENT_DB, (tuple(song.shape), rate, name)


def test_several_models_are_one_page(
    separate_in_node: Callable[..., list[Tensor]], noise: Callable[..., Tensor], tmp_path: Path
) -> None:
    (tmp_path / "rhythm").mkdir()
    checkpoints = [save(UNET, tmp_path), save(replace(TWO_TARGETS, channels=(3, 2, 2, 2)), tmp_path / "rhythm")]
    song = noise(22050 * 30)
    (stems,) = separate_in_node(checkpoints, [(song, 22050)])
    expected = Separator.from_checkpoints(checkpoints, "cpu").separate(song, 22050)
    assert list(expected) == ["vocals", "drums", "bass", "other"]
    for stem, reference in zip(stems, expected.values(), strict=True):  # little may be left over
        assert difference_db(song + stem - reference, song) < MOST_DIFFERENT_DB


def test_channels_with_different_sources_are_songs_of_their_own(
    separate_in_node: Callable[..., list[Tensor]], tone: Callable[..., Tensor], tmp_path: Path
) -> None:
    song = torch.cat((tone(88200, 300.0, channels=1), tone(88200, 3000.0, channels=1)))
    checkpoint = save(UNET, tmp_path)
    (stems,) = separate_in_node(checkpoint, [(song, 44100)])
    for stem, reference in zip(
        stems, Separator([load_model(checkpoint)], "cpu").separate(song, 44100).values(), strict=True
    ):
        assert difference_db(stem, reference) < MOST_DIFFERENT_DB


@pytest.mark.parametrize("delay", [0.2, 1.0])
@pytest.mark.parametrize("config", [SMALL, UNET, TWO_TARGETS], ids=["compact", "unet", "two targets"])
def test_streams_are_those_of_live_separator(
    config: ModelConfig,
    delay: float,
    separate_in_node: Callable[..., list[Tensor]],
    noise: Callable[..., Tensor],
    tmp_path: Path,
) -> None:
    voice = noise(44100 * 3, channels=1)
    pause = torch.cat((noise(48000), torch.zeros(2, 48000), 0.01 * noise(48000)), dim=1)
    streams = [(torch.cat((voice, -0.5 * voice)), 44100), (pause, 48000), (noise(24000, channels=1), 8000)]
    checkpoint = save(config, tmp_path)
    for (stream, rate), stems in zip(streams, separate_in_node(checkpoint, streams, delay), strict=True):
        live = LiveSeparator(checkpoint, delay, sample_rate=rate, channels=len(stream), device="cpu")
        for stem, reference in zip(stems, live.push(stream).values(), strict=True):
            assert difference_db(stem, reference) < MOST_DIFFERENT_DB, (tuple(stream.shape), rate)
