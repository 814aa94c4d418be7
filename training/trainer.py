"""The training loop: fit -> _train_epoch -> _train_step, _validate, _save and _restore. Plain PyTorch on Fabric.

The loop announces events and knows nobody who listens. Everything that changes is in ``_state``, which saving and
restoring share; excerpts are numbered, so a resumed run sees what the uninterrupted one would have seen.
"""

import copy
import math
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from separator.checkpoint import FORMAT_VERSION, save_checkpoint
from separator.config import ModelConfig
from separator.errors import SeparatorError
from separator.model import CRNN
from separator.stft import stft
from training.config import TrainConfig, weighted
from training.early_stopping import EarlyStopping
from training.engine import autocast_dtype, make_fabric, precision_of
from training.events import Event, Listener, make_event
from training.losses import combined
from training.material import Material, validation_excerpts
from training.previews import Previewer
from training.remix import EpochSampler, Excerpts
from training.run import RunFolder
from training.schedule import Schedule
from training.validation import Scores, Validator
from training.weight_average import WeightAverage

HEARTBEAT_SECONDS = 5.0
MOST_BAD_STEPS = 5
"""After so many non-finite steps in a row the weights are taken back to the last good epoch's."""

Batch = list[Tensor]


@dataclass
class Progress:
    """How far a run is: the counters that a checkpoint carries."""

    epoch: int = 0
    step: int = 0
    skipped_steps: int = 0
    rollbacks: int = 0
    elapsed_seconds: float = 0.0
    best_sdr_db: float = -math.inf
    best_loss: float = math.inf


