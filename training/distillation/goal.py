"""What the network learns to give for a mixture: the true stems, or in part a teacher's estimate of them.

Distillation (Hinton et al. 2015): the estimate has what the songs do not, which is the teacher's experience. The loss
compares masked mixtures, not the outputs of inner layers.
"""

from typing import Protocol

import torch
from torch import Tensor, nn

from separator.errors import ConfigError
from separator.model import ModelConfig
from training.config import OptimiserSettings
from training.distillation.spleeter import load_networks
from training.distillation.spleeter_layers import SPLEETER_STFT, SpleeterTeacher

RESTING_SHARE = 1e-5
"""Of the mixture's energy: a target with less rests."""


class Goal(Protocol):
    """Spectra of mixtures (B, F, T) and targets (B, S, F, T), and the Hz (B, S) up to which each is known (below 0 it
    is not) -> what is learned (B, S, F, T), and where anything is (B, S, F, 1)."""

    def __call__(self, mixture: Tensor, targets: Tensor, band_hz: Tensor) -> tuple[Tensor, Tensor]: ...


class TrueStems:
    """The targets themselves, as far as they are known."""

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate

    def __call__(self, mixture: Tensor, targets: Tensor, band_hz: Tensor) -> tuple[Tensor, Tensor]:
        return targets, self.find_known(targets, band_hz)

    def find_known(self, targets: Tensor, band_hz: Tensor) -> Tensor:
        """Which bins of targets recorded at a low rate, or not at all, are known, (B, S, F, 1)."""
        hz = torch.linspace(0, self.sample_rate / 2, targets.shape[2], device=targets.device)
        return (hz <= band_hz.unsqueeze(2)).unsqueeze(3)


class Blend:
    """``truth_share`` of the targets, the rest of the teacher's estimate.

    Where a target is not known: the estimate alone. In frames where a target rests, it is known better than by any
    teacher: the target alone.

    Args:
        teacher: from magnitudes (B, F, T) to masks (B, S, F, T).
    """

    def __init__(self, teacher: nn.Module, truth_share: float, sample_rate: int) -> None:
        self.teacher = teacher.eval().requires_grad_(False)
        self.truth_share = truth_share
        self._truth = TrueStems(sample_rate)

    @torch.no_grad()
    def __call__(self, mixture: Tensor, targets: Tensor, band_hz: Tensor) -> tuple[Tensor, Tensor]:
        estimate = self.teacher(mixture.abs()).float() * mixture.unsqueeze(1)
        both = self.truth_share * targets + (1 - self.truth_share) * estimate
        energy, whole = (x.abs().square().sum(-2, keepdim=True) for x in (targets, mixture.unsqueeze(1)))
        known = self._truth.find_known(targets, band_hz)
        goal = torch.where(known, torch.where(energy <= RESTING_SHARE * whole, targets, both), estimate)
        return goal, torch.ones_like(known)


def make_goal(config: OptimiserSettings, model: ModelConfig, device: torch.device) -> Goal:
    """The goal of a training.

    Raises:
        ConfigError: the teacher is not installed, or the model takes other spectrograms than it.
    """
    if config.teacher == "none":
        return TrueStems(model.stft.sample_rate)
    if model.stft != SPLEETER_STFT:
        raise ConfigError(
            f"teacher is {config.teacher}, which takes an STFT of {SPLEETER_STFT.n_fft}/{SPLEETER_STFT.hop_length} at "
            f"{SPLEETER_STFT.sample_rate} Hz as --preset dual_path does, but the model's is {model.stft.n_fft}/"
            f"{model.stft.hop_length} at {model.stft.sample_rate} Hz"
        )
    return Blend(SpleeterTeacher(load_networks()).to(device), config.truth_share, model.stft.sample_rate)
