"""What training makes small: differences between a masked mixture and its target, by name.

Every loss takes the mask ``(..., F, T)`` and the complex spectrograms of mixture and target, same shape, in float32,
and returns one number per mask ``(...)``.
"""

from collections.abc import Callable

from torch import Tensor

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def l1_magnitude(mask: Tensor, mixture: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of magnitudes (Jansson et al. 2017). It does not see phases, so where the mixture's
    phase is wrong its best mask is larger than that of SDR."""
    return (mask * mixture.abs() - target.abs()).abs().mean((-2, -1))


def l1_square_root(mask: Tensor, mixture: Tensor, target: Tensor) -> Tensor:
    """The same on square roots of magnitudes: quiet passages and high frequencies count more."""
    return ((mask * mixture.abs() + 1e-8).sqrt() - (target.abs() + 1e-8).sqrt()).abs().mean((-2, -1))


def l1_complex(mask: Tensor, mixture: Tensor, target: Tensor) -> Tensor:
    """Mean distance in the complex plane. The best mask is small where the mixture's phase is wrong, as for SDR
    (phase-sensitive approximation, Erdogan et al. 2015, with L1 in place of the square)."""
    difference = mask * mixture - target
    return (difference.real.square() + difference.imag.square() + 1e-12).sqrt().mean((-2, -1))


def negative_sdr(mask: Tensor, mixture: Tensor, target: Tensor) -> Tensor:
    """Error-to-signal ratio of each excerpt as a logarithm, in units of 10 dB: every song counts alike, however loud.

    The signal counts as at least -20 dB of the mixture, the error as at least -50 dB of it: an excerpt without a target
    is scored down to there, and one that is as good as perfect has no gradient. It is not the SDR of the
    waveform but, by Parseval, close to it.
    """
    energy = mixture.abs().square().sum((-2, -1)) + 1e-4
    error = (mask * mixture - target).abs().square().sum((-2, -1)) + 1e-5 * energy
    return (error / (target.abs().square().sum((-2, -1)) + 0.01 * energy)).log10()


LOSSES: dict[str, Loss] = {
    "l1": l1_magnitude,
    "l1_sqrt": l1_square_root,
    "l1_complex": l1_complex,
    "sdr": negative_sdr,
}

LOGARITHMS = ("sdr",)
"""Losses in tens of dB, which may be below zero: their differences count, not their ratios."""


def combine(names_and_weights: list[tuple[str, float]]) -> Loss:
    """The weighted sum of some losses."""

    def loss(mask: Tensor, mixture: Tensor, target: Tensor) -> Tensor:
        terms = [weight * LOSSES[name](mask, mixture, target) for name, weight in names_and_weights]
        return sum(terms[1:], terms[0])

    return loss
