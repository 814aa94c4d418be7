"""Where a training runs: Lightning Fabric on one device, or on all that torchrun started."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar, cast

import torch
from lightning.fabric import Fabric
from lightning.fabric.plugins.precision import MixedPrecision
from lightning.fabric.strategies.ddp import DDPStrategy
from torch.amp.grad_scaler import GradScaler

from separator.device import is_out_of_memory, resolve_device
from separator.errors import SeparatorError
from training.config import ExcerptSettings, RunSettings

T = TypeVar("T")

LONGEST_WAIT = timedelta(hours=6)
"""How long the other processes wait for the first one, which decodes the audio for all."""


def make_fabric(config: RunSettings) -> Fabric:
    """One process on the configured device and in its precision, or this process's part of a `torchrun` job.

    Fabric's own "auto" stays at one process on a CPU, so devices and nodes are read from torchrun's variables.

    Raises:
        ConfigError: the device is not there.
    """
    for name in ("lightning.fabric", "lightning.pytorch"):  # silence its precision banner
        logging.getLogger(name).setLevel(logging.WARNING)
    device = resolve_device(config.device)
    world, local = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    fabric = Fabric(
        accelerator=device.type,
        devices=local if device.index is None or device.type == "cpu" or local > 1 else [device.index],
        num_nodes=max(1, world // local),
        strategy=DDPStrategy(timeout=LONGEST_WAIT) if world > 1 else "auto",
        **_precision_arguments(resolve_precision(config.precision, device.type), device.type),
    )
    fabric.launch()
    return fabric


def sum_over_processes(fabric: Fabric, value: float) -> float:
    """The sum of a number over all processes of a job, the same on each of them."""
    if fabric.world_size == 1:
        return value
    number = torch.tensor(value, dtype=torch.float64, device=fabric.device)
    return float(torch.as_tensor(fabric.all_reduce(number, reduce_op="sum")))


def broadcast_from_rank_zero(fabric: Fabric, function: Callable[[], T]) -> T:
    """Run a function in the first process of a job and return its result, or raise its error, in all of them.

    Raises:
        SeparatorError: by ``function``, in every process.
    """
    outcome: T | SeparatorError | None = None
    if fabric.is_global_zero:
        try:
            outcome = function()
        except SeparatorError as error:
            outcome = error
    outcome = fabric.broadcast(outcome)
    if isinstance(outcome, SeparatorError):
        raise outcome
    return cast(T, outcome)


def raise_on_all_ranks(fabric: Fabric, failure: SeparatorError | OSError | None) -> None:
    """Raise the error of any process in all of them."""
    failures: list[SeparatorError | OSError | None] = [failure]
    if fabric.world_size > 1:
        failures = [None] * fabric.world_size
        torch.distributed.all_gather_object(failures, failure)
    for error in failures:
        if error is not None:
            raise error


def resolve_precision(precision: str, accelerator: str) -> str:
    """The precision that "auto" stands for: half where there are matrix units for it, else single."""
    if precision != "auto":
        return precision
    if accelerator == "cuda":
        return "16-mixed"
    # Measured: a training step in bf16 takes a quarter of the time of one in float32 with AMX, 0.6 of it with AVX-512's
    # bf16 instructions, and more than it on a CPU with neither.
    cpu = torch.cpu
    has_bf16 = accelerator == "cpu" and (cpu._is_amx_tile_supported() or cpu._is_avx512_bf16_supported())
    return "bf16-mixed" if has_bf16 else "32-true"


@contextmanager
def oom_as_user_error(config: ExcerptSettings) -> Iterator[None]:
    """Replace a GPU's out-of-memory error by one that names the settings to change.

    Raises:
        SeparatorError: instead of torch's own error.
    """
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise SeparatorError(
            f"the GPU has too little memory; lower --batch_size from {config.batch_size} and raise --accumulate from "
            f"{config.accumulate}: then as many excerpts make a step, but fewer are in memory at once"
        ) from error


def _precision_arguments(precision: str, accelerator: str) -> dict[str, Any]:
    if precision == "16-mixed" and accelerator == "cpu":
        # Fabric would take bf16 instead.
        return {"plugins": MixedPrecision("16-mixed", "cpu", GradScaler("cpu"))}
    return {"precision": precision}
