"""What a network learns to give: the true stems, or a blend with what a teacher gives."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from separator.errors import ConfigError
from separator.model import CompactConfig, ModelConfig
from separator.model.checkpoint import read_checkpoint
from training.config import PRESETS, TrainConfig
from training.data.training_data import TrainingData
from training.distillation import goal
from training.distillation.goal import Blend, TrueStems, make_goal
from training.distillation.spleeter_layers import SPLEETER_STFT
from training.loop.trainer import Trainer
from training.runs.events import EpochDone, Event
from training.runs.folder import RunFolder

RATE = 22050


class Constant(nn.Module):
    """A teacher with one mask for everything."""

    def __init__(self, value: float = 3.0, targets: int = 1) -> None:
        super().__init__()
        self.value, self.targets = value, targets

    def forward(self, magnitude: Tensor) -> Tensor:
        return torch.full_like(magnitude, self.value).unsqueeze(1).expand(-1, self.targets, -1, -1)


def ones(*shape: int) -> Tensor:
    return torch.ones(*shape, dtype=torch.complex64)


def test_true_stems_are_known_up_to_their_band():
    targets = ones(2, 2, 5, 3)
    bands = torch.tensor([[RATE / 2, RATE / 4], [-1.0, 0.0]])
    learned, known = TrueStems(RATE)(targets.sum(1), targets, bands)
    assert learned is targets
    assert known[..., 0].sum(2).tolist() == [[5, 3], [0, 1]]


def test_truth_counts_by_its_share_only_up_to_its_band():
    bands = torch.tensor([[RATE / 2], [RATE / 4]])
    learned, known = Blend(Constant(), 0.25, RATE)(ones(2, 1025, 3), ones(2, 1, 1025, 3), bands)
    assert bool((learned[0].real == 2.5).all())
    assert bool((learned[1, 0, :513].real == 2.5).all())
    assert bool((learned[1, 0, 513:].real == 3).all())
    assert bool(known.all())


def test_where_a_target_rests_the_teacher_has_no_say():
    targets = ones(1, 2, 5, 3)
    targets[:, 0, :, 1] = 1e-3
    learned, _ = Blend(Constant(targets=2), 0.25, RATE)(ones(1, 5, 3), targets, torch.full((1, 2), RATE / 2))
    assert torch.equal(learned[0, 0, :, 1], targets[0, 0, :, 1])
    assert bool((learned[0, 0, :, (0, 2)].real == 2.5).all())
    assert bool((learned[0, 1].real == 2.5).all())


def test_an_unknown_target_is_the_teachers():
    learned, _ = Blend(Constant(), 0.25, RATE)(ones(1, 5, 3), 0 * ones(1, 1, 5, 3), torch.tensor([[-1.0]]))
    assert bool((learned.real == 3).all())


def test_a_model_of_other_spectrograms_has_no_such_teacher():
    config = TrainConfig(data_dir=("songs",), teacher="spleeter")
    with pytest.raises(ConfigError, match="STFT of 2048/512 at 22050 Hz"):
        make_goal(config, CompactConfig(), torch.device("cpu"))


@pytest.fixture
def train(
    data: TrainingData, tmp_path: Path, tiny_config: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[RunFolder, list[EpochDone]]]:
    """Trains a tiny model towards a teacher whose mask is random, as it is where Spleeter begins at random."""

    class Random(nn.Module):
        def __init__(self, *_: object) -> None:
            super().__init__()

        def forward(self, magnitude: Tensor) -> Tensor:
            return torch.rand(()) * torch.ones_like(magnitude)[:, None]

    monkeypatch.setattr(goal, "load_networks", lambda: None)
    monkeypatch.setattr(goal, "SpleeterTeacher", Random)
    monkeypatch.setitem(PRESETS, "small", lambda targets: replace(tiny_config, targets=targets, stft=SPLEETER_STFT))

    def make(name: str, resume: dict[str, Any] | None = None, **changes: Any) -> tuple[RunFolder, list[EpochDone]]:
        config = TrainConfig(
            data_dir=("songs",), preset="small", teacher="spleeter", loss=("sdr",), norm="kept", batch_size=2,
            steps_per_epoch=2, epochs=2, segment_seconds=0.5, valid_seconds=0.5, valid_excerpts=1, workers=0,
            device="cpu", precision="32-true", outer_learning_rate=1e-4,
        ).replace(**changes)  # fmt: skip
        run, events = RunFolder(tmp_path / name), list[Event]()
        run.path.mkdir(exist_ok=True)
        Trainer(config.validate(), data, run, [events.append], resume).fit()
        return run, [event for event in events if isinstance(event, EpochDone)]

    return make


@pytest.mark.slow
def test_a_distillation_goes_on_as_if_it_had_not_stopped(train: Callable[..., tuple[RunFolder, list[EpochDone]]]):
    whole, whole_epochs = train("whole")
    first, _ = train("first", epochs=1)
    second, epochs = train("first", read_checkpoint(first.last))
    assert epochs[0].train_loss == whole_epochs[1].train_loss
    weights = [read_checkpoint(run.last)["weights"] for run in (whole, second)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_the_outer_layers_move_at_their_own_rate(train: Callable[..., tuple[RunFolder, list[EpochDone]]]):
    """Adam's first step is as long as its rate."""
    rates = {"learning_rate": 1e-3, "outer_learning_rate": 1e-5, "warmup_steps": 0, "weight_decay": 0.0}
    first, _ = train("first", epochs=1, steps_per_epoch=1, **rates)
    state = read_checkpoint(first.last)
    assert [group["lr"] for group in state["optimizer"]["param_groups"]] == pytest.approx([1e-3, 1e-5])
    with pytest.raises(ConfigError, match="outer_learning_rate cannot be switched"):
        train("first", state, outer_learning_rate=0.0)
