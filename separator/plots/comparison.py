"""Reference and estimates side by side: waveforms, spectrograms, errors on the same scale, and SDR over time."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from separator.audio import to_mono
from separator.metrics import check_shapes, framewise_sdr
from separator.plots.spectrograms import add_decibel_bar, compute_spectrogram_power, draw_spectrogram
from separator.plots.spectrum import FrequencyAxis, Scale
from separator.plots.style import LINE, QUIET, REFERENCE, SERIES, add_legend, format_time_axis, make_figure, style_axes

_WAVE_COLUMNS = 700
_LOWEST_DB, _HIGHEST_DB = -10.0, 20.0
_BOUNDS_DB = (0, 3, 5, 7)  # of the grades


def draw_comparison(
    reference: Tensor, estimates: Mapping[str, Tensor], sample_rate: int, scale: Scale = "mel"
) -> Figure:
    """A row for the reference, for each estimate and for each estimate's error; below, SDR per second.

    All spectrograms, the errors' too, are in dB below the loudest cell; all waveforms share one height.

    Args:
        reference: (C, N).
        estimates: name to (C, N).
        sample_rate: in Hz.
        scale: of frequency: "mel", "linear" or "log".

    Raises:
        AudioError: shapes differ. ConfigError: unknown scale.
    """
    check_shapes(reference, *estimates.values())
    rows = _list_rows(reference, estimates)
    axis = FrequencyAxis.of(sample_rate, scale)
    seconds = reference.shape[-1] / sample_rate
    figure = make_figure(13, 1.5 * len(rows) + 2.4)
    grid = figure.add_gridspec(len(rows) + 1, 2, width_ratios=[1, 1.9], height_ratios=[*[1.0] * len(rows), 1.4])
    powers = [compute_spectrogram_power(waveform, sample_rate, axis, columns=900) for _, waveform, _ in rows]
    loudest = torch.stack([power.max() for power in powers]).max()
    height = float(reference.abs().max().clamp(min=1e-3)) * 1.05
    pictures = []
    for n, ((title, waveform, colour), power) in enumerate(zip(rows, powers, strict=True)):
        left, right = figure.add_subplot(grid[n, 0]), figure.add_subplot(grid[n, 1])
        _draw_waveform(left, waveform, seconds, colour, height)
        style_axes(left, title)
        image = draw_spectrogram(right, power, loudest, seconds)
        style_axes(right, ylabel="Hz")
        axis.mark(right, every=2)
        for panel in (left, right):
            format_time_axis(panel, seconds)
            panel.tick_params(labelbottom=n == len(rows) - 1)
        pictures.append(right)
    add_decibel_bar(figure, pictures, image)
    per_second = {name: framewise_sdr(reference, waveform, sample_rate) for name, waveform in estimates.items()}
    _draw_sdr_lines(figure.add_subplot(grid[-1, :]), per_second, min(1.0, seconds))
    return figure


def _list_rows(reference: Tensor, estimates: Mapping[str, Tensor]) -> list[tuple[str, Tensor, str]]:
    """Title, waveform and colour of each row."""
    coloured = [(name, waveform, SERIES[n % len(SERIES)]) for n, (name, waveform) in enumerate(estimates.items())]
    errors = [(f"error of {name}", waveform - reference, colour) for name, waveform, colour in coloured]
    return [("reference", reference, REFERENCE), *coloured, *errors]


def _draw_waveform(axes: Axes, waveform: Tensor, seconds: float, colour: str, height: float) -> None:
    """The lowest and highest sample of each column."""
    mono = to_mono(waveform)[0]
    parts = mono.split(-(-len(mono) // _WAVE_COLUMNS))
    times = [seconds * n / len(parts) for n in range(len(parts))]
    lows, highs = ([float(edge(part)) for part in parts] for edge in (torch.min, torch.max))
    axes.fill_between(times, lows, highs, color=colour, linewidth=0.3, step="post")
    axes.set_ylim(-height, height)
    axes.set_yticks([])


def _draw_sdr_lines(axes: Axes, values_db: Mapping[str, Tensor], frame_seconds: float) -> None:
    """A stepped line per estimate, cut off at -10 and 20 dB, with the grades' bounds behind; NaN leaves a gap."""
    seconds = 1e-3
    for index, (name, values) in enumerate(values_db.items()):
        edges = [n * frame_seconds for n in range(len(values) + 1)]
        cut = values.clamp(_LOWEST_DB, _HIGHEST_DB).tolist()
        axes.stairs(cut, edges, baseline=None, color=SERIES[index % len(SERIES)], linewidth=1.6, label=name)
        seconds = max(seconds, edges[-1])
    style_axes(axes, "SDR per second", "dB")
    for bound in _BOUNDS_DB:
        axes.axhline(bound, color=QUIET if bound == 0 else LINE, linewidth=0.8, zorder=0)
    axes.set_ylim(_LOWEST_DB, _HIGHEST_DB)
    axes.set_yticks([-10, *_BOUNDS_DB, 10, 15, 20])
    format_time_axis(axes, seconds)
    add_legend(axes)