class Trainer:
    """Trains one model in one run folder.

    Args:
        resume: the content of a ``last.pth`` (all of its state goes on) or of any checkpoint (its weights only:
            fine-tuning); see ``training.resume``.
        should_stop: asked after every step, besides the run folder's STOP file.
    """

    def __init__(
        self,
        config: TrainConfig,
        material: Material,
        run: RunFolder,
        listeners: Sequence[Listener] = (),
        resume: dict[str, Any] | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.material = material
        self.run = run
        self.listeners = listeners
        self.should_stop = should_stop
        self.fabric = make_fabric(config)
        self.precision = precision_of(config.precision, self.fabric.device.type)
        model = CRNN(_model_config(config, resume)).to(memory_format=torch.channels_last)
        optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
        self.crnn = model
        self.model, self.optimizer = self.fabric.setup(model, optimizer)
        self.average = WeightAverage(model, config.ema_decay) if config.ema_decay else None
        self.schedule = Schedule(config)
        self.stopping = EarlyStopping(config.patience)
        self.progress = Progress()
        self.loss = combined([weighted(item) for item in config.loss])
        stft_config = model.config.stft
        self.grid = (stft_config.n_fft, stft_config.hop_length)
        excerpts = validation_excerpts(material, config.valid_seconds, config.valid_excerpts)
        self.validator = Validator(excerpts, stft_config, self.loss)
        self.previewer = Previewer(run.path / "previews", excerpts, stft_config)
        self.sampler = EpochSampler(
            config.batch_size, config.steps_per_epoch * config.accumulate, self.fabric.global_rank, self.fabric.world_size
        )
        self.loader = self._make_loader()
        self._resumed = resume is not None and "optimizer" in resume
        self._bad_in_a_row = 0
        self._last_beat = 0.0
        self._waited = 0.0
        if resume is not None:
            self._restore(resume)
        self._good = self._state()

    def fit(self) -> str:
        """Train until told to stop, or nothing improves, or epochs or time are over.

        Returns:
            "stopped", "early_stopping", "epochs" or "time".
        """
        self._announce_start()
        started = time.monotonic() - self.progress.elapsed_seconds
        reason = ""
        while not reason:
            reason = self._next_reason()
            if reason:
                break
            begun, step_before = time.monotonic(), self.progress.step
            train_loss = self._train_epoch(started)
            if train_loss is None:
                reason = "stopped"
                break
            self.progress.epoch += 1
            self._judge(train_loss, time.monotonic() - begun, self.progress.step - step_before)
        self.progress.elapsed_seconds = time.monotonic() - started
        self._save_last()
        self._announce("stopped" if reason == "stopped" else "finished", reason=reason)
        return reason

    def _next_reason(self) -> str:
        """Why no further epoch should be trained; empty if one should."""
        if self.stopping.should_stop:
            return "early_stopping"
        if self.progress.epoch >= self.config.epochs:
            return "epochs"
        if self._time_is_up():
            return "time"
        return ""

    def _train_epoch(self, started: float) -> float | None:
        """One pass of ``steps_per_epoch`` steps; the mean loss, or None if it was asked to stop.

        A stopped epoch is trained anew when the run is resumed, so that its excerpts are those it would have had.
        """
        self.model.train()
        self.sampler.epoch = self.progress.epoch
        self._waited = 0.0
        total, counted = 0.0, 0
        batches = self._timed_batches()
        for _ in range(self.config.steps_per_epoch):
            self.progress.elapsed_seconds = time.monotonic() - started
            loss = self._train_step(batches)
            if math.isfinite(loss):
                total, counted = total + loss, counted + 1
            self._beat(loss)
            if self._stop_agreed():
                return None
        return total / counted if counted else math.nan

    def _train_step(self, batches: Iterator[Batch]) -> float:
        """One update of the weights from ``accumulate`` batches; the mean loss, NaN if the step was skipped."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.learning_rate(self.progress.step, self.progress.elapsed_seconds / 60)
        total = torch.zeros((), device=self.fabric.device)
        for i in range(self.config.accumulate):
            is_last = i == self.config.accumulate - 1
            with self.fabric.no_backward_sync(self.model, enabled=not is_last):
                loss = self._loss_of(next(batches)) / self.config.accumulate
                self.fabric.backward(loss)
                total += loss.detach()
        norm = self.fabric.clip_gradients(
            self.model, self.optimizer, max_norm=self.config.clip_norm, error_if_nonfinite=False
        )
        self.progress.step += 1
        # Gradients are the same on every rank once they are summed, so all ranks decide alike.
        is_good = bool(torch.isfinite(torch.as_tensor(norm)))
        if is_good or self.scaler is not None:  # a scaler skips by itself, and must be told to lower its scale
            self.optimizer.step()
        self.optimizer.zero_grad()
        self._note_step(is_good)
        return float(total) if is_good else math.nan

    def _loss_of(self, batch: Batch) -> Tensor:
        target, rest, band_hz = (tensor.to(self.fabric.device) for tensor in batch)
        target_spectrum, rest_spectrum = stft(target, *self.grid), stft(rest, *self.grid)
        mixture = target_spectrum + rest_spectrum
        mask = self.model(mixture.abs())
        # Above the band of a source recorded at a low rate nobody knows what the target would have been.
        hz = torch.linspace(0, self.crnn.config.stft.sample_rate / 2, mixture.shape[1], device=mixture.device)
        known = (hz <= band_hz.unsqueeze(1)).unsqueeze(2)
        with torch.autocast(mixture.device.type, enabled=False):
            return self.loss(mask.float(), mixture * known, target_spectrum * known).mean()

    def _note_step(self, is_good: bool) -> None:
        """Count a non-finite step, and go back to the last good weights after several in a row."""
        if is_good:
            self._bad_in_a_row = 0
            if self.average is not None:
                self.average.update(self.crnn)
            return
        self.progress.skipped_steps += 1
        self._bad_in_a_row += 1
        if self._bad_in_a_row >= MOST_BAD_STEPS and self.scaler is None:
            counters = copy.copy(self.progress)
            self._restore(self._good)
            counters.rollbacks += 1
            self.progress, self._bad_in_a_row = counters, 0
            if counters.rollbacks > MOST_BAD_STEPS:
                raise SeparatorError(
                    f"the loss became NaN or infinite {counters.skipped_steps} times, even after going back "
                    f"{counters.rollbacks} times; lower --learning_rate or use --precision 32-true"
                )

    def _judge(self, train_loss: float, seconds: float, steps: int) -> None:
        """Validate, keep the best, save, and tell."""
        scores, model = self._validate()
        is_best_loss = self.stopping.update(self.progress.epoch, scores.loss)
        self.schedule.update(scores.loss)
        is_best_sdr = scores.sdr_db > self.progress.best_sdr_db
        self.progress.best_sdr_db = max(self.progress.best_sdr_db, scores.sdr_db)
        if is_best_loss:
            self.progress.best_loss = scores.loss
        is_best = is_best_sdr if self.config.select_by == "sdr" else is_best_loss
        if self.fabric.is_global_zero:
            if is_best:
                save_checkpoint(self.run.best_model, model, self._record(scores))
            self._preview(model)
        self._good = self._state()
        self._save_last()
        self._announce("epoch", **self._epoch_values(train_loss, scores, seconds, steps), is_best=is_best)

    def _validate(self) -> tuple[Scores, CRNN]:
        """The scores of the weights or of their average, whichever are better, and the model that has them."""
        candidates = [self.crnn] if self.average is None else [self.crnn, self.average.model]
        judged = [(self._scores_of(model), model) for model in candidates]
        if self.config.select_by == "sdr":
            return max(judged, key=lambda pair: pair[0].sdr_db)
        return min(judged, key=lambda pair: pair[0].loss)

    def _scores_of(self, model: CRNN) -> Scores:
        model.eval()
        share = slice(self.fabric.global_rank, None, self.fabric.world_size)
        sums = self.validator.model_sums(model, self.fabric.device, autocast_dtype(self.precision), share)
        if self.fabric.world_size > 1:
            reduced = self.fabric.all_reduce(sums.to(self.fabric.device), reduce_op="sum")
            sums = torch.as_tensor(reduced).cpu()
        model.train()
        return self.validator.scores(sums)

    def _preview(self, model: CRNN) -> None:
        path, sdr_db = self.previewer.write(model, self.progress.epoch, self.fabric.device)
        self._announce("preview", epoch=self.progress.epoch, path=str(path.relative_to(self.run.path)), sdr_db=sdr_db)

    def _make_loader(self) -> "DataLoader[Any]":
        return DataLoader(
            Excerpts(self.material, self.config, self.crnn.config.stft.sample_rate),
            batch_size=self.config.batch_size,
            sampler=self.sampler,
            num_workers=self.config.workers,
            persistent_workers=self.config.workers > 0,
            prefetch_factor=4 if self.config.workers else None,
            multiprocessing_context=_worker_context() if self.config.workers else None,
            pin_memory=self.fabric.device.type == "cuda",
        )

    def _timed_batches(self) -> Iterator[Batch]:
        batches = iter(self.loader)
        while True:
            begun = time.monotonic()
            try:
                batch = next(batches)
            except StopIteration:
                return
            self._waited += time.monotonic() - begun
            yield batch

    def _stop_agreed(self) -> bool:
        """Whether any rank was asked to stop, or the time is up: the same answer on every rank."""
        wanted = self.should_stop() or (self.fabric.is_global_zero and self.run.stop_requested())
        if self.fabric.world_size == 1:
            return wanted
        flag = self.fabric.all_reduce(torch.tensor(float(wanted), device=self.fabric.device), reduce_op="sum")
        return bool(flag)

    def _time_is_up(self) -> bool:
        limit = self.config.max_minutes * 60
        up = bool(limit) and self.progress.elapsed_seconds >= limit
        return bool(self.fabric.broadcast(up)) if self.fabric.world_size > 1 else up

    @property
    def scaler(self) -> Any:
        """The gradient scaler of FP16, or None."""
        return getattr(self.fabric._precision, "scaler", None)

    def _state(self) -> dict[str, Any]:
        """Everything that changes while training; what ``_restore`` takes."""
        return copy.deepcopy(
            {
                "weights": self.crnn.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "scaler": self.scaler.state_dict() if self.scaler else None,
                "average": self.average.model.state_dict() if self.average else None,
                "schedule": self.schedule.state_dict(),
                "stopping": self.stopping.state_dict(),
                "progress": dict(vars(self.progress)),
                "rng": torch.get_rng_state(),
            }
        )

    def _restore(self, state: dict[str, Any]) -> None:
        """Take back what ``_state`` gave; of a checkpoint without an optimizer, the weights only."""
        self.crnn.load_state_dict({name: value.float() for name, value in state["weights"].items()})
        if self.average is not None:
            self.average.model.load_state_dict(state.get("average") or self.crnn.state_dict())
        if "optimizer" not in state:
            return
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scaler is not None and state["scaler"]:
            self.scaler.load_state_dict(state["scaler"])
        self.schedule.load_state_dict(state["schedule"])
        self.stopping.load_state_dict(state["stopping"])
        self.progress = Progress(**state["progress"])
        torch.set_rng_state(state["rng"])

    def _save_last(self) -> None:
        """Write ``last.pth``: the state at the end of the last whole epoch."""
        if not self.fabric.is_global_zero:
            return
        state = dict(self._good)
        state["progress"] = {**state["progress"], "elapsed_seconds": self.progress.elapsed_seconds}
        model = copy.deepcopy(self.crnn)
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
            "minutes": self.progress.elapsed_seconds / 60,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "data": self.material.describe(),
            "seed": self.config.seed,
            "precision": self.precision,
            "losses": list(self.config.loss),
            "torch": torch.__version__,
            "format": FORMAT_VERSION,
        }

    def _epoch_values(self, train_loss: float, scores: Scores, seconds: float, steps: int) -> dict[str, Any]:
        config, progress = self.config, self.progress
        heard = steps * config.batch_size * config.accumulate * config.segment_seconds * self.fabric.world_size
        done = self.schedule.progress(progress.step, progress.elapsed_seconds / 60)
        return {
            "epoch": progress.epoch,
            "step": progress.step,
            "train_loss": train_loss,
            "valid_loss": scores.loss,
            "valid_sdr_db": scores.sdr_db,
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            "seconds": seconds,
            "eta_seconds": progress.elapsed_seconds * (1 - done) / done if done else None,
            "audio_seconds_per_second": heard / seconds,
            "data_wait_share": self._waited / seconds,
            "skipped_steps": progress.skipped_steps,
            "memory_mb": _memory_mb(),
            "best_epoch": self.stopping.best_epoch,
            "best_loss": self.stopping.best_loss,
            "bad_epochs": self.stopping.bad_epochs,
            "patience": self.stopping.patience,
        }

    def _announce_start(self) -> None:
        if self._resumed:
            self._announce("resumed", epoch=self.progress.epoch)
        floor, oracle = self.validator.floor(), self.validator.oracle()
        self._announce(
            "started",
            epochs=self.config.epochs,
            steps_per_epoch=self.config.steps_per_epoch,
            target=self.config.target,
            n_weights=self.crnn.n_weights(),
            device=str(self.fabric.device),
            precision=self.precision,
            world_size=self.fabric.world_size,
            train_songs=len(self.material.pairs),
            valid_songs=len(self.material.valid),
            floor_sdr_db=floor.sdr_db,
            floor_loss=floor.loss,
            oracle_sdr_db=oracle.sdr_db,
            oracle_loss=oracle.loss,
        )

    def _beat(self, loss: float) -> None:
        now = time.monotonic()
        if now - self._last_beat > HEARTBEAT_SECONDS:
            self._last_beat = now
            self._announce("step", epoch=self.progress.epoch + 1, step=self.progress.step, loss=loss)

    def _announce(self, type_: str, **values: Any) -> None:
        if self.fabric.is_global_zero:
            event: Event = make_event(type_, **values)
            for listener in self.listeners:
                listener(event)


def _model_config(config: TrainConfig, resume: dict[str, Any] | None) -> ModelConfig:
    """The model to build: the checkpoint's where one is given, under the wanted target's name, else the preset's."""
    if resume is not None:
        return ModelConfig.from_dict({**resume["model"], "target": config.target})
    return ModelConfig.plain(config.target) if config.preset == "plain" else ModelConfig(target=config.target)


def _worker_context() -> str:
    """How worker processes begin: never as a copy of this one, which may have threads or a GPU open."""
    return "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


def _memory_mb() -> float:
    """The most memory that this process has used."""
    try:
        import resource
    except ImportError:  # Windows
        return math.nan
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
