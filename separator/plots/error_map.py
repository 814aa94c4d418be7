"""Where, in time and frequency, an estimate lost energy of its target and where it let other energy in."""

from __future__ import annotations

import torch
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgb
from matplotlib.figure import Figure
from torch import Tensor

from separator.audio.reader import to_mono
from separator.metrics.energy import check_shapes
from separator.plots.spectrum import FrequencyAxis, Scale, cells, to_db
from separator.plots.style import LEAKED, MISSED, PANEL, QUIET, new_figure, style, time_axis

_LOUDEST_DB, _QUIETEST_DB = -10.0, -60.0  # full brightness, and dark
_COLUMNS = 1400


def error_map_figure(reference: Tensor, estimate: Tensor, sample_rate: int, scale: Scale = "mel") -> Figure:
    """The error's energy in dB below the loudest moment of the reference; blue is missed, orange is leaked.

    An STFT cell of the error counts as missed where the estimate is weaker than the reference, else as leaked.

    Args:
        reference, estimate: (C, N) each; their downmix is shown.
        sample_rate: in Hz.
        scale: of frequency: "mel", "linear" or "log".

    Raises:
        AudioError: the shapes differ. ConfigError: unknown scale.
    """
    check_shapes(reference, estimate)
    axis = FrequencyAxis.of(sample_rate, scale)
    pair = torch.cat([to_mono(reference), to_mono(estimate)]).float()
    target, missed, leaked = cells(pair, sample_rate, axis, _COLUMNS, _missed_and_leaked)
    figure = new_figure(11, 3.6)
    axes = figure.subplots()
    seconds = reference.shape[-1] / sample_rate
    extent = (0.0, seconds, 0.0, float(target.shape[0]))
    axes.imshow(_blend(missed, leaked, target.max()), origin="lower", aspect="auto", extent=extent, rasterized=True)
    style(axes, "Where the error is", "Hz")
    axis.mark(axes)
    time_axis(axes, seconds)
    _bars(figure, axes)
    return figure


def _missed_and_leaked(spectra: Tensor) -> Tensor:
    """(2, F, T) of reference and estimate -> (3, F, T): energy of the reference, missed, leaked."""
    target, estimate = spectra
    error = (estimate - target).abs().square()
    weaker = estimate.abs() < target.abs()
    return torch.stack([target.abs().square(), error * weaker, error * ~weaker])


def _blend(missed: Tensor, leaked: Tensor, loudest: Tensor) -> list[list[list[float]]]:
    """RGB (rows, columns, 3): hue from which of the two is more, brightness from their level."""
    level = to_db(missed + leaked, loudest, -_QUIETEST_DB)
    brightness = ((level - _QUIETEST_DB) / (_LOUDEST_DB - _QUIETEST_DB)).clamp(max=1)
    share = leaked / (missed + leaked).clamp(min=1e-20)
    dark, blue, orange = (torch.tensor(to_rgb(colour)) for colour in (PANEL, MISSED, LEAKED))
    hue = blue + share[..., None] * (orange - blue)
    image = dark + brightness[..., None] * (hue - dark)
    return image.clamp(0, 1).numpy()  # type: ignore[return-value]


def _bars(figure: Figure, axes: Axes) -> None:
    for colour, label in ((LEAKED, "leaked in, dB"), (MISSED, "missed, dB")):
        colours = LinearSegmentedColormap.from_list(label, [PANEL, colour])
        mappable = ScalarMappable(Normalize(_QUIETEST_DB, _LOUDEST_DB), colours)
        bar = figure.colorbar(mappable, ax=axes, fraction=0.02, pad=0.015, ticks=[-10, -20, -30, -40, -50, -60])
        bar.outline.set_visible(False)
        bar.ax.tick_params(colors=QUIET, labelsize=8.5, length=3)
        bar.set_label(label, color=QUIET, fontsize=9)
