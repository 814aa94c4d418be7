"""SDR second by second: bars in the colours of the grades for one estimate, lines for several."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from separator.metrics.grades import grade
from separator.plots.style import LINE, QUIET, SERIES, legend, new_figure, style, time_axis

Values = Sequence[float | None] | Tensor

_LOWEST_DB, _HIGHEST_DB = -10.0, 20.0
_BOUNDS_DB = (0, 3, 5, 7)  # of the grades


def sdr_strip_figure(values_db: Values | Mapping[str, Values], frame_seconds: float = 1.0) -> Figure:
    """SDR of each frame in dB, cut off at -10 and 20; silent frames (None or NaN) are hatched.

    Args:
        values_db: of one estimate, or name to values for several.
        frame_seconds: length of a frame.
    """
    figure = new_figure(11, 2.2)
    axes = figure.subplots()
    if isinstance(values_db, Mapping):
        draw_sdr_lines(axes, values_db, frame_seconds)
    else:
        _draw_bars(axes, numbers(values_db), frame_seconds)
    return figure


def draw_sdr_lines(axes: Axes, values_db: Mapping[str, Values], frame_seconds: float = 1.0) -> None:
    """A stepped line per estimate, with the grades' bounds behind."""
    longest = 0
    for index, (name, values) in enumerate(values_db.items()):
        cut = [min(max(value, _LOWEST_DB), _HIGHEST_DB) for value in numbers(values)]
        edges = [n * frame_seconds for n in range(len(cut) + 1)]
        axes.stairs(cut, edges, baseline=None, color=SERIES[index % len(SERIES)], linewidth=1.6, label=name)
        longest = max(longest, len(cut))
    _frame(axes, longest * frame_seconds)
    legend(axes)


def _draw_bars(axes: Axes, values: list[float], frame_seconds: float) -> None:
    starts = [n * frame_seconds for n in range(len(values))]
    cut = [0.0 if math.isnan(value) else min(max(value, _LOWEST_DB), _HIGHEST_DB) for value in values]
    colours = [grade(value).colour for value in values]
    axes.bar(starts, cut, width=0.92 * frame_seconds, align="edge", color=colours)
    silent = [start for start, value in zip(starts, values, strict=True) if math.isnan(value)]
    height, width = _HIGHEST_DB - _LOWEST_DB, frame_seconds
    axes.bar(silent, height, width, _LOWEST_DB, align="edge", color="none", edgecolor=LINE, hatch="////", linewidth=0)
    _frame(axes, len(values) * frame_seconds)


def _frame(axes: Axes, seconds: float) -> None:
    style(axes, "SDR per second", "dB")
    for bound in _BOUNDS_DB:
        axes.axhline(bound, color=QUIET if bound == 0 else LINE, linewidth=0.8, zorder=0)
    axes.set_ylim(_LOWEST_DB, _HIGHEST_DB)
    axes.set_yticks([-10, 0, 3, 5, 7, 10, 15, 20])
    time_axis(axes, max(seconds, 1e-3))


def numbers(values: Values) -> list[float]:
    """Values as floats, NaN where there is none."""
    listed = values.tolist() if isinstance(values, Tensor) else values
    return [math.nan if value is None else float(value) for value in listed]
