"""Which device to compute on, and whether its memory is full."""

import torch

from separator.errors import ConfigError


def resolve_device(name: str = "auto") -> torch.device:
    """``auto`` picks CUDA, then MPS (Apple), then the CPU; other names are torch's. Raises ConfigError for one that is
    not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if _has_mps() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda", "mps"):
        raise ConfigError(f"device is {name!r}; it must be auto, cpu, cuda, cuda:1, ... or mps.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(
            f"device is {name!r}, but torch sees {torch.cuda.device_count()} CUDA devices; use cpu or auto."
        )
    if device.type == "mps" and not _has_mps():
        raise ConfigError("device is 'mps', but torch sees no Apple GPU here; use cpu or auto.")
    return device


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether an error of torch (CUDA and MPS), cuDNN or cuBLAS means that a device's memory is full."""
    return any(words in str(error) for words in ("out of memory", "ALLOC_FAILED"))


def _has_mps() -> bool:
    return torch.backends.mps.is_available()
