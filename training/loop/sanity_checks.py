"""Short trials before a long training: can it learn at all, how fast may it learn, and how long does an epoch take?"""

import itertools
import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from separator.errors import Cancelled
from separator.model import CRNN, load_model
from separator.model.checkpoint import read_checkpoint
from training.config import OptimiserSettings, TrainConfig, parse_weighted
from training.data.loader import Batch, Batches
from training.data.training_data import TrainingData, load_training_data
from training.loop.fabric import make_fabric, oom_as_user_error
from training.loop.initial_weights import find_sample_rate, make_model_config
from training.loop.train_step import MOST_OVERFLOWS, Learner
from training.loop.trainer import Trainer
from training.losses import LOGARITHMS
from training.runs.events import EpochDone, Event
from training.runs.folder import RunFolder

Report = Callable[[int, float], None]
"""Called with the step and its loss."""

OVERFIT_STEPS = 150
OVERFIT_SHARE = 0.6
"""A model that can learn brings the loss of a single batch below this share of the first within these steps."""
RANGE_STEPS = 100
RANGE = (1e-6, 1.0)
DIVERGED = 2.0
"""Times the best loss so far, at which the range test ends."""
FALLEN = 0.98
"""A range test whose loss stays above this share of the first is inconclusive."""
SMOOTHING = 0.9
TIMED_EXCERPTS = 4
"""Validation excerpts of a timed epoch."""


@dataclass(frozen=True)
class Verdict:
    """The result of a trial: whether all is well, and a sentence for the user."""

    is_good: bool
    sentence: str


def overfit_one_batch(
    config: TrainConfig, data: TrainingData, report: Report = lambda step, loss: None, start_from: Path | None = None
) -> Verdict:
    """Train on one and the same batch: a sound model, loss and optimizer must learn it by heart.

    Raises CheckpointError where ``start_from``, the checkpoint to go on from, cannot be used.
    """
    learner, batches = _learner_and_batches(config, data, start_from)
    batch = next(batches.take(0, 1))
    losses: list[float] = []
    for step in range(1, OVERFIT_STEPS + 1):
        loss = _step(learner, batch, config.learning_rate)
        if loss is not None or losses:
            losses.append(math.inf if loss is None else loss)
            report(step, losses[-1])
    if not losses:
        return Verdict(False, "the gradients of one batch were never finite; try --precision 32-true, check the data")
    last = min(losses[-10:])
    change = f"the loss of one batch went from {losses[0]:.4f} to {last:.4f} in {OVERFIT_STEPS} steps"
    if _is_at_most(last, OVERFIT_SHARE, losses[0], _logarithm_weight(config)):
        return Verdict(True, f"{change}: the model can learn")
    return Verdict(False, f"{change}: it hardly learns; try another --learning_rate, see --lr_range_test")


def learning_rate_range(
    config: TrainConfig, data: TrainingData, report: Report = lambda step, loss: None, start_from: Path | None = None
) -> Verdict:
    """Raise the learning rate from step to step until the loss diverges (Smith 2017), and recommend one.

    All steps have the same batch, since the losses of remixes differ too much with their levels.
    Raises CheckpointError where ``start_from``, the checkpoint to go on from, cannot be used.
    """
    learner, batches = _learner_and_batches(config, data, start_from)
    batch = next(batches.take(0, 1))
    rates, losses = [], []
    lowest, highest = RANGE
    weight = _logarithm_weight(config)
    for step in range(RANGE_STEPS):
        rate = lowest * (highest / lowest) ** (step / (RANGE_STEPS - 1))
        loss = _step(learner, batch, rate)
        if loss is None:
            break
        rates.append(rate)
        losses.append(loss)
        report(step + 1, loss)
        curve = smooth(losses)
        if not _is_at_most(curve[-1], DIVERGED, min(curve), weight):
            break
    return recommend(rates, losses, config.learning_rate, weight)


