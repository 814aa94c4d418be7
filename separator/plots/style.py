"""The look that all pictures share: one dark card, legible on light and dark pages, and axes in m:ss, Hz and dB."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ticker import FuncFormatter, MultipleLocator

from separator.files import atomic_write

CARD, PANEL, LINE, QUIET, TEXT = "#1b1b19", "#121211", "#423f39", "#a8a395", "#ece9e1"
REFERENCE = "#97a1ab"
SERIES = ("#dd6b45", "#7f90ee", "#2fae98", "#c3932a", "#c271c9")
"""Colours of what is compared: A, B, ..."""

_TICK_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)


def make_figure(width: float, height: float) -> Figure:
    """An empty card, in inches."""
    return Figure(figsize=(width, height), dpi=100, facecolor=CARD, layout="constrained")


def save_png(figure: Figure, path: str | Path, dpi: int = 100) -> Path:
    """Write a figure as PNG; a reader never sees half a picture."""
    path = Path(path)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    with atomic_write(path) as part:
        part.write_bytes(buffer.getvalue())
    return path


def style_axes(axes: Axes, title: str = "", ylabel: str = "", grid: bool = False) -> None:
    """Give axes the card's colours; title at the left, no box."""
    axes.set_facecolor(PANEL)
    axes.set_title(replace_missing_glyphs(title), loc="left", color=TEXT, fontsize=10.5, parse_math=False)
    axes.set_ylabel(ylabel, color=QUIET, fontsize=9)
    axes.tick_params(colors=QUIET, labelsize=8.5, length=3)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if grid:
        axes.grid(color=LINE, linewidth=0.6, alpha=0.8)
        axes.set_axisbelow(True)


def add_legend(axes: Axes) -> None:
    """A legend beside the title, where it hides nothing."""
    handles, labels = axes.get_legend_handles_labels()
    if not handles:
        return
    box = axes.legend(
        handles,
        [replace_missing_glyphs(label) for label in labels],
        loc="lower right",
        bbox_to_anchor=(1, 0.99),
        ncols=len(labels),
        frameon=False,
        labelcolor=TEXT,
        fontsize=8.5,
        borderaxespad=0,
    )
    for text in box.get_texts():
        text.set_parse_math(False)


def format_time_axis(axes: Axes, seconds: float) -> None:
    """An x axis in m:ss with about six ticks."""
    step = next((tick for tick in _TICK_SECONDS if seconds / tick <= 8), 7200)
    axes.set_xlim(0, seconds)
    axes.xaxis.set_major_locator(MultipleLocator(step if seconds > 3 else 0.5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: clock(value)))


def clock(seconds: float) -> str:
    """Seconds as m:ss, with half seconds where it needs them."""
    whole, part = divmod(round(seconds, 2), 1)
    return f"{int(whole) // 60}:{int(whole) % 60:02d}" + (f"{part:.1f}"[1:] if part else "")


def replace_missing_glyphs(text: str) -> str:
    """The text with a dot for each character that the font lacks, rather than a warning per character."""
    return "".join(character if ord(character) in _glyphs() else "·" for character in text)


@cache
def _glyphs() -> frozenset[int]:
    return frozenset(get_font(findfont(FontProperties())).get_charmap()) | {10, 32}
