"""Sori's core: waveforms in, stems out. No training, pages or command-line flags.

Legend, used in every docstring and comment:

    B batch · S stems · C channels · N samples · F frequency bins · T frames

Waveforms are float32 tensors in [-1, 1], ``(..., C, N)``, and never travel without their sample rate in Hz.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from separator.api import Separator
    from separator.errors import SeparatorError
    from separator.model.checkpoint import load_model

__version__ = "0.2.0"
__all__ = ["Separator", "SeparatorError", "__version__", "load_model"]

_HOMES = {
    "Separator": "separator.api",
    "SeparatorError": "separator.errors",
    "load_model": "separator.model.checkpoint",
}


def __getattr__(name: str) -> Any:
    """Import what is exported on first use: ``import separator`` alone does not wait for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
