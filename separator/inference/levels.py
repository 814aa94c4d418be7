"""Level, balance and polarity of a song, measured over all of it before it is separated.

Networks are trained on mixtures of a usual level, with the target in mono or in the middle. The gains found here bring
any song to that on its way into a network; masks are applied to the song as it is, so stems still add up to it. What
each of this is worth: ``python -m tests.benchmarks.robustness``.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from separator.spectral.transforms import stft

LEVEL_DBFS = -16.0
"""RMS level that each channel is brought to: for the shipped vocals the best of -24 to -12 dBFS, over twelve songs."""
BLOCK_SAMPLES = 1 << 17
_PAUSE = 0.01
"""Blocks with less than this share of the mean power are pauses, which do not count for the level."""
_INAUDIBLE = 1e-4
"""A channel with less than this share of the loudest one's power is left out."""
_OPPOSITE = -0.3
"""Correlation of two channels below which one of them has the wrong polarity. Those of songs are above 0.5."""
_UNLIKE = 0.75
"""Cosine similarity of two channels' magnitudes below which they hold different sources. Eight stereo songs lie
above 0.82; with the voice on the left and the band in both channels at 0.48 to 0.80, with the band on the right below
0.32."""
_EXCERPT_SAMPLES = 1 << 14
_BINS = slice(10, 400)
"""Of 1025, those compared: what lies below is in the middle whatever is sung where."""


@dataclass(frozen=True)
class Levels:
    """How a song goes into a network."""

    gains: tuple[float, ...]
    """Factor of each channel; negative for the wrong polarity, 0 for a channel that is left out."""
    unlike: bool = False
    """Whether two channels hold different sources, as in early stereo: then each is separated as a song in mono."""

    def songs(self) -> list[tuple[slice, tuple[float, ...]]]:
        """The channels that are separated together, and their gains."""
        if not self.unlike:
            return [(slice(None), self.gains)]
        return [(slice(c, c + 1), (abs(gain),)) for c, gain in enumerate(self.gains)]


class LevelMeter:
    """Levels of the last ``n_blocks`` finite blocks ``(C, n)`` of equal length that were added; of all without a
    number."""

    def __init__(self, n_blocks: int | None = None) -> None:
        # (C, C) each: powers on the diagonal, products of channels beside it
        self._grams: deque[Tensor] = deque(maxlen=n_blocks)
        self._magnitudes = torch.zeros(2, 2, dtype=torch.float64)

    def add(self, block: Tensor, *, compare_spectra: bool = False) -> None:
        """Take in a block; for ``Levels.unlike`` the spectra of two channels have to be compared too."""
        self._grams.append((block @ block.T).double() / block.shape[1])
        if compare_spectra and len(block) == 2:
            excerpt = stft(block[:, :_EXCERPT_SAMPLES], 2048, 512)[:, _BINS].abs().flatten(1)
            self._magnitudes += (excerpt @ excerpt.T).double()

    def levels(self) -> Levels:
        """Of what was added so far."""
        if not self._grams:
            return Levels((1.0,))
        gram = _mean_without_pauses(torch.stack(tuple(self._grams)))
        power = gram.diagonal()
        is_audible = power > _INAUDIBLE * power.max()
        if len(power) != 2 or not is_audible.all():
            power = torch.where(is_audible, power[is_audible].mean(), torch.inf)
            usable = is_audible.any()
            return Levels(tuple((_gain_from(power) * (power > 0)).tolist()) if usable else (1.0,) * len(power))
        gains = _gain_from(power) * torch.tensor([1.0, -1.0 if _cosine(gram) < _OPPOSITE else 1.0])
        return Levels(tuple(gains.tolist()), unlike=_cosine(self._magnitudes) < _UNLIKE)


def measure_levels(blocks: Iterable[Tensor]) -> Levels:
    """Levels of a song of finite blocks ``(C, n)``, each of ``BLOCK_SAMPLES`` but the last."""
    meter = LevelMeter()
    for block in blocks:
        meter.add(block, compare_spectra=True)
    return meter.levels()


def _mean_without_pauses(grams: Tensor) -> Tensor:
    powers = grams.diagonal(dim1=1, dim2=2).mean(dim=1)
    return grams[powers >= _PAUSE * powers.mean()].mean(dim=0)


def _gain_from(power: Tensor) -> Tensor:
    return 10 ** (LEVEL_DBFS / 20) / power.sqrt()


def _cosine(gram: Tensor) -> float:
    return float(gram[0, 1] / (gram[0, 0] * gram[1, 1]).sqrt())
