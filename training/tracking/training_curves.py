"""The curves of a training, drawn from its events: loss, SDR and learning rate over epochs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from separator.plots.style import QUIET, SERIES, TEXT, add_legend, make_figure, style_axes
from training.runs.events import EpochDone, Event, Started

_ORACLE, _FLOOR = "#2fae98", "#97a1ab"


def draw_training_curves(events: Sequence[Event]) -> Figure:
    """Loss of training and validation, validation SDR, and learning rate; floor and ceiling where `started` has them.

    Args:
        events: as in `events.jsonl`, in order; of a resumed run, the later of two events of an epoch counts.
    """
    epochs = _select_epochs(events)
    started = next((event for event in reversed(events) if isinstance(event, Started)), None)
    figure = make_figure(11, 6.4)
    loss, sdr, rate = figure.subplots(3, 1, sharex=True, height_ratios=[3, 2.4, 1])
    _draw_loss(loss, epochs, started)
    _draw_sdr(sdr, epochs, started)
    _plot(rate, epochs, "learning_rate", SERIES[3], "learning rate")
    style_axes(rate, "Learning rate", grid=True)
    rate.set_ylim(bottom=0)
    rate.yaxis.set_major_locator(MaxNLocator(3))
    rate.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.1e}" if value else "0"))
    rate.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    rate.set_xlabel("epoch", color=QUIET, fontsize=9)
    if not epochs:
        sdr.text(0.5, 0.5, "no epoch is done yet", transform=sdr.transAxes, color=TEXT, ha="center", va="center")
    return figure


def _select_epochs(events: Sequence[Event]) -> list[EpochDone]:
    by_epoch = {event.epoch: event for event in events if isinstance(event, EpochDone)}
    return [by_epoch[epoch] for epoch in sorted(by_epoch)]


def _draw_loss(axes: Axes, epochs: list[EpochDone], started: Started | None) -> None:
    _plot(axes, epochs, "train_loss", SERIES[1], "training")
    _plot(axes, epochs, "valid_loss", SERIES[0], "validation")
    if started is not None:
        _draw_level(axes, started.floor_loss, _FLOOR, "mixture as it is")
        _draw_level(axes, started.oracle_loss, _ORACLE, "ideal mask")
    best = [event for event in epochs if event.epoch == epochs[-1].best_epoch]
    for event in best:
        point = axes.plot([event.epoch], [event.valid_loss], "o", color=SERIES[0], label="best")[0]
        point.set(markeredgecolor=TEXT, markersize=7)
    style_axes(axes, "Loss", grid=True)
    add_legend(axes)


def _draw_sdr(axes: Axes, epochs: list[EpochDone], started: Started | None) -> None:
    _plot(axes, epochs, "valid_sdr_db", SERIES[2], "validation SDR")
    if started is not None:
        _draw_level(axes, started.floor_sdr_db, _FLOOR, "mixture as it is")
        _draw_level(axes, started.oracle_sdr_db, _ORACLE, "ideal mask")
    style_axes(axes, "SDR on the validation excerpts", "dB", grid=True)
    add_legend(axes)


def _plot(axes: Axes, epochs: list[EpochDone], key: str, colour: str, label: str) -> None:
    known = [(event.epoch, value) for event in epochs if math.isfinite(value := getattr(event, key))]
    if known:
        numbers, values = zip(*known, strict=True)
        marker = "o" if len(known) < 40 else ""
        axes.plot(numbers, values, color=colour, linewidth=1.8, marker=marker, markersize=3.5, label=label)


def _draw_level(axes: Axes, value: float, colour: str, label: str) -> None:
    if math.isfinite(value):
        axes.axhline(value, color=colour, linewidth=1.1, linestyle=(0, (5, 4)), label=label)
