"""A training by the clock: it ends when its time is over, keeps what it has now and then, and survives bad batches."""

import itertools
import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from separator.model import CRNN, ModelConfig
from training.distillation.timed_loop import Rate, choose_autocast_dtype, train_for_minutes


def a_model() -> CRNN:
    return CRNN(ModelConfig(channels=(2, 2, 2, 2), gru_input=4, gru_hidden=4))


def distance(model: CRNN, batch: Tensor) -> Tensor:
    return (model.normalise.shift - batch).square().mean()


def test_it_ends_on_time_and_saves_the_average_at_intervals():
    model, kept, printed = a_model(), [], []
    rates = [Rate([model.normalise.shift], 0.1)]

    def keep(average: CRNN) -> None:
        kept.append(average)

    goal = torch.full_like(model.normalise.shift, 3.0)
    at_first = distance(model, goal).item()
    train_for_minutes(
        model,
        rates,
        itertools.repeat(goal),
        lambda b: distance(model, b),
        0.02,
        printed.append,
        keep,
        checkpoint_minutes=0.005,
    )
    assert len(kept) >= 3
    assert kept[-1] is model
    assert printed and "of 0.02 minutes: loss" in printed[0]
    assert distance(model, goal).item() < 0.25 * at_first
    assert bool((model.normalise.scale == 1).all())  # these are not trained


def test_a_batch_without_a_number_changes_nothing():
    model = a_model()

    def batches() -> Iterator[Tensor]:
        yield from (torch.full_like(model.normalise.shift, math.nan) for _ in range(3))

    before = model.normalise.shift.clone()
    train_for_minutes(
        model, [Rate([model.normalise.shift], 0.1)], batches(), lambda b: distance(model, b), 1.0, lambda _: None
    )
    assert torch.equal(model.normalise.shift, before)


def test_only_recurrent_layers_are_in_training_mode():
    """cuDNN gives no gradients of others; batch normalisation would follow the batches."""
    model = a_model().eval()
    modes: dict[bool, set[type[nn.Module]]] = {True: set(), False: set()}

    def loss_of(batch: Tensor) -> Tensor:
        for module in model.modules():
            modes[module.training].add(type(module))
        return distance(model, batch)

    goal = torch.zeros_like(model.normalise.shift)
    train_for_minutes(model, [Rate([model.normalise.shift], 0.1)], [goal], loss_of, 1.0, lambda _: None)
    assert modes[True] == {nn.GRU}
    assert nn.BatchNorm2d in modes[False]


def test_nothing_is_cast_to_fp16_where_no_scaler_is():
    assert choose_autocast_dtype(torch.device("cuda")) is None
