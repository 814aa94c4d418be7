"""Patience on the validation loss, and what a person is told of it."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class EarlyStopping:
    """Stops when the validation loss has not improved for ``patience`` epochs."""

    patience: int
    best_loss: float | None = None
    best_epoch: int = 0
    bad_epochs: int = 0

    def update(self, epoch: int, loss: float) -> bool:
        """Take note of an epoch's loss; True if it is the best so far. A loss that is not a number is not."""
        if loss == loss and (self.best_loss is None or loss < self.best_loss):
            self.best_loss, self.best_epoch, self.bad_epochs = loss, epoch, 0
            return True
        self.bad_epochs += 1
        return False

    def note_average(self, epoch: int, loss: float) -> None:
        """Take note of the loss of an average of models, made after some epoch; it leaves the patience as it is."""
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
