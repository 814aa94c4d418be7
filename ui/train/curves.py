"""A run's events as curves: smoothed, then thinned to ``MAX_POINTS`` each."""

from collections.abc import Iterable, Sequence
from typing import Any

from training.runs.events import Event

Point = tuple[float, float]

MAX_POINTS = 150
"""Of each curve; a page draws six, so fewer than a thousand in all."""
TRAIN_SMOOTHING, VALID_SMOOTHING = 0.97, 0.6
"""Share that a smoothed value keeps of the one before; steps are noisier than whole epochs."""


def compute_curves(events: Sequence[Event]) -> dict[str, list[Point]]:
    """Points (epochs, value) of everything that is drawn: losses raw and smoothed, SDR in dB, learning rate."""
    train, epochs = extract_step_losses(events), [event for event in events if event["type"] == "epoch"]
    if not train:  # a training of very short epochs may write no heartbeat between them
        train = _extract_points(epochs, "train_loss")
    valid = _extract_points(epochs, "valid_loss")
    series = {
        "train": train,
        "train_smooth": smooth(train, TRAIN_SMOOTHING),
        "valid": valid,
        "valid_smooth": smooth(valid, VALID_SMOOTHING),
        "sdr": _extract_points(epochs, "valid_sdr_db"),
        "learning_rate": _extract_points(epochs, "learning_rate"),
    }
    return {name: thin(points) for name, points in series.items()}


def extract_step_losses(events: Sequence[Event]) -> list[Point]:
    """The training loss at each heartbeat, with the epochs done by then (3.5 is half way through the fourth).

    Steps are counted from the last whole epoch, as a resumed run may have epochs of another length.
    """
    points, done, done_step, per_epoch = [], 0, 0, 0
    for event in events:
        if event["type"] == "started":
            per_epoch = int(event["steps_per_epoch"])
        elif event["type"] == "epoch":
            done, done_step = int(event["epoch"]), int(event["step"])
        elif event["type"] == "step" and per_epoch and event.get("loss") is not None:
            points.append((done + (event["step"] - done_step) / per_epoch, event["loss"]))
    return drop_repeated(points)


def drop_repeated(points: Iterable[Point]) -> list[Point]:
    """Leave out what was done again: an epoch that was broken off is trained anew when a run is resumed."""
    kept: list[Point] = []
    for point in points:
        while kept and kept[-1][0] >= point[0]:
            kept.pop()
        kept.append(point)
    return kept


def smooth(points: Sequence[Point], keep: float) -> list[Point]:
    """Exponential moving average, its start corrected as in Adam (Kingma and Ba 2015), so that it is not drawn to 0."""
    smoothed, average = [], 0.0
    for n, (x, y) in enumerate(points, start=1):
        average = keep * average + (1 - keep) * y
        smoothed.append((x, average / (1 - keep**n)))
    return smoothed


def thin(points: Sequence[Point], most: int = MAX_POINTS) -> list[Point]:
    """At most so many of the points, evenly spread, always with the first and the last."""
    if len(points) <= most:
        return [_round_point(point) for point in points]
    step = (len(points) - 1) / (most - 1)
    return [_round_point(points[round(n * step)]) for n in range(most)]


def _extract_points(epochs: Sequence[Event], key: str) -> list[Point]:
    return drop_repeated((float(e["epoch"]), float(e[key])) for e in epochs if _is_number(e.get(key)))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _round_point(point: Point) -> Point:
    """Six and five digits, which is enough to draw and short to send."""
    return float(f"{point[0]:.6g}"), float(f"{point[1]:.5g}")