def seconds_per_epoch(
    config: TrainConfig, cancel: Callable[[], bool] = lambda: False, start_from: Path | None = None
) -> float:
    """Seconds of one epoch of ``config`` and its validation, with data that are decoded already.

    Trains two epochs of one step in a temporary run folder and times the second: the first does what is done once only.

    Raises:
        Cancelled: ``cancel()`` was true.
        SeparatorError: this config cannot be trained.
    """
    content = read_checkpoint(start_from) if start_from else None
    resume = {key: content[key] for key in ("model", "weights")} if content else None
    data = load_training_data(config, find_sample_rate(config, start_from))
    short = config.replace(epochs=2, steps_per_epoch=1, valid_excerpts=TIMED_EXCERPTS, workers=0, max_minutes=0.0)
    events: list[Event] = []
    with oom_as_user_error(config), tempfile.TemporaryDirectory(prefix="sori-pace-") as folder:
        reason = Trainer(short, data, RunFolder(folder), [events.append], resume, cancel).fit()
    epochs = [event for event in events if isinstance(event, EpochDone)]
    if reason == "stopped" or len(epochs) < 2:
        raise Cancelled("the probe of an epoch was stopped")
    first, second = epochs
    training = second.seconds
    validation = second.time - first.time - training
    timed = max(TIMED_EXCERPTS, len(data.valid))  # each song is validated on at least once
    expected = max(config.valid_excerpts, len(data.valid))
    return float(training * config.steps_per_epoch + max(0.0, validation) / timed * expected)


def recommend(rates: list[float], losses: list[float], configured: float, logarithm_weight: float = 0.0) -> Verdict:
    """The learning rate at which the smoothed loss falls fastest, and what that means for the configured one.

    Args:
        logarithm_weight: of the part of the loss that is a logarithm; 0 where none is.
    """
    curve = smooth(losses)
    if len(curve) < 3 or not _is_at_most(min(curve), FALLEN, curve[0], logarithm_weight):
        return Verdict(False, "the loss did not fall at any learning rate: something else is wrong, check the data")
    slopes = [after - before for before, after in itertools.pairwise(curve)]
    best = rates[slopes.index(min(slopes)) + 1]
    lowest = rates[curve.index(min(curve))]
    found = f"the loss falls fastest at {best:.1e} and is lowest at {lowest:.1e}"
    if configured > lowest:
        return Verdict(False, f"{found}: --learning_rate {configured:.1e} is too high, try {best:.1e}")
    if configured < best / 10:
        return Verdict(False, f"{found}: --learning_rate {configured:.1e} is needlessly low, try {best:.1e}")
    return Verdict(True, f"{found}: --learning_rate {configured:.1e} is sound")


def smooth(losses: list[float]) -> list[float]:
    """A running mean with exponentially fading memory, without its bias to the start."""
    mean, curve = 0.0, []
    for count, loss in enumerate(losses, start=1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        curve.append(mean / (1 - SMOOTHING**count))
    return curve


def _step(learner: Learner, batch: Batch, learning_rate: float) -> float | None:
    """The loss of one step, repeated while a gradient scaler skips it to lower its scale; None if it stays skipped."""
    for _ in range(1 if learner.scaler is None else MOST_OVERFLOWS):
        loss = learner.step([batch], learning_rate)
        if loss is not None:
            return loss
    return None


def _logarithm_weight(config: OptimiserSettings) -> float:
    return sum(weight for name, weight in map(parse_weighted, config.loss) if name in LOGARITHMS)


def _is_at_most(loss: float, share: float, other: float, logarithm_weight: float) -> bool:
    """Whether a loss is no more than a share of another one; of logarithms, whether what they stand for is."""
    if logarithm_weight:
        return loss - other <= logarithm_weight * math.log10(share)
    return loss <= share * other


def _learner_and_batches(config: TrainConfig, data: TrainingData, start_from: Path | None) -> tuple[Learner, Batches]:
    torch.manual_seed(config.seed)
    fabric = make_fabric(config)
    model = load_model(start_from) if start_from else CRNN(make_model_config(config))
    learner = Learner(fabric, config, model)
    return learner, Batches(data, config, learner.crnn.config.stft.sample_rate, fabric)
