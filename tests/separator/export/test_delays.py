"""The price of a delay is measured on a song with true stems, and stored with the model where asked."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from torch import Tensor

from separator.audio import write
from separator.errors import ConfigError
from separator.export.delays import DELAYS, find_shipped_delays, measure_delays
from separator.inference.onnx_model import read_onnx
from separator.shipped import PRESETS, find_preset
from sori.export import main

SHIPPED = sorted({path for preset in PRESETS for path in find_preset(preset)})


@pytest.fixture
def song(tmp_path: Path, noise: Callable[..., Tensor]) -> Path:
    folder = tmp_path / "song"
    folder.mkdir()
    target, rest = noise(3 * 22050), noise(3 * 22050, seed=1)
    for name, waveform in {"mixture": target + rest, "vocals": target}.items():
        write(folder / f"{name}.wav", waveform, 22050)
    return folder


@pytest.mark.slow
def test_each_delay_has_its_price(tiny_checkpoint: Path, song: Path):
    short, long = measure_delays([tiny_checkpoint], (0.2, 2.0), song)
    assert (short.delay_seconds, long.delay_seconds) == (0.2, 2.0)
    assert short.sdr_db - short.change_db == pytest.approx(long.sdr_db - long.change_db)
    assert abs(long.change_db) < 0.3


def test_a_song_without_the_target_is_refused(tiny_checkpoint: Path, song: Path):
    (song / "vocals.wav").unlink()
    with pytest.raises(ConfigError, match="no true stem of vocals"):
        measure_delays([tiny_checkpoint], (0.5,), song)
    with pytest.raises(ConfigError, match="no mixture"):
        measure_delays([tiny_checkpoint], (0.5,), song.parent)


@pytest.mark.slow
def test_prices_are_stored_where_asked(
    tiny_checkpoint: Path, song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr("separator.export.delays.measure_delays.__defaults__", ((0.5,), song))
    output = tmp_path / "vocals.onnx"
    assert main(["--model_path", str(tiny_checkpoint), "--output", str(output), "--measure_delays"]) == 0
    (price,) = json.loads(read_onnx(output).metadata["live_delays"])
    assert price.keys() == {"delay_seconds", "sdr_db", "change_db"}
    assert price["delay_seconds"] == 0.5


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_models_have_theirs(path: Path, tmp_path: Path):
    prices = find_shipped_delays([path])
    assert prices, "measure it: python -m tests.benchmarks.live --write"
    assert [price["delay_seconds"] for price in prices] == list(DELAYS)
    assert all(abs(price["change_db"]) < 0.3 for price in prices if price["delay_seconds"] >= 2)
    (tmp_path / path.name).write_bytes(path.read_bytes()[:-1])
    assert find_shipped_delays([tmp_path / path.name]) is None
