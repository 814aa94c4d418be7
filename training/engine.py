"""Where a training runs: Lightning Fabric on one device, or on all that torchrun started."""

import os

import torch
from lightning.fabric import Fabric

from separator.errors import ConfigError
from training.config import TrainConfig


def make_fabric(config: TrainConfig) -> Fabric:
    """One process as configured, or this process's part of a `torchrun` job.

    Fabric's own "auto" stays at one process on a CPU, so devices and nodes are read from torchrun's variables.

    Raises:
        ConfigError: the device is not there.
    """
    accelerator = accelerator_of(config.device)
    world, local = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    strategy = "ddp" if world > 1 else "auto"
    fabric = Fabric(
        accelerator=accelerator,
        devices=local,
        num_nodes=max(1, world // local),
        strategy=strategy,
        precision=precision_of(config.precision, accelerator),  # type: ignore[arg-type]
    )
    fabric.launch()
    return fabric


def accelerator_of(device: str) -> str:
    """The accelerator that a device name stands for.

    Raises:
        ConfigError: there is no such device here.
    """
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if present[name])
    if not present.get(device, False):
        here = ", ".join(name for name, there in present.items() if there)
        raise ConfigError(f"device is {device!r}; here there is {here}")
    return device


def precision_of(precision: str, accelerator: str) -> str:
    """The precision that "auto" stands for: half where there are matrix units for it, else single."""
    if precision != "auto":
        return precision
    if accelerator == "cuda":
        return "16-mixed"
    # Measured: with AMX a training step takes a quarter of the time in bf16; without, bf16 is slower than float32.
    has_matrix_unit = accelerator == "cpu" and torch.cpu._is_amx_tile_supported()
    return "bf16-mixed" if has_matrix_unit else "32-true"


def autocast_dtype(precision: str) -> torch.dtype | None:
    """The number format that a model runs in under a precision; None for float32."""
    return {"16-mixed": torch.float16, "bf16-mixed": torch.bfloat16}.get(precision)


def keep_freed_memory() -> None:
    """Ask glibc to keep freed memory instead of returning it to the system after every step.

    A step allocates and frees gigabytes; without this, a third of its time goes to clearing fresh pages (measured on two
    cores). For commands only: a page that serves others should give memory back. Does nothing where there is no glibc.
    """
    import ctypes

    trim_threshold, top_pad, mmap_max = -1, -2, -4  # from glibc's malloc.h
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(mmap_max, 0)
    mallopt(trim_threshold, 2**31 - 1)
    mallopt(top_pad, 2**28)
