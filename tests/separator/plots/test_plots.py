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
from separator.metrics.grades import grade
from separator.plots import (
    comparison_figure,
    error_map_figure,
    save_png,
    sdr_strip_figure,
    spectrogram_figure,
    training_curves_figure,
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
    figure = spectrogram_figure({"tone": tone(2 * RATE, 1000 if scale != "linear" else 5000, RATE)}, RATE, scale)
    levels = figure.axes[0].images[0].get_array()
    tick = labels(figure, 0)["1k" if scale != "linear" else "5k"]
    assert abs(levels.mean(1).argmax() - tick) <= 2
    assert levels.max() == 0
    assert levels.min() == -80
    assert figure.axes[0].get_xlim() == (0, 2)


def test_panels_share_one_scale_of_loudness(tone: Noise) -> None:
    loud = tone(RATE, 1000, RATE)
    figure = spectrogram_figure({"mixture": loud, "vocals": 0.01 * loud}, RATE)
    assert [panel.get_title(loc="left") for panel in figure.axes[:2]] == ["mixture", "vocals"]
    maxima = [panel.images[0].get_array().max() for panel in figure.axes[:2]]
    assert maxima == pytest.approx([0, -40], abs=0.01)
    assert figure.axes[2].get_ylabel() == "dB below the loudest"


def test_a_click_stays_in_place_in_a_decimated_long_song(noise: Noise) -> None:
    song = 1e-4 * noise(200 * 8000, channels=1)
    song[0, 150 * 8000] = 1
    levels = spectrogram_figure({"song": song}, 8000).axes[0].images[0].get_array()
    assert levels.shape[1] <= 1400
    assert abs(levels.mean(0).argmax() / levels.shape[1] - 0.75) < 0.002


@pytest.mark.parametrize("n_samples", [1, 100, 5000])
def test_short_and_silent_sounds_can_be_drawn(n_samples: int) -> None:
    silence = torch.zeros(2, n_samples)
    for figure in (
        spectrogram_figure({"hush": silence}, RATE),
        error_map_figure(silence, silence, RATE),
        comparison_figure(silence, {"a": silence}, RATE),
    ):
        assert pixels(figure).std() > 0


def test_missed_energy_is_blue_and_leaked_energy_orange(tone: Noise) -> None:
    low, high = tone(2 * RATE, 500, RATE), tone(2 * RATE, 4000, RATE)
    figure = error_map_figure(low, high, RATE)  # the low tone is missed, the high one leaked in
    image = np.asarray(figure.axes[0].images[0].get_array())
    ticks = labels(figure, 0)
    at_low, at_high = (image[round(ticks[name]), image.shape[1] // 2] for name in ("500", "4k"))
    assert at_low[2] > 1.5 * at_low[0]
    assert at_high[0] > 1.5 * at_high[2]


def test_a_perfect_estimate_has_an_empty_error_map(noise: Noise) -> None:
    image = np.asarray(error_map_figure(noise(RATE), noise(RATE), RATE).axes[0].images[0].get_array())
    assert image.max() < 0.1


def test_the_strip_has_a_bar_per_second_in_its_grade_s_colour() -> None:
    bars = sdr_strip_figure([8.0, None, -3.0, 50.0]).axes[0].patches
    heights = [bar.get_height() for bar in bars]
    assert heights == [8, 0, -3, 20, 30]  # the last one hatches the silent second
    assert bars[4].get_x() == 1
    from matplotlib.colors import to_hex

    assert to_hex(bars[2].get_facecolor()) == grade(-3).colour


def test_several_estimates_are_lines_with_names() -> None:
    axes = sdr_strip_figure({"desktop": [1.0, 2.0], "노트북 $x$": torch.tensor([3.0, torch.nan])}).axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["desktop", "··· $x$"]


def test_training_curves_follow_the_events() -> None:
    started = {"type": "started", "floor_sdr_db": -2.0, "oracle_sdr_db": 12.0, "floor_loss": 0.5, "oracle_loss": 0.1}
    epochs = [
        {"type": "epoch", "epoch": n, "train_loss": 1 / n, "valid_loss": 2 / n, "valid_sdr_db": n, "learning_rate": 0.1}
        | {"best_epoch": 2}
        for n in (1, 2, 3)
    ]
    figure = training_curves_figure([started, *epochs[:2], {"type": "resumed", "epoch": 2}, epochs[1], epochs[2]])
    loss, sdr, rate = figure.axes
    assert loss.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert loss.lines[1].get_ydata().tolist() == [2, 1, 2 / 3]
    names = [text.get_text() for text in loss.get_legend().get_texts()]
    assert names == ["training", "validation", "mixture as it is", "ideal mask", "best"]
    assert [line.get_ydata()[0] for line in sdr.lines] == [1, -2, 12]
    assert rate.lines[0].get_ydata().tolist() == [0.1, 0.1, 0.1]


def test_training_that_has_just_begun_is_drawn() -> None:
    for events in ([], [{"type": "started"}], [{"type": "epoch", "epoch": 1, "train_loss": 1.0}]):
        assert pixels(training_curves_figure(events)).std() > 0


def test_a_comparison_shows_everything_on_one_scale(noise: Noise) -> None:
    target = noise(3 * RATE)
    figure = comparison_figure(target, {"A": 0.9 * target, "B": 0.5 * target}, RATE)
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")]
    assert titles == ["reference", "A", "B", "error of A", "error of B", "SDR per second"]
    peaks = [axes.images[0].get_array().max() for axes in figure.axes if axes.images]
    assert peaks == pytest.approx([0, 20 * np.log10(0.9), 20 * np.log10(0.5), -20, 20 * np.log10(0.5)], abs=0.01)


def test_mistakes_are_refused(noise: Noise) -> None:
    with pytest.raises(ConfigError, match="'bark'"):
        spectrogram_figure({"song": noise(RATE)}, RATE, "bark")
    with pytest.raises(AudioError):
        spectrogram_figure({}, RATE)
    with pytest.raises(AudioError):
        error_map_figure(noise(RATE), noise(RATE + 1), RATE)


def test_pictures_are_saved_whole(tmp_path: Path) -> None:
    path = save_png(sdr_strip_figure([1.0]), tmp_path / "strip.png")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.iterdir()) == [path]


def test_threads_draw_the_same_picture(noise: Noise) -> None:
    sound = noise(RATE)
    with ThreadPoolExecutor(4) as pool:
        pictures = list(pool.map(lambda _: pixels(spectrogram_figure({"x": sound}, RATE)), range(4)))
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
