"""A run's events as curves: added to as events come, thinned to ``MAX_POINTS`` each when they are drawn."""

import math
from array import array
from collections.abc import Sequence

from training.runs.events import EpochDone, Event, Started, StepDone

Point = tuple[float, float]

MAX_POINTS = 150
"""Of each curve; a page draws six, so fewer than a thousand in all."""
TRAIN_SMOOTHING, VALID_SMOOTHING = 0.97, 0.6
"""Share that a smoothed value keeps of the one before; steps are noisier than whole epochs."""


class Series:
    """Points of a curve, and their exponential moving average.

    A point takes the place of those at or after it: an epoch that was broken off is trained anew on resuming.
    """

    def __init__(self, keep: float = 0.0) -> None:
        self._keep = keep
        self._x, self._y, self._average = array("d"), array("d"), array("d")

    def __len__(self) -> int:
        return len(self._x)

    def add(self, x: float, y: float) -> None:
        """Add a point; one that is no number leaves a gap."""
        if not math.isfinite(y):
            return
        while self._x and self._x[-1] >= x:
            for values in (self._x, self._y, self._average):
                values.pop()
        before = self._average[-1] if self._average else 0.0
        self._x.append(x)
        self._y.append(y)
        self._average.append(self._keep * before + (1 - self._keep) * y)

    def points(self) -> list[Point]:
        return [round_point(self._x[n], self._y[n]) for n in thin(len(self))]

    def smoothed(self) -> list[Point]:
        """The average, its start corrected as in Adam (Kingma and Ba 2015), so that it is not drawn to 0."""
        return [round_point(self._x[n], self._average[n] / (1 - self._keep ** (n + 1))) for n in thin(len(self))]


class Curves:
    """Points (epochs, value) of all that is drawn: losses raw and smoothed, SDR in dB, learning rate."""

    def __init__(self) -> None:
        self._steps, self._epochs = Series(TRAIN_SMOOTHING), Series(TRAIN_SMOOTHING)
        self._valid, self._sdr, self._learning_rate = Series(VALID_SMOOTHING), Series(), Series()
        self._steps_per_epoch = self._done = self._done_step = 0

    def add(self, event: Event) -> None:
        """The training loss at each heartbeat is drawn at the epochs done by then: 3.5 is half way through the fourth.

        Steps are counted from the last whole epoch, as a resumed run may have epochs of another length.
        """
        match event:
            case Started():
                self._steps_per_epoch = event.steps_per_epoch
            case StepDone() if self._steps_per_epoch:
                self._steps.add(self._done + (event.step - self._done_step) / self._steps_per_epoch, event.loss)
            case EpochDone():
                self._done, self._done_step = event.epoch, event.step
                self._epochs.add(event.epoch, event.train_loss)
                self._valid.add(event.epoch, event.valid_loss)
                self._sdr.add(event.epoch, event.valid_sdr_db)
                self._learning_rate.add(event.epoch, event.learning_rate)

    def draw(self) -> dict[str, list[Point]]:
        train = self._steps if len(self._steps) else self._epochs  # very short epochs may have no heartbeat in them
        return {
            "train": train.points(),
            "train_smooth": train.smoothed(),
            "valid": self._valid.points(),
            "valid_smooth": self._valid.smoothed(),
            "sdr": self._sdr.points(),
            "learning_rate": self._learning_rate.points(),
        }


def thin(n_points: int, most: int = MAX_POINTS) -> Sequence[int]:
    """The numbers of at most so many of the points, evenly spread, always with the first and the last."""
    if n_points <= most:
        return range(n_points)
    step = (n_points - 1) / (most - 1)
    return [round(n * step) for n in range(most)]


def round_point(x: float, y: float) -> Point:
    """Six and five digits, which is enough to draw and short to send."""
    return float(f"{x:.6g}"), float(f"{y:.5g}")
