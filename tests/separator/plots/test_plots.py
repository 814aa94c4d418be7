"""Pictures show what they should: axes in their units, one scale for all panels, tones and errors in their place."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor

from separator.errors import AudioError, ConfigError
from separator.plots import (
    draw_comparison,
    draw_spectrograms,
    save_png,
)

RATE = 22050
Noise = Callable[..., Tensor]


def pixels(figure: Figure) -> np.ndarray:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def labels(figure: Figure, axes: int) -> dict[str, float]:
    """The y ticks of one panel: text to position."""
    panel = figure.axes[axes]
    return {tick.get_text(): place for tick, place in zip(panel.get_yticklabels(), panel.get_yticks(), strict=True)}


@pytest.mark.parametrize("scale", ["mel", "linear", "log"])
def test_a_tone_is_drawn_at_its_frequency(tone: Noise, scale: str) -> None:
    figure = draw_spectrograms({"tone": tone(2 * RATE, 1000 if scale != "linear" else 5000, RATE)}, RATE, scale)
    levels = figure.axes[0].images[0].get_array()
    tick = labels(figure, 0)["1k" if scale != "linear" else "5k"]
    assert abs(levels.mean(1).argmax() - tick) <= 2
    assert levels.max() == 0
    assert levels.min() == -80
    assert figure.axes[0].get_xlim() == (0, 2)


def test_panels_share_one_scale_of_loudness(tone: Noise) -> None:
    loud = tone(RATE, 1000, RATE)
    figure = draw_spectrograms({"mixture": loud, "vocals": 0.01 * loud}, RATE)
    assert [panel.get_title(loc="left") for panel in figure.axes[:2]] == ["mixture", "vocals"]
    maxima = [panel.images[0].get_array().max() for panel in figure.axes[:2]]
    assert maxima == pytest.approx([0, -40], abs=0.01)
    assert figure.axes[2].get_ylabel() == "dB below the loudest"


def test_a_click_stays_in_place_in_a_decimated_long_song(noise: Noise) -> None:
    song = 1e-4 * noise(200 * 8000, channels=1)
    song[0, 150 * 8000] = 1
    levels = draw_spectrograms({"song": song}, 8000).axes[0].images[0].get_array()
    assert levels.shape[1] <= 1400
    assert abs(levels.mean(0).argmax() / levels.shape[1] - 0.75) < 0.002


@pytest.mark.parametrize("n_samples", [1, 100, 5000])
def test_short_and_silent_sounds_can_be_drawn(n_samples: int) -> None:
    silence = torch.zeros(2, n_samples)
    for figure in (
        draw_spectrograms({"hush": silence}, RATE),
        draw_comparison(silence, {"a": silence}, RATE),
    ):
        assert pixels(figure).std() > 0


def test_a_comparison_shows_everything_on_one_scale(noise: Noise) -> None:
    target = noise(3 * RATE)
    figure = draw_comparison(target, {"A": 0.9 * target, "B": 0.5 * target}, RATE)
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")]
    assert titles == ["reference", "A", "B", "error of A", "error of B", "SDR per second"]
    peaks = [axes.images[0].get_array().max() for axes in figure.axes if axes.images]
    assert peaks == pytest.approx([0, 20 * np.log10(0.9), 20 * np.log10(0.5), -20, 20 * np.log10(0.5)], abs=0.01)


def test_mistakes_are_refused(noise: Noise) -> None:
    with pytest.raises(ConfigError, match="'bark'"):
        draw_spectrograms({"song": noise(RATE)}, RATE, "bark")
    with pytest.raises(AudioError):
        draw_spectrograms({}, RATE)


def test_pictures_are_saved_whole(tmp_path: Path) -> None:
    path = save_png(draw_spectrograms({"song": torch.ones(1, RATE)}, RATE), tmp_path / "song.png")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.iterdir()) == [path]


def test_threads_draw_the_same_picture(noise: Noise) -> None:
    sound = noise(RATE)
    with ThreadPoolExecutor(4) as pool:
        pictures = list(pool.map(lambda _: pixels(draw_spectrograms({"x": sound}, RATE)), range(4)))
    assert all(np.array_equal(picture, pictures[0]) for picture in pictures)


@pytest.mark.slow
def test_heavy_libraries_stay_out() -> None:
    code = "import sys, separator.metrics, training.evaluation.scoring; print(*[m for m in NAMES if m in sys.modules])"
    names = ("matplotlib", "museval", "mlflow", "librosa", "gradio", "lightning")
    result = subprocess.run([sys.executable, "-c", code.replace("NAMES", str(names))], capture_output=True, text=True)
    assert result.stdout.strip() == "", result.stderr
    code = "import sys, separator.plots; print('matplotlib.pyplot' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "False", result.stderr
