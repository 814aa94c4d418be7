"""Spectrograms of a mixture and its stems, one above the other, on one scale of loudness."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from torch import Tensor

from separator.audio import to_mono
from separator.errors import AudioError
from separator.plots.spectrum import FrequencyAxis, Scale, average_cells, to_db
from separator.plots.style import QUIET, format_time_axis, make_figure, style_axes

RANGE_DB = 80.0
COLUMNS = 1400


def draw_spectrograms(waveforms: Mapping[str, Tensor], sample_rate: int, scale: Scale = "mel") -> Figure:
    """One panel per waveform, all in dB below the loudest cell of them all, so that they can be compared.

    Args:
        waveforms: title to (C, N); their downmix is shown.
        sample_rate: in Hz, of all of them.
        scale: of frequency: "mel", "linear" or "log".

    Raises:
        AudioError: nothing to show. ConfigError: unknown scale.
    """
    if not waveforms or any(w.numel() == 0 for w in waveforms.values()):
        raise AudioError("there is no audio to draw a spectrogram of")
    axis = FrequencyAxis.of(sample_rate, scale)
    figure = make_figure(11, 0.9 + 1.9 * len(waveforms))
    panels = list(figure.subplots(len(waveforms), 1, sharex=True, squeeze=False)[:, 0])
    powers = {title: compute_spectrogram_power(waveform, sample_rate, axis) for title, waveform in waveforms.items()}
    loudest = torch.stack([power.max() for power in powers.values()]).max()
    for panel, (title, power) in zip(panels, powers.items(), strict=True):
        image = draw_spectrogram(panel, power, loudest, waveforms[title].shape[-1] / sample_rate)
        axis.mark(panel)
        style_axes(panel, title, "Hz")
    format_time_axis(panels[-1], max(w.shape[-1] for w in waveforms.values()) / sample_rate)
    add_decibel_bar(figure, panels, image)
    return figure


def compute_spectrogram_power(
    waveform: Tensor, sample_rate: int, axis: FrequencyAxis, columns: int = COLUMNS
) -> Tensor:
    """Power of the downmix of (C, N) on a picture's grid, (rows, columns)."""
    mono = to_mono(waveform).float()
    return average_cells(mono, sample_rate, axis, columns, lambda spectra: spectra.abs().square())[0]


def draw_spectrogram(axes: Axes, power: Tensor, loudest: Tensor, seconds: float) -> AxesImage:
    """Draw (rows, columns) in dB below `loudest`."""
    levels = to_db(power, loudest, RANGE_DB).numpy()
    extent = (0.0, seconds, 0.0, float(power.shape[0]))
    image = axes.imshow(
        levels, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=-RANGE_DB, vmax=0, rasterized=True
    )
    return image


def add_decibel_bar(figure: Figure, panels: list[Axes], image: AxesImage, label: str = "dB below the loudest") -> None:
    """The legend of loudness, beside all panels."""
    bar = figure.colorbar(image, ax=panels, fraction=0.025, pad=0.012, ticks=[0, -20, -40, -60, -80])
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=QUIET, labelsize=8.5, length=3)
    bar.set_label(label, color=QUIET, fontsize=9)
