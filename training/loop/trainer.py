"""The training loop: fit -> _train_epoch -> _train_step; then _finish_epoch. Plain PyTorch on Fabric.

The loop emits events. What a step changes belongs to the ``Learner``; excerpts are numbered, so a resumed run trains on
the same ones as the uninterrupted one.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import torch
from lightning.fabric import Fabric

from separator.model import CRNN, save_checkpoint
from training.config import TrainConfig
from training.data.loader import Batch, Batches
from training.data.training_data import TrainingData, validation_excerpts
from training.loop.fabric import broadcast_from_rank_zero, make_fabric, sum_over_processes
from training.loop.initial_weights import make_model_config
from training.loop.previews import Previewer
from training.loop.progress import EpochTiming, TrainingCounters, make_epoch_done, make_record, make_started
from training.loop.schedule import EarlyStopping, Schedule
from training.loop.train_step import Learner
from training.loop.validation import Evaluator, Scores, fingerprint_excerpts
from training.loop.weight_averaging import BestModels, read_if_valid
from training.runs.events import (
    Averaged,
    EventBus,
    Finished,
    Listener,
    PreviewWritten,
    Resumed,
    StepDone,
    Stopped,
    Validating,
    ValidationChanged,
)
from training.runs.folder import RunFolder

SHORTEST_EPOCH_SECONDS = 1e-3


class Trainer:
    """Trains one model in one run folder.

    Args:
        resume: the content of a ``last.pth`` (all of its state goes on) or the model and weights of any checkpoint
            (fine-tuning).
        should_stop: called after every step, besides looking for the run folder's STOP file.
        fabric: this process's part of a job that was launched already.
    """

    def __init__(
        self,
        config: TrainConfig,
        data: TrainingData,
        run: RunFolder,
        listeners: Sequence[Listener] = (),
        resume: dict[str, Any] | None = None,
        should_stop: Callable[[], bool] = lambda: False,
        fabric: Fabric | None = None,
    ) -> None:
        torch.manual_seed(config.seed)
        self.fabric = fabric = fabric or make_fabric(config)
        self.config = config
        self.data = data
        self.run = run
        self.events = EventBus(listeners if fabric.is_global_zero else ())
        self.should_stop = should_stop
        self.learner = Learner(fabric, config, CRNN(make_model_config(config, resume)))
        stft_config = self.learner.crnn.config.stft
        excerpts = validation_excerpts(data, config.valid_seconds, config.valid_excerpts)
        self.validated_on = fingerprint_excerpts(excerpts, config.loss)
        self.evaluator = Evaluator(
            excerpts,
            stft_config,
            self.learner.loss,
            select_by=config.select_by,
            fabric=fabric,
            heartbeat=lambda: self.events.emit_heartbeat(Validating(epoch=self.progress.epoch)),
        )
        self.previewer = Previewer(run.previews, excerpts, stft_config)
        self.batches = Batches(data, config, stft_config.sample_rate, fabric)
        self.best_models = BestModels(run.path / "kept", config.average_best)
        self.schedule = Schedule(config, config.learning_rate)
        self.stopping = EarlyStopping(config.patience)
        self.progress = TrainingCounters()
        resume = resume or {}
        self._is_resumed = "optimizer" in resume
        if self._is_resumed:
            self.load_state_dict(resume)
        elif resume:
            self.learner.load_weights(resume["weights"])
        self._is_validation_changed = self._is_resumed and resume.get("validated_on") != self.validated_on
        self._last_good = self.state_dict()
        self._n_bad_in_a_row = 0
        self._timing = EpochTiming()
        self._begun = time.monotonic() - self.progress.elapsed_seconds

    def fit(self) -> str:
        """Train until a stop is requested, nothing improves, or epochs or time are over.

        Returns:
            "stopped", "early_stopping", "epochs" or "time".
        """
        if self._is_resumed:
            self.events.emit(Resumed(epoch=self.progress.epoch))
        self.events.emit(make_started(self.config, self.learner, self.data, self.evaluator))
        if self._is_validation_changed:
            self._restart_selection()
        self._save_last()  # from here on the run can be resumed
        reason = self._reason_to_end()
        while not reason:
            if self._train_epoch():
                self._finish_epoch()
                reason = self._reason_to_end()
            else:
                reason = "stopped"
        if reason != "stopped":
            self._try_best_average()
        self._save_last()
        self.events.emit(Stopped() if reason == "stopped" else Finished(reason=reason))
        return reason

    def _restart_selection(self) -> None:
        """Score the resumed weights, and the best ones of before, on validation songs that have changed.

        The better ones are the first best model on these songs, and patience begins again.
        """
        best = self._read_best()
        scores, model = self.evaluator.select_best([*self.learner.models, *([best[0]] if best else [])])
        record = {**self._record(scores), **(best[1] if best and model is best[0] else {})}
        self.stopping = EarlyStopping(self.config.patience)
        self.stopping.update(record["epoch"], scores.loss)
        self.schedule.forget_losses()
        self.schedule.update(scores.loss)
        self.progress.best_loss, self.progress.best_sdr_db = math.inf, -math.inf
        self.progress.update_best(scores.loss, scores.sdr_db)
        if self.fabric.is_global_zero:
            self.best_models.clear()
            save_checkpoint(self.run.best_model, model, record)
        values = {"valid_loss": scores.loss, "valid_sdr_db": scores.sdr_db, **asdict(self.stopping)}
        self.events.emit(ValidationChanged(epoch=self.progress.epoch, **values))

    def _read_best(self) -> tuple[CRNN, dict[str, Any]] | None:
        """The best model so far, and its epoch and step; the same in every process. None where there is none."""
        found = broadcast_from_rank_zero(self.fabric, lambda: read_if_valid(self.run.best_model))
        if found is None:
            return None
        return self.learner.make_model(found["weights"]), {
            key: found["training"][key] for key in ("epoch", "step") if key in found["training"]
        }

    def _train_epoch(self) -> bool:
        """Train until the epoch is whole or time is over; False if a stop was requested before, which loses no step."""
        steps_left = self.config.steps_per_epoch - self.progress.epoch_step
        batches = self.batches.take(self.progress.excerpts, steps_left * self.config.accumulate)
        begun, first_step = time.monotonic(), self.progress.step
        for _ in range(steps_left):
            loss = self._train_step(batches)
            is_stopping = self._synchronise_stop()
            epoch, step, epoch_step = self.progress.epoch + 1, self.progress.step, self.progress.epoch_step
            self.events.emit_heartbeat(StepDone(epoch=epoch, step=step, epoch_step=epoch_step, loss=loss))
            if is_stopping:
                return False
            if self._is_time_up():
                break
        seconds = max(time.monotonic() - begun, SHORTEST_EPOCH_SECONDS)  # a coarse clock may stand still
        self._timing = EpochTiming(seconds, self.progress.step - first_step, self.batches.waited_seconds)
        return True

    def _train_step(self, batches: Iterator[Batch]) -> float:
        """One update of the weights from ``accumulate`` batches; all processes' mean loss, NaN if it was skipped."""
        config, world_size = self.config, self.fabric.world_size
        rate = self.schedule.learning_rate(self.progress.step, self.progress.elapsed_seconds / 60)
        loss = self.learner.step([next(batches) for _ in range(config.accumulate)], rate)
        if loss is not None:
            loss = sum_over_processes(self.fabric, loss) / world_size
        excerpts = config.batch_size * config.accumulate * world_size
        self.progress.count_step(math.nan if loss is None else loss, excerpts)
        self._rollback_if_diverged(is_good=loss is not None)
        return math.nan if loss is None else loss

    def _rollback_if_diverged(self, is_good: bool) -> None:
        """After several non-finite steps in a row, restore the last good state."""
        self._n_bad_in_a_row = 0 if is_good else self._n_bad_in_a_row + 1
        if self._n_bad_in_a_row < self.learner.most_bad_steps:
            return
        self.learner.load_state_dict(self._last_good)
        self._n_bad_in_a_row = 0
        self.progress.count_rollback()

    def _finish_epoch(self) -> None:
        """Validate, update patience and learning rate, save, write the preview, report."""
        train_loss = self.progress.end_epoch()
        scores, model = self.evaluator.select_best(self.learner.models)
        is_best = self._update_best(scores)
        if self.fabric.is_global_zero:
            self._keep(model, scores, is_best)
            self._write_preview(model)
        self._save_last()
        values = {"train_loss": train_loss, "is_best": is_best, **asdict(self.stopping)}
        self.events.emit(
            make_epoch_done(self.config, self.learner, self.progress, self.schedule, self._timing, scores, **values)
        )

    def _update_best(self, scores: Scores) -> bool:
        """Update patience, learning rate and best scores; whether these are the best so far."""
        is_best_loss = self.stopping.update(self.progress.epoch, scores.loss)
        self.schedule.update(scores.loss)
        is_best_sdr = scores.sdr_db > self.progress.best_sdr_db
        self.progress.update_best(scores.loss, scores.sdr_db)
        return is_best_sdr if self.config.select_by == "sdr" else is_best_loss

    def _keep(self, model: CRNN, scores: Scores, is_best: bool) -> None:
        record = self._record(scores)
        self.best_models.offer(model, self.evaluator.selection_score(scores), record)
        if is_best:
            save_checkpoint(self.run.best_model, model, record)

    def _try_best_average(self) -> None:
        """The average of the best epochs' models takes the place of the best one, if it scores better."""
        weights = self.fabric.broadcast(self.best_models.average() if self.fabric.is_global_zero else None)
        if weights is None:
            return
        model = self.learner.make_model(weights)
        scores = self.evaluator.score(model)
        best = self.progress.best_sdr_db if self.config.select_by == "sdr" else -self.progress.best_loss
        is_better, epochs = self.evaluator.selection_score(scores) > best, self.best_models.epochs()
        if is_better:  # an epoch that is trained later has to beat it
            self.progress.update_best(scores.loss, scores.sdr_db)
            self.stopping.note_average(self.progress.epoch, scores.loss)
        if is_better and self.fabric.is_global_zero:
            save_checkpoint(self.run.best_model, model, {**self._record(scores), "averaged_epochs": epochs})
        values = {"valid_loss": scores.loss, "valid_sdr_db": scores.sdr_db}
        self.events.emit(Averaged(epochs=epochs, **values, is_best=is_better))

    def _write_preview(self, model: CRNN) -> None:
        path, sdr_db = self.previewer.write(model, self.progress.epoch, self.fabric.device)
        relative = str(path.relative_to(self.run.path))
        self.events.emit(PreviewWritten(epoch=self.progress.epoch, path=relative, sdr_db=sdr_db))

    def _reason_to_end(self) -> str:
        """Why no further epoch should be trained; empty if one should."""
        if self.stopping.should_stop:
            return "early_stopping"
        if self.progress.epoch >= self.config.epochs:
            return "epochs"
        return "time" if self._is_time_up() else ""

    def _is_time_up(self) -> bool:
        limit = self.config.max_minutes * 60
        return bool(limit) and self.progress.elapsed_seconds >= limit

    def _synchronise_stop(self) -> bool:
        """Whether any process requests a stop; sets the elapsed time of all processes to that of the first."""
        wanted = self.should_stop() or (self.fabric.is_global_zero and self.run.stop_requested())
        elapsed = time.monotonic() - self._begun
        self.progress.elapsed_seconds = sum_over_processes(self.fabric, elapsed if self.fabric.is_global_zero else 0.0)
        return sum_over_processes(self.fabric, float(wanted)) > 0

    def state_dict(self) -> dict[str, Any]:
        """A copy of everything that changes while training."""
        return {
            **self.learner.state_dict(),
            "schedule": self.schedule.state_dict(),
            "stopping": self.stopping.state_dict(),
            "progress": self.progress.to_dict(),
            "validated_on": self.validated_on,
            "rng": torch.get_rng_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state of ``state_dict``."""
        self.learner.load_state_dict(state)
        self.schedule.load_state_dict(state["schedule"])
        self.stopping.load_state_dict(state["stopping"])
        self.progress = TrainingCounters(**state["progress"])
        torch.set_rng_state(state["rng"])

    def _save_last(self) -> None:
        """Keep the state to roll back to, and write it as ``last.pth``, from which the run can be resumed."""
        self._last_good = self.state_dict()
        if self.fabric.is_global_zero:
            state = dict(self._last_good)
            model = self.learner.make_model(state.pop("weights"))
            save_checkpoint(self.run.last, model, self._record(None), config=self.config.to_dict(), **state)

    def _record(self, scores: Scores | None) -> dict[str, Any]:
        return make_record(self.config, self.run.name, self.data, self.learner.precision, self.progress, scores)
