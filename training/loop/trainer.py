"""The training loop: fit -> _train_epoch -> _train_step, _judge, state_dict. Plain PyTorch on Fabric.

The loop announces events and knows nobody who listens. What a step changes is the ``Learner``'s; excerpts are numbered,
so a resumed run sees what the uninterrupted one would have seen.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import torch
from lightning.fabric import Fabric

from separator.errors import CheckpointError, SeparatorError
from separator.model.checkpoint import read_checkpoint, save_checkpoint
from separator.model.crnn import CRNN
from training.config import TrainConfig, model_config_of
from training.data.loader import Batches
from training.data.training_data import Material, validation_excerpts
from training.loop.fabric import autocast_dtype, make_fabric, precision_of, sum_over_processes
from training.loop.previews import Previewer
from training.loop.progress import Progress, peak_memory_mb
from training.loop.schedule import EarlyStopping, Schedule
from training.loop.train_step import Batch, Learner
from training.loop.validation import Evaluator, Scores, fingerprint_of
from training.loop.weight_averaging import BestModels
from training.runs.events import Announcer, Listener
from training.runs.folder import RunFolder

HEARTBEAT_SECONDS = 5.0
SHORTEST_EPOCH_SECONDS = 1e-3
MOST_BAD_STEPS = 5
"""After so many non-finite steps in a row the weights are taken back to the last good epoch's."""
MOST_OVERFLOWS = 25
"""The same where a gradient scaler is used, which halves its scale at each of them until the gradients fit."""
MOST_ROLLBACKS = 5


