"""A short training that is given minutes, not epochs: for the stages that prepare a model for ``train.py``."""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from separator.model import CRNN
from training.loop.fabric import autocast_dtype, resolve_precision
from training.loop.weight_averaging import make_moving_average

WARMUP_STEPS = 50
CLIP_NORM = 5.0
AVERAGE_DECAY = 0.995
REPORT_STEPS = 50

Loss = Callable[[Any], Tensor]
"""A batch -> the loss to minimise."""


def choose_autocast_dtype(device: torch.device) -> torch.dtype | None:
    """What a model runs in here: bf16, whose range needs no scaling of the loss, where it is fast; None for float32.

    Never on CUDA: there torch's autocast runs a GRU in FP16 in any case, and nothing here scales the loss.
    """
    return None if device.type == "cuda" else autocast_dtype(resolve_precision("auto", device.type))


@dataclass(frozen=True)
class Rate:
    """The highest learning rate of some weights."""

    weights: list[nn.Parameter]
    learning_rate: float


def train_for_minutes(
    model: CRNN,
    rates: list[Rate],
    batches: Iterable[Any],
    compute_loss: Loss,
    minutes: float,
    log: Callable[[str], None],
    checkpoint: Callable[[CRNN], None] | None = None,
    checkpoint_minutes: float = 5.0,
) -> None:
    """Adam on the weights of ``rates`` until the time is over, warmed up, then falling along a cosine.

    In the end ``model`` has the moving average of its weights. Its recurrent layers are put in training mode, without
    which cuDNN refuses their gradients; having no dropout, they give the same in either. Other layers keep their mode.

    Args:
        log: called now and then with how far it is, and the mean loss.
        checkpoint: called with the averaged model every ``checkpoint_minutes`` and at the end; its time is not counted.
    """
    optimizer = torch.optim.Adam([{"params": rate.weights} for rate in rates])
    trained = [weight for rate in rates for weight in rate.weights]
    average = make_moving_average(model, AVERAGE_DECAY)
    for module in model.modules():
        if isinstance(module, nn.GRU):
            module.train()
    begun, next_checkpoint, losses = time.monotonic(), 60 * checkpoint_minutes, []
    for step, batch in enumerate(batches, start=1):
        elapsed = time.monotonic() - begun
        if elapsed >= 60 * minutes:
            break
        share = min(1.0, step / WARMUP_STEPS) * 0.5 * (1 + math.cos(math.pi * elapsed / (60 * minutes)))
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate.learning_rate * share
        loss = compute_loss(batch)
        optimizer.zero_grad()
        loss.backward()
        if torch.isfinite(nn.utils.clip_grad_norm_(trained, CLIP_NORM)):
            optimizer.step()
            average.update_parameters(model)
        losses.append(loss.item())
        if step % REPORT_STEPS == 0:
            mean = sum(losses[-REPORT_STEPS:]) / REPORT_STEPS
            log(f"step {step}, {elapsed / 60:.1f} of {minutes:g} minutes: loss {mean:.3f}")
        if checkpoint is not None and elapsed >= next_checkpoint:
            paused = time.monotonic()
            checkpoint(cast(CRNN, average.module))
            begun += time.monotonic() - paused
            next_checkpoint += 60 * checkpoint_minutes
    model.load_state_dict(average.module.state_dict())
    if checkpoint is not None:
        checkpoint(model)
