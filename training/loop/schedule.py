"""What follows from the validation losses: the learning rate, and when to stop."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from training.config import ScheduleSettings

LAST_SHARE = 0.01
"""Cosine ends at this share of the first learning rate."""


@dataclass
class Schedule:
    """The learning rate of a step: warm-up, then constant, cosine or plateau."""

    config: ScheduleSettings
    first_rate: float
    plateau_scale: float = 1.0
    best_loss: float = math.inf
    bad_epochs: int = 0

    def learning_rate(self, step: int, elapsed_minutes: float) -> float:
        """For step 0, 1, ...; ``elapsed_minutes`` counts only where ``max_minutes`` is set."""
        rate = self.first_rate
        if self.config.warmup_steps:
            rate *= min(1.0, (step + 1) / self.config.warmup_steps)
        if self.config.schedule == "cosine":
            done = self.progress(step, elapsed_minutes)
            return rate * (LAST_SHARE + (1 - LAST_SHARE) * 0.5 * (1 + math.cos(math.pi * done)))
        return rate * self.plateau_scale

    def progress(self, step: int, elapsed_minutes: float) -> float:
        """The share of the training that is done, by steps or by time, whichever is further; at most 1."""
        by_steps = step / (self.config.epochs * self.config.steps_per_epoch)
        by_time = elapsed_minutes / self.config.max_minutes if self.config.max_minutes else 0.0
        return min(1.0, max(by_steps, by_time))

    def update(self, loss: float) -> None:
        """Count a validation loss: a plateau lowers the rate."""
        if loss < self.best_loss:
            self.best_loss, self.bad_epochs = loss, 0
            return
        self.bad_epochs += 1
        if self.config.schedule == "plateau" and self.bad_epochs > self.config.plateau_patience:
            self.plateau_scale *= self.config.plateau_factor
            self.bad_epochs = 0

    def forget_losses(self) -> None:
        """Reset the best loss; the rate stays as it is."""
        self.best_loss, self.bad_epochs = math.inf, 0

    def state_dict(self) -> dict[str, Any]:
        return {"plateau_scale": self.plateau_scale, "best_loss": self.best_loss, "bad_epochs": self.bad_epochs}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.plateau_scale, self.best_loss = state["plateau_scale"], state["best_loss"]
        self.bad_epochs = state["bad_epochs"]


@dataclass
class EarlyStopping:
    """Stops when the validation loss has not improved for ``patience`` epochs."""

    patience: int
    best_loss: float | None = None
    best_epoch: int = 0
    bad_epochs: int = 0

    def update(self, epoch: int, loss: float) -> bool:
        """Count an epoch's loss; True if it is the best so far, which NaN never is."""
        if loss == loss and (self.best_loss is None or loss < self.best_loss):
            self.best_loss, self.best_epoch, self.bad_epochs = loss, epoch, 0
            return True
        self.bad_epochs += 1
        return False

    def note_average(self, epoch: int, loss: float) -> None:
        """Count the loss of an average of models, made after some epoch; the patience stays as it is."""
        if self.best_loss is None or loss < self.best_loss:
            self.best_loss, self.best_epoch = loss, epoch

    @property
    def should_stop(self) -> bool:
        return self.bad_epochs >= self.patience

    def state_dict(self) -> dict[str, Any]:
        """All but the patience, which may be changed when a run is resumed."""
        return {k: v for k, v in asdict(self).items() if k != "patience"}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best_loss, self.best_epoch = state["best_loss"], state["best_epoch"]
        self.bad_epochs = state["bad_epochs"]