class Trainer:
    """Trains one model in one run folder.

    Args:
        resume: the content of a ``last.pth`` (all of its state goes on) or the model and weights of any checkpoint
            (fine-tuning).
        should_stop: asked after every step, besides the run folder's STOP file.
        fabric: this process's part of a job that was launched already.
    """

    def __init__(
        self,
        config: TrainConfig,
        material: Material,
        run: RunFolder,
        listeners: Sequence[Listener] = (),
        resume: dict[str, Any] | None = None,
        should_stop: Callable[[], bool] = lambda: False,
        fabric: Fabric | None = None,
    ) -> None:
        torch.manual_seed(config.seed)
        self.fabric = fabric = fabric or make_fabric(config)
        self.config = config
        self.material = material
        self.run = run
        self.announce = Announcer(listeners if fabric.is_global_zero else ())
        self.should_stop = should_stop
        self.precision = precision_of(config.precision, fabric.device.type)
        self.learner = Learner(fabric, config, CRNN(model_config_of(config, resume)))
        stft_config = self.learner.crnn.config.stft
        excerpts = validation_excerpts(material, config.valid_seconds, config.valid_excerpts)
        self.validated_on = fingerprint_of(excerpts, config.loss)
        self.evaluator = Evaluator(
            excerpts,
            stft_config,
            self.learner.loss,
            autocast=autocast_dtype(self.precision),
            select_by=config.select_by,
            fabric=fabric,
            heartbeat=self._beat,
        )
        self.previewer = Previewer(run.path / "previews", excerpts, stft_config)
        self.batches = Batches(material, config, stft_config.sample_rate, fabric)
        self.best_models = BestModels(run.path / "kept", config.average_best)
        self.schedule = Schedule(config)
        self.stopping = EarlyStopping(config.patience)
        self.progress = Progress()
        self._is_resumed = resume is not None and "optimizer" in resume
        if resume is not None:
            self.learner.load_weights(resume["weights"])
        if resume is not None and self._is_resumed:
            self.load_state_dict(resume)
        self._counts_anew = self._is_resumed and resume is not None and resume.get("validated_on") != self.validated_on
        self._good = self.state_dict()
        self._bad_in_a_row = 0
        self._last_beat = time.monotonic()
        self._begun = time.monotonic() - self.progress.elapsed_seconds

    def fit(self) -> str:
        """Train until told to stop, or nothing improves, or epochs or time are over.

        Returns:
            "stopped", "early_stopping", "epochs" or "time".
        """
        self._announce_start()
        if self._counts_anew:
            self._count_anew()
        self._last_beat = 0.0  # the first step is told at once
        self._save_last()  # whatever happens from here on, the run can be resumed
        reason = self._reason_to_end()
        while not reason:
            if self._train_epoch():
                self._judge()
                reason = self._reason_to_end()
            else:
                reason = "stopped"
        if reason != "stopped":
            self._try_average()
        self._good = self.state_dict()
        self._save_last()
        self.announce("stopped" if reason == "stopped" else "finished", reason=reason)
        return reason

    def _count_anew(self) -> None:
        """Score the resumed weights, and the best ones of before, on validation songs that have changed.

        The better ones are the first best model on these songs, and patience begins again.
        """
        best = self._best_before()
        scores, model = self.evaluator.select_best([*self.learner.models, *([best[0]] if best else [])])
        record = {**self._record(scores), **(best[1] if best and model is best[0] else {})}
        self.stopping = EarlyStopping(self.config.patience)
        self.stopping.update(record["epoch"], scores.loss)
        self.schedule.forget_losses()
        self.schedule.update(scores.loss)
        self.progress.best_loss, self.progress.best_sdr_db = math.inf, -math.inf
        self.progress.note_scores(scores.loss, scores.sdr_db)
        if self.fabric.is_global_zero:
            self.best_models.clear()
            save_checkpoint(self.run.best_model, model, record)
        self._good = self.state_dict()
        values = {"valid_loss": scores.loss, "valid_sdr_db": scores.sdr_db, **self._patience_values()}
        self.announce("validation_changed", epoch=self.progress.epoch, **values)

    def _best_before(self) -> tuple[CRNN, dict[str, Any]] | None:
        """The best model of before, and the epoch it is of; the same in every process. None where there is none."""
        found: dict[str, Any] | None = None
        if self.fabric.is_global_zero and self.run.best_model.is_file():
            with suppress(CheckpointError):  # it may be damaged, and is not needed to go on
                found = read_checkpoint(self.run.best_model)
        found = self.fabric.broadcast(found)
        if found is None:
            return None
        model = CRNN(self.learner.crnn.config).to(self.fabric.device)
        model.load_state_dict(found["weights"])
        return model, {key: found["training"][key] for key in ("epoch", "step") if key in found["training"]}

    def _train_epoch(self) -> bool:
        """Steps until the epoch is whole or time is over; False if it was asked to stop before, with all of it kept."""
        steps_left = self.config.steps_per_epoch - self.progress.epoch_step
        batches = self.batches.take(self.progress.excerpts, steps_left * self.config.accumulate)
        self._epoch_begun, self._steps_before = time.monotonic(), self.progress.step
        for _ in range(steps_left):
            loss = self._train_step(batches)
            is_to_stop = self._agree_to_stop()
            self._beat(loss=loss)
            if is_to_stop:
                return False
            if self._is_time_up():
                break
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
        self._go_back_if_lost(is_good=loss is not None)
        return math.nan if loss is None else loss

    def _go_back_if_lost(self, is_good: bool) -> None:
        """After several non-finite steps in a row, take the weights back to the last good ones."""
        self._bad_in_a_row = 0 if is_good else self._bad_in_a_row + 1
        if self._bad_in_a_row < (MOST_BAD_STEPS if self.learner.scaler is None else MOST_OVERFLOWS):
            return
        self.learner.load_state_dict(self._good)
        self._bad_in_a_row = 0
        self.progress.rollbacks += 1
        if self.progress.rollbacks > MOST_ROLLBACKS:
            raise SeparatorError(
                f"the loss became NaN or infinite {self.progress.skipped_steps} times, even after going back "
                f"{MOST_ROLLBACKS} times; lower --learning_rate or use --precision 32-true"
            )

    def _judge(self) -> None:
        """Validate, keep the best, save, and tell."""
        # A coarse clock may not have moved since.
        seconds = max(time.monotonic() - self._epoch_begun, SHORTEST_EPOCH_SECONDS)
        steps = self.progress.step - self._steps_before
        train_loss = self.progress.end_epoch()
        scores, model = self.evaluator.select_best(self.learner.models)
        is_best = self._note_scores(scores)
        if self.fabric.is_global_zero:
            self.best_models.offer(model, self.evaluator.selection_score(scores), self._record(scores))
            if is_best:
                save_checkpoint(self.run.best_model, model, self._record(scores))
            self._preview(model)
        self._good = self.state_dict()
        self._save_last()
        self.announce("epoch", **self._epoch_values(train_loss, scores, seconds, steps), is_best=is_best)

    def _note_scores(self, scores: Scores) -> bool:
        """Tell early stopping and schedule; whether this is the best model so far."""
        is_best_loss = self.stopping.update(self.progress.epoch, scores.loss)
        self.schedule.update(scores.loss)
        is_best_sdr = scores.sdr_db > self.progress.best_sdr_db
        self.progress.note_scores(scores.loss, scores.sdr_db)
        return is_best_sdr if self.config.select_by == "sdr" else is_best_loss

    def _try_average(self) -> None:
        """The average of the best epochs' models takes the place of the best one, if it scores better."""
        weights = self.fabric.broadcast(self.best_models.average() if self.fabric.is_global_zero else None)
        if weights is None:
            return
        model = CRNN(self.learner.crnn.config).to(self.fabric.device)
        model.load_state_dict(weights)
        scores = self.evaluator.score(model)
        best = self.progress.best_sdr_db if self.config.select_by == "sdr" else -self.progress.best_loss
        is_better, epochs = self.evaluator.selection_score(scores) > best, self.best_models.epochs()
        if is_better:  # an epoch that is trained later has to beat it
            self.progress.note_scores(scores.loss, scores.sdr_db)
            self.stopping.note_average(self.progress.epoch, scores.loss)
        if is_better and self.fabric.is_global_zero:
            save_checkpoint(self.run.best_model, model, {**self._record(scores), "averaged_epochs": epochs})
        values = {"valid_loss": scores.loss, "valid_sdr_db": scores.sdr_db, "is_best": is_better}
        self.announce("averaged", epochs=epochs, **values)

    def _preview(self, model: CRNN) -> None:
        path, sdr_db = self.previewer.write(model, self.progress.epoch, self.fabric.device)
        self.announce("preview", epoch=self.progress.epoch, path=str(path.relative_to(self.run.path)), sdr_db=sdr_db)

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

    def _agree_to_stop(self) -> bool:
        """Look at the clock and at who wants to stop; every process gets the first one's time and the same answer."""
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
        """Take back what ``state_dict`` gave."""
        self.learner.load_state_dict(state)
        self.schedule.load_state_dict(state["schedule"])
        self.stopping.load_state_dict(state["stopping"])
        self.progress = Progress(**state["progress"])
        torch.set_rng_state(state["rng"])

    def _save_last(self) -> None:
        """Write ``last.pth``, from which the run can be resumed."""
        if self.fabric.is_global_zero:
            state = dict(self._good)
            model = CRNN(self.learner.crnn.config)
            model.load_state_dict(state.pop("weights"))
            save_checkpoint(self.run.last, model, self._record(None), config=self.config.to_dict(), **state)

    def _record(self, scores: Scores | None) -> dict[str, Any]:
        """What a checkpoint tells of how it was made."""
        return {
            "run_name": self.run.name,
            "epoch": self.progress.epoch,
            "step": self.progress.step,
            "loss": scores.loss if scores else None,
            "sdr_db": scores.sdr_db if scores else None,
            "target_sdr_db": self._by_target(scores) if scores else None,
            "minutes": self.progress.elapsed_seconds / 60,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "data": self.material.describe(),
            "seed": self.config.seed,
            "precision": self.precision,
            "losses": list(self.config.loss),
            "torch": str(torch.__version__),
        }

    def _epoch_values(self, train_loss: float, scores: Scores, seconds: float, steps: int) -> dict[str, Any]:
        config, progress = self.config, self.progress
        heard = steps * config.batch_size * config.accumulate * config.segment_seconds * self.fabric.world_size  # s
        return {
            "epoch": progress.epoch,
            "step": progress.step,
            "train_loss": train_loss,
            "valid_loss": scores.loss,
            "valid_sdr_db": scores.sdr_db,
            "target_sdr_db": self._by_target(scores),
            "learning_rate": self.learner.learning_rate,
            "seconds": seconds,
            "eta_seconds": progress.seconds_left(self.schedule),
            "audio_seconds_per_second": heard / seconds,
            "data_wait_share": self.batches.waited_seconds / seconds,
            "skipped_steps": progress.skipped_steps,
            "memory_mb": peak_memory_mb(),
            **self._patience_values(),
        }

    def _patience_values(self) -> dict[str, Any]:
        return {
            "best_epoch": self.stopping.best_epoch,
            "best_loss": self.stopping.best_loss,
            "bad_epochs": self.stopping.bad_epochs,
            "patience": self.stopping.patience,
        }

    def _announce_start(self) -> None:
        if self._is_resumed:
            self.announce("resumed", epoch=self.progress.epoch)
        floor, oracle = self.evaluator.score_mixture(), self.evaluator.score_ideal_mask()
        self.announce(
            "started",
            epochs=self.config.epochs,
            steps_per_epoch=self.config.steps_per_epoch,
            target=", ".join(self.config.target),
            targets=list(self.config.target),
            n_weights=self.learner.crnn.n_weights(),
            device=str(self.fabric.device),
            precision=self.precision,
            world_size=self.fabric.world_size,
            train_songs=len(self.material.pairs),
            valid_songs=len(self.material.valid),
            left_out=[f"{bad.path}: {bad.message}" for bad in self.material.bad],
            floor_sdr_db=floor.sdr_db,
            floor_loss=floor.loss,
            oracle_sdr_db=oracle.sdr_db,
            oracle_loss=oracle.loss,
            target_floor_sdr_db=self._by_target(floor),
            target_oracle_sdr_db=self._by_target(oracle),
        )

    def _by_target(self, scores: Scores) -> dict[str, float]:
        return dict(zip(self.config.target, scores.target_sdr_db, strict=True))

    def _beat(self, loss: float | None = None) -> None:
        """A sign of life now and then, for those who watch the folder; without a loss, that it validates."""
        now = time.monotonic()
        if now - self._last_beat <= HEARTBEAT_SECONDS:
            return
        self._last_beat = now
        progress = self.progress
        if loss is None:
            self.announce("validating", epoch=progress.epoch)
        else:
            steps = {"step": progress.step, "epoch_step": progress.epoch_step}
            self.announce("step", epoch=progress.epoch + 1, **steps, loss=loss)
