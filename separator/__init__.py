"""Sori's core: waveforms in, stems out. No training, pages or command-line flags.

Legend, used in every docstring and comment:

    B batch · S stems · C channels · N samples · F frequency bins · T frames

Waveforms are float32 tensors in [-1, 1], ``(..., C, N)``, and never travel without their sample rate in Hz.
"""

import importlib
from typing import TYPE_CHECKING, Any

from separator.errors import (
    AudioError,
    BusyError,
    Cancelled,
    CheckpointError,
    ConfigError,
    DatasetError,
    SeparatorError,
    TrainingBusyError,
)

if TYPE_CHECKING:
    from separator.api import Separator
    from separator.live import LiveSeparator
    from separator.model import load_model

__version__ = "0.2.0"
__all__ = [
    "AudioError",
    "BusyError",
    "Cancelled",
    "CheckpointError",
    "ConfigError",
    "DatasetError",
    "LiveSeparator",
    "Separator",
    "SeparatorError",
    "TrainingBusyError",
    "__version__",
    "load_model",
]

_MODULES = {"LiveSeparator": "separator.live", "Separator": "separator.api", "load_model": "separator.model"}
"""Of the exports that need torch, which ``import separator`` alone does not load."""


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return __all__
