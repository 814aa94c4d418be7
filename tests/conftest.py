"""Fixtures shared by every room's tests: made-up sounds and a model small enough to run in a blink."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor


@pytest.fixture
def noise() -> Callable[..., Tensor]:
    """White noise ``(C, N)`` at -20 dB, the same for the same arguments."""

    def make(n_samples: int, channels: int = 2, seed: int = 0) -> Tensor:
        return 0.1 * torch.randn(channels, n_samples, generator=torch.Generator().manual_seed(seed))

    return make


@pytest.fixture
def tone() -> Callable[..., Tensor]:
    """A sine ``(C, N)`` of half full scale, each further channel a quarter period later."""

    def make(n_samples: int, frequency_hz: float = 440.0, sample_rate: int = 44100, channels: int = 2) -> Tensor:
        phase = 2 * torch.pi * frequency_hz / sample_rate * torch.arange(n_samples, dtype=torch.float64)
        return torch.stack([0.5 * torch.sin(phase - c * torch.pi / 2) for c in range(channels)]).float()

    return make
