"""How far a training is: its counters, and what checkpoints and events contain of it."""

import math
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import torch

from separator.errors import SeparatorError
from training.config import TrainConfig
from training.data.training_data import TrainingData
from training.loop.schedule import Schedule
from training.loop.train_step import Learner
from training.loop.validation import Evaluator, Scores
from training.runs.events import EpochDone, Started

MOST_ROLLBACKS = 5


@dataclass
class TrainingCounters:
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
    """Number of the next excerpt to train on."""
    skipped_steps: int = 0
    rollbacks: int = 0
    elapsed_seconds: float = 0.0
    best_sdr_db: float = -math.inf
    best_loss: float = math.inf

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def count_step(self, loss: float, excerpts: int) -> None:
        """Count a step; a loss of NaN means that it was skipped."""
        self.step += 1
        self.epoch_step += 1
        self.excerpts += excerpts
        if math.isnan(loss):
            self.skipped_steps += 1
        else:
            self.epoch_loss += loss
            self.epoch_losses += 1

    def count_rollback(self) -> None:
        """Raises SeparatorError after too many rollbacks."""
        self.rollbacks += 1
        if self.rollbacks > MOST_ROLLBACKS:
            raise SeparatorError(
                f"the loss became NaN or infinite {self.skipped_steps} times, even after going back "
                f"{MOST_ROLLBACKS} times; lower --learning_rate or use --precision 32-true"
            )

    def end_epoch(self) -> float:
        """Start the next epoch; returns the mean loss of the one that ends."""
        mean = self.epoch_loss / self.epoch_losses if self.epoch_losses else math.nan
        self.epoch += 1
        self.epoch_step, self.epoch_loss, self.epoch_losses = 0, 0.0, 0
        return mean

    def update_best(self, loss: float, sdr_db: float) -> None:
        """Update the best validation scores; NaN is never the best."""
        self.best_loss = min(self.best_loss, loss)
        self.best_sdr_db = max(self.best_sdr_db, sdr_db)

    def seconds_left(self, schedule: Schedule) -> float | None:
        """How long the rest will take if it goes on like this and is not ended early; None before the first step."""
        done = schedule.progress(self.step, self.elapsed_seconds / 60)
        return self.elapsed_seconds * (1 - done) / done if done else None


@dataclass(frozen=True)
class EpochTiming:
    """Of the training steps of one epoch, in this process."""

    seconds: float = 0.0
    steps: int = 0
    waited_seconds: float = 0.0
    """For batches."""


def make_record(
    config: TrainConfig,
    run_name: str,
    data: TrainingData,
    precision: str,
    progress: TrainingCounters,
    scores: Scores | None,
) -> dict[str, Any]:
    """The training record of a checkpoint; without scores where it was not validated."""
    return {
        "run_name": run_name,
        "epoch": progress.epoch,
        "step": progress.step,
        "loss": scores.loss if scores else None,
        "sdr_db": scores.sdr_db if scores else None,
        "target_sdr_db": _by_target(config, scores) if scores else None,
        "minutes": progress.elapsed_seconds / 60,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": data.describe(),
        "seed": config.seed,
        "precision": precision,
        "losses": list(config.loss),
        "torch": str(torch.__version__),
    }


def make_started(config: TrainConfig, learner: Learner, data: TrainingData, evaluator: Evaluator) -> Started:
    """The event, with the scores of the mixture itself and of the ideal mask."""
    floor, ideal = evaluator.score_mixture(), evaluator.score_ideal_mask()
    return Started(
        epochs=config.epochs,
        steps_per_epoch=config.steps_per_epoch,
        target=", ".join(config.target),
        targets=list(config.target),
        n_weights=learner.crnn.n_weights(),
        device=str(learner.fabric.device),
        precision=learner.precision,
        world_size=learner.fabric.world_size,
        train_songs=len(data.pairs),
        valid_songs=len(data.valid),
        left_out=[f"{file.path}: {file.message}" for file in data.unreadable],
        floor_sdr_db=floor.sdr_db,
        floor_loss=floor.loss,
        oracle_sdr_db=ideal.sdr_db,
        oracle_loss=ideal.loss,
        target_floor_sdr_db=_by_target(config, floor),
        target_oracle_sdr_db=_by_target(config, ideal),
    )


def make_epoch_done(
    config: TrainConfig,
    learner: Learner,
    progress: TrainingCounters,
    schedule: Schedule,
    timing: EpochTiming,
    scores: Scores,
    **values: Any,
) -> EpochDone:
    """The event; ``values`` are those of its fields that do not follow from the rest."""
    excerpts = timing.steps * config.batch_size * config.accumulate * learner.fabric.world_size
    return EpochDone(
        epoch=progress.epoch,
        step=progress.step,
        valid_loss=scores.loss,
        valid_sdr_db=scores.sdr_db,
        target_sdr_db=_by_target(config, scores),
        learning_rate=learner.learning_rate,
        seconds=timing.seconds,
        eta_seconds=progress.seconds_left(schedule),
        audio_seconds_per_second=excerpts * config.segment_seconds / timing.seconds,
        data_wait_share=timing.waited_seconds / timing.seconds,
        skipped_steps=progress.skipped_steps,
        memory_mb=peak_memory_mb(),
        **values,
    )


def _by_target(config: TrainConfig, scores: Scores) -> dict[str, float]:
    return dict(zip(config.target, scores.target_sdr_db, strict=True))


def peak_memory_mb() -> float:
    """The most memory that this process has used; NaN where the system has no such figure."""
    try:
        import resource
    except ImportError:  # Windows
        return math.nan
    units_per_mb = 2**20 if sys.platform == "darwin" else 2**10  # bytes on macOS, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / units_per_mb
