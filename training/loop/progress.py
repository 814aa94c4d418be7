"""How far a training is: the counters that its checkpoints carry, and what is told of them."""

import math
import sys
from dataclasses import asdict, dataclass
from typing import Any

from training.loop.schedule import Schedule


@dataclass
class Progress:
    """Counters of one run, across all its stops and resumes."""

    epoch: int = 0
    """Whole epochs, each of them validated."""
    epoch_step: int = 0
    """Steps of the epoch that is being trained."""
    epoch_loss: float = 0.0
    """Sum of the losses of these steps, but for those that were skipped."""
    epoch_losses: int = 0
    step: int = 0
    excerpts: int = 0
    """Number of the next excerpt, which no process has had yet."""
    skipped_steps: int = 0
    rollbacks: int = 0
    elapsed_seconds: float = 0.0
    best_sdr_db: float = -math.inf
    best_loss: float = math.inf

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def count_step(self, loss: float, excerpts: int) -> None:
        """Take note of a step, and of its loss unless it is NaN: then the step was skipped."""
        self.step += 1
        self.epoch_step += 1
        self.excerpts += excerpts
        if math.isnan(loss):
            self.skipped_steps += 1
        else:
            self.epoch_loss += loss
            self.epoch_losses += 1

    def end_epoch(self) -> float:
        """Begin the next epoch; the mean loss of the one that ends."""
        mean = self.epoch_loss / self.epoch_losses if self.epoch_losses else math.nan
        self.epoch += 1
        self.epoch_step, self.epoch_loss, self.epoch_losses = 0, 0.0, 0
        return mean

    def note_scores(self, loss: float, sdr_db: float) -> None:
        """Take note of a model's validation scores; what is no number is never the best."""
        self.best_loss = min(self.best_loss, loss)
        self.best_sdr_db = max(self.best_sdr_db, sdr_db)

    def seconds_left(self, schedule: Schedule) -> float | None:
        """How long the rest will take if it goes on like this and is not ended early; None before the first step."""
        done = schedule.progress(self.step, self.elapsed_seconds / 60)
        return self.elapsed_seconds * (1 - done) / done if done else None


def peak_memory_mb() -> float:
    """The most memory that this process has used; NaN where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return math.nan
    units_per_mb = 2**20 if sys.platform == "darwin" else 2**10  # bytes on macOS, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / units_per_mb
