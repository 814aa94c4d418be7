"""The loop: resumed as if it had never stopped, never led astray by a NaN, and able to learn."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from separator.errors import ConfigError, DatasetError, SeparatorError
from separator.model import ModelConfig, load_model
from separator.model.checkpoint import describe, read_checkpoint
from separator.spectral import stft
from training.config import PRESETS, TrainConfig
from training.data.cache import Cache, remove_cache
from training.data.loader import Batches
from training.data.remix import Excerpts
from training.data.training_data import Pair, TrainingData, WeightedSources
from training.loop.launch import open_run
from training.loop.progress import MOST_ROLLBACKS
from training.loop.train_step import MOST_BAD_STEPS
from training.loop.trainer import Trainer
from training.loop.validation import Scores
from training.runs.console import describe_event
from training.runs.events import Event
from training.runs.folder import RunFolder

TINY = TrainConfig(
    data_dir=("unused",),
    run_name="run",
    preset="small",
    batch_size=2,
    steps_per_epoch=3,
    segment_seconds=0.25,
    valid_seconds=0.5,
    valid_excerpts=2,
    warmup_steps=2,
    workers=0,
    precision="32-true",
    device="cpu",
)


@pytest.fixture(autouse=True)
def tiny_preset(tiny_config: ModelConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, "small", lambda targets: replace(tiny_config, targets=targets))


@pytest.fixture
def make_trainer(data: TrainingData, tmp_path: Path) -> Callable[..., Trainer]:
    """A trainer in the run folder ``tmp_path / name``; its events are in its ``emitted``."""

    def make(name: str = "run", resume: dict[str, Any] | None = None, **changes: Any) -> Trainer:
        emitted: list[Event] = []
        made = Trainer(TINY.replace(**changes), data, make_run(tmp_path / name), [emitted.append], resume)
        made.emitted = emitted  # type: ignore[attr-defined]
        return made

    return make


def make_run(path: Path) -> RunFolder:
    path.mkdir(parents=True, exist_ok=True)
    return RunFolder(path)


def emitted(trainer: Trainer, type_: str) -> list[Any]:
    return [event for event in trainer.emitted if event.kind == type_]  # type: ignore[attr-defined]


def assert_same(one: Any, other: Any, where: str = "") -> None:
    """Equal to the last bit, through dictionaries and lists."""
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_same(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list):
        assert len(one) == len(other), where
        for index, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_same(a, b, f"{where}[{index}]")
    else:
        assert one == other, where


def state_of(trainer: Trainer) -> dict[str, Any]:
    state = trainer.state_dict()
    state["progress"].pop("elapsed_seconds")
    return state


def made_scores(loss: float, sdr_db: float) -> Scores:
    """Of a single target."""
    return Scores(loss, sdr_db, (sdr_db,))


CURVES = ("train_loss", "valid_loss", "valid_sdr_db", "learning_rate", "best_epoch", "best_loss", "bad_epochs")


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"ema_decay": 0.9}, {"accumulate": 2}, {"workers": 1}, {"schedule": "cosine"}])
def test_four_epochs_equal_two_and_two_more_after_a_resume(
    make_trainer: Callable[..., Trainer], changes: dict[str, Any]
):
    whole = make_trainer("whole", epochs=4, **changes)
    assert whole.fit() == "epochs"

    # A cosine needs to know the end from the start, so the first half is stopped instead of ended.
    first = make_trainer("halves", epochs=4, **changes)
    first.should_stop = lambda: first.progress.epoch == 2
    assert first.fit() == "stopped"
    second = make_trainer("halves", resume=read_checkpoint(first.run.last), epochs=4, **changes)
    assert second.fit() == "epochs"

    assert_same(state_of(whole), state_of(second))
    for name in CURVES:
        halves = [getattr(event, name) for event in emitted(first, "epoch") + emitted(second, "epoch")]
        assert halves == [getattr(event, name) for event in emitted(whole, "epoch")], name
    assert_same(load_model(whole.run.best_model).state_dict(), load_model(second.run.best_model).state_dict())
    assert emitted(second, "resumed")[0].epoch == 2
    assert not emitted(second, "validation_changed")


def other_songs(data: TrainingData) -> TrainingData:
    """The same training songs, with twice as loud a rest in those to validate on."""

    def louder(pair: Pair) -> Pair:
        rest = pair.rest
        return replace(pair, rest=SimpleNamespace(**{**vars(rest), "read": lambda a, n: 2 * rest.read(a, n)}))  # type: ignore[arg-type]

    return replace(data, valid=tuple(louder(pair) for pair in data.valid))


@pytest.mark.parametrize(("before", "after"), [(0.001, 5.0), (9.0, 5.0)])
def test_other_validation_songs_begin_the_count_anew(
    make_trainer: Callable[..., Trainer], data: TrainingData, before: float, after: float
):
    first = make_trainer(epochs=2, patience=1)
    first.evaluator.score = lambda model: made_scores(before, -before)  # type: ignore[method-assign]
    assert first.fit() == "early_stopping"
    kept = load_model(first.run.best_model).state_dict()
    events: list[Event] = []
    resume = read_checkpoint(first.run.last)
    config = first.config.replace(epochs=3)
    second = Trainer(config, other_songs(data), first.run, [events.append], resume)
    second.evaluator.score = lambda model: made_scores(after, -after)  # type: ignore[method-assign]
    second._train_epoch = lambda: False  # type: ignore[method-assign]
    assert second.fit() == "stopped"
    (changed,) = [event for event in events if event.kind == "validation_changed"]
    assert (changed.epoch, changed.valid_loss, changed.best_loss, changed.bad_epochs) == (
        2,
        after,
        after,
        0,
    )
    assert "not those of before" in describe_event(changed)
    assert describe(first.run.best_model).training["loss"] == after
    assert_same(load_model(first.run.best_model).state_dict(), second.learner.crnn.state_dict())
    assert kept.keys() == second.learner.crnn.state_dict().keys()
    assert read_checkpoint(first.run.last)["stopping"]["best_loss"] == after


def test_the_best_model_of_before_stays_if_it_scores_better(make_trainer: Callable[..., Trainer], data: TrainingData):
    first = make_trainer(epochs=2)
    scores = iter([made_scores(1.0, 1.0), made_scores(2.0, 0.0)])
    first.evaluator.score = lambda model: next(scores)  # type: ignore[method-assign]
    first.fit()
    best = load_model(first.run.best_model).state_dict()
    second = Trainer(first.config, other_songs(data), first.run, resume=read_checkpoint(first.run.last))
    scores = iter([made_scores(8.0, -8.0), made_scores(7.0, -7.0)])
    second.evaluator.score = lambda model: next(scores)  # type: ignore[method-assign]
    second.fit()
    assert_same(load_model(first.run.best_model).state_dict(), best)
    record = describe(first.run.best_model).training
    assert (record["epoch"], record["loss"], second.stopping.best_epoch) == (1, 7.0, 1)


@pytest.mark.slow
def test_another_loss_begins_the_count_anew(make_trainer: Callable[..., Trainer]):
    first = make_trainer(epochs=1)
    first.fit()
    second = make_trainer(resume=read_checkpoint(first.run.last), epochs=1, loss=("l1_sqrt",))
    second.fit()
    assert len(emitted(second, "validation_changed")) == 1


@pytest.mark.slow
def test_a_stop_in_the_middle_of_an_epoch_loses_no_step(make_trainer: Callable[..., Trainer]):
    whole = make_trainer("whole", epochs=2)
    whole.fit()
    first = make_trainer("halves", epochs=2)
    first.should_stop = lambda: first.progress.step == 4
    assert first.fit() == "stopped"
    assert describe(first.run.last).training["step"] == 4
    second = make_trainer("halves", resume=read_checkpoint(first.run.last), epochs=2)
    second.fit()
    assert_same(state_of(whole), state_of(second))
    assert emitted(second, "epoch")[0].train_loss == emitted(whole, "epoch")[1].train_loss


@pytest.mark.slow
def test_a_run_can_be_resumed_from_its_first_moment_on(make_trainer: Callable[..., Trainer]):
    """What a ``kill -9`` in the first epoch leaves."""

    class Killed(BaseException):
        pass

    def kill() -> bool:
        raise Killed

    first = make_trainer("run", epochs=1)
    first.should_stop = kill
    with pytest.raises(Killed):
        first.fit()
    second = make_trainer("run", resume=read_checkpoint(first.run.last), epochs=1)
    second.fit()
    whole = make_trainer("whole", epochs=1)
    whole.fit()
    assert_same(state_of(whole), state_of(second))


@pytest.mark.slow
def test_it_tells_what_happens(make_trainer: Callable[..., Trainer]):
    trainer = make_trainer(epochs=2)
    trainer.fit()
    kinds = [event.kind for event in trainer.emitted if event.kind not in ("step", "validating")]  # type: ignore[attr-defined]
    assert kinds == ["started", "preview", "epoch", "preview", "epoch", "finished"]
    (started,) = emitted(trainer, "started")
    assert (started.train_songs, started.valid_songs, started.target) == (2, 1, "vocals")
    assert started.floor_sdr_db < started.oracle_sdr_db
    assert started.oracle_loss < started.floor_loss
    last = emitted(trainer, "epoch")[-1]
    assert (last.epoch, last.step, last.skipped_steps) == (2, 6, 0)
    assert 0 <= last.data_wait_share <= 1
    assert last.eta_seconds == 0
    assert len(list((trainer.run.path / "previews").glob("epoch_*.wav"))) == 2


@pytest.mark.slow
def test_a_long_validation_gives_signs_of_life(make_trainer: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("training.runs.events.HEARTBEAT_SECONDS", -1.0)
    trainer = make_trainer(epochs=1)
    trainer.fit()
    kinds = [event.kind for event in trainer.emitted]  # type: ignore[attr-defined]
    assert kinds.index("validating") < kinds.index("started")  # of floor and ceiling
    assert "validating" in kinds[kinds.index("step") : kinds.index("epoch")]


def test_a_preview_scores_as_the_model_did(make_trainer: Callable[..., Trainer]):
    """One validation excerpt, so the preview's SDR and the epoch's are of the same ten seconds."""
    trainer = make_trainer(epochs=1, valid_excerpts=1)
    trainer.fit()
    preview, epoch = emitted(trainer, "preview")[0], emitted(trainer, "epoch")[0]
    assert preview.sdr_db == pytest.approx(epoch.valid_sdr_db, abs=0.01)


@pytest.mark.slow
def test_the_best_model_is_that_of_the_lowest_loss(make_trainer: Callable[..., Trainer]):
    trainer = make_trainer(epochs=3, learning_rate=0.05, warmup_steps=0)
    trainer.fit()
    losses = {event.epoch: event.valid_loss for event in emitted(trainer, "epoch")}
    best = describe(trainer.run.best_model).training
    assert best["epoch"] == min(losses, key=lambda epoch: losses[epoch])
    assert best["loss"] == losses[best["epoch"]]
    assert describe(trainer.run.last).training["epoch"] == 3


@pytest.mark.slow
def test_it_stops_early_when_nothing_improves(make_trainer: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch):
    trainer = make_trainer(patience=2, epochs=50)
    monkeypatch.setattr(trainer.evaluator, "score", lambda model: made_scores(1.0, 0.0))
    assert trainer.fit() == "early_stopping"
    assert trainer.progress.epoch == 3


def test_it_ends_when_its_time_is_up(make_trainer: Callable[..., Trainer]):
    trainer = make_trainer(max_minutes=1e-6)
    assert trainer.fit() == "time"
    assert (trainer.progress.epoch, trainer.progress.step) == (1, 1)  # it does not wait for the end of an epoch
    assert describe(trainer.run.best_model).training["step"] == 1
    assert emitted(trainer, "finished")[0].reason == "time"


@pytest.mark.slow
def test_a_clock_that_stands_still_breaks_nothing(
    make_trainer: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch
):
    # The trainer's clock alone: with everyone's, processes of an earlier test's loader would be waited for without end.
    monkeypatch.setattr("training.loop.trainer.time", SimpleNamespace(monotonic=lambda: 1.0))
    trainer = make_trainer(epochs=1)
    trainer.fit()
    assert math.isfinite(emitted(trainer, "epoch")[0].audio_seconds_per_second)


def test_the_stop_file_stops_it(make_trainer: Callable[..., Trainer]):
    trainer = make_trainer()
    trainer.run.request_stop()
    assert trainer.fit() == "stopped"
    assert trainer.progress.step == 1
    assert emitted(trainer, "stopped")


class NanExcerpts(Excerpts):
    """Excerpts of which some are NaN from beginning to end."""

    bad: set[int]

    def __getitem__(self, index: int) -> Any:
        target, *others = super().__getitem__(index)
        return np.full_like(target, np.nan) if index in self.bad else target, *others


def train_on_nan(trainer: Trainer, bad: set[int]) -> None:
    """Let a trainer draw from excerpts of which those numbered ``bad`` are NaN."""
    rate = trainer.learner.crnn.config.stft.sample_rate
    excerpts = NanExcerpts(trainer.data, trainer.config, rate)
    excerpts.bad = bad
    trainer.batches = Batches(trainer.data, trainer.config, rate, trainer.fabric, excerpts)


@pytest.mark.slow
def test_a_nan_step_changes_nothing_and_is_counted(make_trainer: Callable[..., Trainer], data: TrainingData):
    trainer = make_trainer(epochs=1, ema_decay=0.9)
    train_on_nan(trainer, {2})
    before: dict[str, Any] = {}
    train_step = trainer.learner.step

    def watched(batches: Any, rate: float) -> float | None:
        state = trainer.learner.state_dict()
        loss = train_step(batches, rate)
        if loss is None:
            before.update(state)
            assert_same(state["weights"], trainer.learner.state_dict()["weights"])  # running statistics too
            assert_same(state["average"], trainer.learner.state_dict()["average"])
            assert_same(state["optimizer"]["state"], trainer.learner.state_dict()["optimizer"]["state"])
        return loss

    trainer.learner.step = watched  # type: ignore[method-assign]
    trainer.fit()
    assert before
    (epoch,) = emitted(trainer, "epoch")
    assert epoch.skipped_steps == 1
    assert math.isfinite(epoch.train_loss)
    assert math.isfinite(epoch.valid_loss)
    assert torch.isfinite(torch.cat([p.flatten() for p in load_model(trainer.run.last).parameters()])).all()


@pytest.mark.slow
def test_bad_steps_in_a_row_restore_the_last_good_weights(make_trainer: Callable[..., Trainer], data: TrainingData):
    trainer = make_trainer(epochs=2, steps_per_epoch=MOST_BAD_STEPS)
    train_on_nan(trainer, set(range(2 * MOST_BAD_STEPS, 4 * MOST_BAD_STEPS)))  # the second epoch
    good: list[dict[str, Any]] = []
    trainer.events.listeners = [
        lambda event: good.append(trainer.state_dict()) if event.kind == "epoch" else None, trainer.emitted.append  # type: ignore[attr-defined]
    ]  # fmt: skip
    trainer.fit()
    assert trainer.progress.rollbacks == 1
    for name in ("weights", "optimizer"):
        assert_same(good[0][name], good[1][name])


@pytest.mark.slow
def test_going_back_twice_leads_to_the_same_place(make_trainer: Callable[..., Trainer]):
    """The optimizer must not go on working in the tensors that are kept to go back to."""
    trainer = make_trainer(epochs=1)
    trainer.fit()
    kept = trainer.state_dict()
    for _ in range(2):
        trainer.learner.load_state_dict(kept)
        assert_same(kept["optimizer"], trainer.learner.state_dict()["optimizer"])
        trainer.learner.step(list(trainer.batches.take(0, 1)), 0.1)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 1])
def test_a_cache_that_is_gone_is_told_in_a_sentence(
    data: TrainingData, write_sound: Callable[..., Path], tmp_path: Path, workers: int
):
    cache = Cache(tmp_path / "cache", 22050)
    audio = cache.load([write_sound(tmp_path / "a.wav")])
    pool = WeightedSources((audio,), (1.0,))
    gone = replace(data, pairs=(Pair("a", (audio,), audio),), pair_weights=(1.0,), targets=(pool,), rests=pool)
    trainer = Trainer(TINY.replace(workers=workers), gone, make_run(tmp_path / "run"))
    remove_cache(cache.folder)
    with pytest.raises(DatasetError, match=r"\A[^\n]*is gone from the cache[^\n]*anew\Z"):
        trainer.fit()


@pytest.mark.slow
def test_a_training_that_stays_broken_fails_with_advice(make_trainer: Callable[..., Trainer], data: TrainingData):
    trainer = make_trainer(epochs=2, steps_per_epoch=MOST_BAD_STEPS * (MOST_ROLLBACKS + 2))
    train_on_nan(trainer, set(range(10_000)))
    with pytest.raises(SeparatorError, match="--learning_rate"):
        trainer.fit()


@pytest.mark.slow
def test_an_overflowing_scaler_skips_steps_and_recovers(make_trainer: Callable[..., Trainer]):
    """FP16 as on a GPU, on the CPU: the scale is forced so high that gradients overflow until it has come down."""
    trainer = make_trainer(precision="16-mixed", epochs=1, steps_per_epoch=8)
    scaler = trainer.learner.scaler
    assert scaler is not None
    scaler.load_state_dict({**scaler.state_dict(), "scale": 2.0**60, "backoff_factor": 2.0**-10})
    trainer.fit()
    (epoch,) = emitted(trainer, "epoch")
    assert 0 < epoch.skipped_steps < 8
    assert scaler.get_scale() == 2.0 ** (60 - 10 * epoch.skipped_steps)
    assert math.isfinite(epoch.train_loss)


@pytest.mark.slow
def test_half_precision_trains_like_single(make_trainer: Callable[..., Trainer]):
    """Loss curves agree, since STFT, loss and masks stay in single precision."""
    curves = {}
    for precision in ("32-true", "bf16-mixed", "16-mixed"):
        trainer = make_trainer(precision, epochs=2, precision=precision)
        trainer.fit()
        curves[precision] = [event.train_loss for event in emitted(trainer, "epoch")]
    for precision in ("bf16-mixed", "16-mixed"):
        assert curves[precision] == pytest.approx(curves["32-true"], rel=0.01)


def test_the_network_hears_magnitudes_in_full_precision(make_trainer: Callable[..., Trainer]):
    trainer = make_trainer(precision="bf16-mixed")
    received = []
    trainer.learner.crnn.register_forward_pre_hook(lambda module, inputs: received.append(inputs[0].dtype))
    trainer.learner.compute_loss(next(trainer.batches.take(0, 1)))
    assert received == [torch.float32]


@pytest.mark.slow
def test_it_can_learn_one_batch_by_heart(make_trainer: Callable[..., Trainer]):
    trainer = make_trainer(batch_size=4)
    batch = next(trainer.batches.take(0, 1))
    losses = [trainer.learner.step([batch], 3e-3) for _ in range(80)]
    assert losses[0] is not None
    assert losses[-1] is not None
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.slow
def test_a_checkpoint_of_one_target_starts_a_model_of_another(make_trainer: Callable[..., Trainer], tmp_path: Path):
    vocals = make_trainer("vocals", epochs=1)
    vocals.fit()
    config = TINY.replace(target="drums", run_name="drums", out_dir=str(tmp_path))
    run, checkpoint = open_run(config, vocals.run.best_model)
    assert run.name == "drums"
    drums = Trainer(config.replace(epochs=1), vocals.data, run, resume=checkpoint)
    assert_same(drums.learner.crnn.state_dict(), load_model(vocals.run.best_model).state_dict())
    assert drums.progress.epoch == 0
    drums.fit()
    assert describe(run.best_model).targets == ("drums",)


def test_a_copied_best_model_leads_back_to_its_run(make_trainer: Callable[..., Trainer], tmp_path: Path):
    trainer = make_trainer("run", epochs=1)
    trainer.fit()
    copy = tmp_path / "best_model.pth"
    copy.write_bytes(trainer.run.best_model.read_bytes())
    run, checkpoint = open_run(TINY.replace(run_name="", out_dir=str(tmp_path)), copy)
    assert run.path == trainer.run.path
    assert checkpoint is not None
    assert checkpoint["progress"]["epoch"] == 1


@pytest.mark.slow
def test_a_run_of_the_same_name_elsewhere_is_not_gone_on_with(make_trainer: Callable[..., Trainer], tmp_path: Path):
    """A model that was shipped may bear the name of a run that someone has made since."""
    shipped, own = make_trainer("there/run", epochs=1), make_trainer("here/run", epochs=1, seed=1)
    shipped.fit()
    own.fit()
    config = TINY.replace(run_name="new", out_dir=str(tmp_path / "here"))
    shipped.run.last.unlink()
    run, checkpoint = open_run(config, shipped.run.best_model)
    assert run.name == "new"
    assert checkpoint is not None
    assert "optimizer" not in checkpoint


@pytest.mark.slow
def test_the_average_of_weights_is_kept_only_where_it_is_better(make_trainer: Callable[..., Trainer]):
    trainer = make_trainer(epochs=4, average_best=3, ema_decay=0.9)
    trainer.fit()
    (averaged,) = emitted(trainer, "averaged")
    losses = [event.valid_loss for event in emitted(trainer, "epoch")]
    assert averaged.is_best == (averaged.valid_loss < min(losses))
    best = describe(trainer.run.best_model).training
    assert best["loss"] == min([*losses, averaged.valid_loss])
    assert len(list((trainer.run.path / "kept").iterdir())) == 3


@pytest.mark.slow
def test_a_best_average_outlives_a_worse_epoch_after_a_resume(make_trainer: Callable[..., Trainer]):
    def scored(trainer: Trainer, *losses: float) -> Trainer:
        scores = iter([made_scores(loss, -loss) for loss in losses])
        trainer.evaluator.score = lambda model: next(scores)  # type: ignore[method-assign]
        return trainer

    for select_by in ("loss", "sdr"):
        first = scored(make_trainer(select_by, epochs=2, average_best=2, select_by=select_by), 3.0, 2.0, 1.0)
        first.fit()
        resume = read_checkpoint(first.run.last)
        second = make_trainer(select_by, resume=resume, epochs=3, average_best=2, select_by=select_by)
        scored(second, 1.5, 1.6).fit()  # better than the epochs before, worse than their average
        best = describe(first.run.best_model).training
        assert (best["loss"], best["averaged_epochs"]) == (1.0, [2, 1])
        (epoch,) = emitted(second, "epoch")
        assert (epoch.best_loss, epoch.is_best) == (1.0, False)


def test_only_the_named_layers_learn(make_trainer: Callable[..., Trainer]):
    trainer = make_trainer(only=("bottleneck", "decoder.3"), epochs=1, norm="kept")
    before = {name: value.clone() for name, value in trainer.learner.crnn.state_dict().items()}
    trainer.fit()
    changed = {
        name for name, value in trainer.learner.crnn.state_dict().items() if not torch.equal(value, before[name])
    }
    assert {name.split(".")[0] for name in changed} == {"bottleneck", "decoder"}
    assert all(name.startswith(("bottleneck", "decoder.3")) for name in changed)


def test_a_layer_that_does_not_exist_is_refused(make_trainer: Callable[..., Trainer]):
    with pytest.raises(ConfigError, match=r"only names gru; the layers of this model are bottleneck\.gru"):
        make_trainer(only=("gru",))


@pytest.mark.parametrize(("norm", "moves"), [("batch", True), ("kept", False)])
def test_statistics_of_normalisation_are_kept_when_asked(make_trainer: Callable[..., Trainer], norm: str, moves: bool):
    trainer = make_trainer(norm=norm, epochs=1)
    statistics = {n: b.clone() for n, b in trainer.learner.crnn.named_buffers()}
    trainer.fit()
    moved = [n for n, b in trainer.learner.crnn.named_buffers() if not torch.equal(b, statistics[n])]
    assert bool(moved) == moves


@pytest.fixture
def several(data: TrainingData, made_sound: Callable[..., Any]) -> TrainingData:
    """The same songs with a second target, a hum, which one of them does not have as a stem of its own."""
    hum = made_sound((0.2 * np.sin(2 * np.pi * 60 * np.arange(44100) / 22050)).astype(np.float32))
    with_hum = [replace(pair, targets=(*pair.targets, hum)) for pair in (*data.pairs, *data.valid)]
    pairs = (with_hum[0], replace(with_hum[1], targets=(*data.pairs[1].targets, None)))
    return replace(data, pairs=pairs, targets=(*data.targets, WeightedSources((hum,), (1.0,))), valid=(with_hum[2],))


@pytest.mark.slow
def test_a_training_of_several_targets_learns_each_and_resumes(several: TrainingData, tmp_path: Path):
    config = TINY.replace(
        target=("noise", "hum"), epochs=4, steps_per_epoch=25, learning_rate=0.02, batch_size=4, loss=("l1_complex",)
    )
    received: list[Event] = []
    whole = Trainer(config, several, make_run(tmp_path / "whole"), [received.append])
    whole.fit()
    started, *epochs = [event for event in received if event.kind in ("started", "epoch")]
    assert started.targets == ["noise", "hum"]
    for target, floor in started.target_floor_sdr_db.items():
        assert epochs[-1].target_sdr_db[target] > floor + 0.5
    assert epochs[-1].valid_sdr_db == pytest.approx(np.mean(list(epochs[-1].target_sdr_db.values())))
    assert describe(whole.run.best_model).targets == ("noise", "hum")

    first = Trainer(config, several, make_run(tmp_path / "halves"), should_stop=lambda: first.progress.step == 30)
    first.fit()
    second = Trainer(config, several, first.run, resume=read_checkpoint(first.run.last))
    second.fit()
    assert_same(state_of(whole), state_of(second))


def test_a_loss_of_what_nobody_knows_teaches_nothing(several: TrainingData, tmp_path: Path):
    config = TINY.replace(target=("noise", "hum"), loss=("sdr",))
    learner = Trainer(config, several, make_run(tmp_path / "run")).learner
    targets, rest = torch.randn(2, 2, 5000), torch.randn(2, 5000)
    both_known, one_known = torch.tensor([[11025.0, 11025.0]] * 2), torch.tensor([[11025.0, -1.0]] * 2)
    centred = torch.ones(2, 3, 2)
    learner.crnn.eval()
    with torch.no_grad():
        losses = [
            learner.compute_loss((targets, rest, known, centred))
            for known in (both_known, one_known, one_known.flip(1))
        ]
    whole, masked, alone = map(float, losses)
    assert whole == pytest.approx((masked + alone) / 2, rel=1e-4)


def test_a_stereo_model_gets_what_is_panned_in_two_channels(
    data: TrainingData, tiny_config: ModelConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    stereo = replace(tiny_config, input_channels=2)
    monkeypatch.setitem(PRESETS, "small", lambda targets: replace(stereo, targets=targets))
    learner = Trainer(TINY, data, make_run(tmp_path / "run")).learner
    inputs: list[torch.Tensor] = []
    learner.crnn.register_forward_pre_hook(lambda module, args: inputs.append(args[0]))
    target, rest, known = torch.randn(1, 1, 5000), torch.randn(1, 5000), torch.tensor([[11025.0]])
    for pans in (torch.ones(1, 2, 2), torch.eye(2)[None]):  # in the middle; target left, rest right
        learner.compute_loss((target, rest, known, pans))
    grid = stereo.stft.n_fft, stereo.stft.hop_length
    assert torch.allclose(inputs[0], stft(target[:, 0] + rest, *grid).abs(), atol=1e-4)
    assert torch.allclose(inputs[1], stft(torch.stack((target[:, 0], rest), dim=1), *grid).abs(), atol=1e-4)


def test_another_number_of_targets_cannot_be_gone_on_with(make_trainer: Callable[..., Trainer]):
    vocals = make_trainer("vocals", epochs=1)
    vocals.fit()
    with pytest.raises(ConfigError, match="--init_from"):
        open_run(TINY.replace(target=("drums", "bass"), run_name="two"), vocals.run.best_model)
