"""A downward expander: what a mask leaves where its target rests is turned down further.

A mask never closes for good. While a singer pauses, a network leaves a hundredth or a thousandth of the band's energy,
which is audible when the stem is played alone. Where less than a sixtieth is left, as a mean over a fifth of a second,
each decibel too few becomes five, as in a studio's noise gate but without its switching. What is taken away goes to the
rest, so stems still add up. Measured in checkpoints/README.md.
"""

import torch
from torch import Tensor

from separator.spectral.grid import moving_average

THRESHOLD_DB = -18.0
"""Of what is left, relative to the mixture. A voice that sings is seldom that far below a band."""
RATIO = 5.0
WINDOW_SECONDS = 0.2
_DEEPEST_DB = 80.0


def expanded(mask: Tensor, magnitude: Tensor, frames_per_second: float) -> Tensor:
    """A mask ``(F, T)`` of a mixture ``(..., F, T)``, turned down in frames where it leaves next to nothing.

    Where it leaves more than ``THRESHOLD_DB`` it stays as it is, to the bit.
    """
    spectra = (x.reshape(-1, *mask.shape) for x in (mask * magnitude, magnitude))
    sums = (torch.linalg.vector_norm(x, dim=(0, 1)).square() for x in spectra)
    left, whole = (moving_average(x, WINDOW_SECONDS, frames_per_second) for x in sums)
    level_db = 10 * torch.log10((left + 1e-12) / (whole + 1e-12))
    reduction_db = ((RATIO - 1) * (THRESHOLD_DB - level_db)).clamp_(0.0, _DEEPEST_DB)
    return mask * 10 ** (-reduction_db / 20)
