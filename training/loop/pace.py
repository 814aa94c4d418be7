"""How long an epoch will take on this machine, from a few real steps in a throw-away run folder."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from separator.errors import Cancelled
from separator.model.config import StftConfig
from training.config import TrainConfig
from training.data.training_data import gather
from training.runs.events import Event
from training.runs.folder import RunFolder

EXCERPTS = 4


def seconds_per_epoch(config: TrainConfig, cancel: Callable[[], bool] = lambda: False) -> float:
    """Seconds of one epoch of `config`, its validation included; the data are taken to be decoded already.

    Two epochs of one step are trained, and the second is timed: the first one pays for what is only done once.

    Raises:
        Cancelled: `cancel()` was true.
        SeparatorError: this config cannot be trained.
    """
    from training.loop.fabric import memory_told  # Lightning takes seconds to import
    from training.loop.trainer import Trainer

    material = gather(config, StftConfig().sample_rate)
    short = config.replace(epochs=2, steps_per_epoch=1, valid_excerpts=EXCERPTS, workers=0, max_minutes=0.0)
    epochs: list[Event] = []

    def note(event: Event) -> None:
        if event["type"] == "epoch":
            epochs.append(event)

    with memory_told(config), tempfile.TemporaryDirectory(prefix="sori-pace-") as folder:
        reason = Trainer(short, material, RunFolder(Path(folder) / "pace"), [note], should_stop=cancel).fit()
    if reason == "stopped" or len(epochs) < 2:
        raise Cancelled("the probe of an epoch was stopped")
    first, second = epochs
    training = second["seconds"]
    judged = max(EXCERPTS, len(material.valid))  # each song is validated on at least once
    validation = (second["time"] - first["time"] - training) / judged
    expected = max(config.valid_excerpts, len(material.valid))
    return float(training * config.steps_per_epoch + max(0.0, validation) * expected)
