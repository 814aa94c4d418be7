"""What a mask can reach at best on a song, and what doing nothing scores: the scale on which a score is read."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from separator.metrics import check_shapes, remove_codec_noise, sdr
from separator.spectral import istft, stft

_BLOCK_SECONDS = 20  # a song's spectrogram is never held whole


@dataclass(frozen=True)
class Oracles:
    """SDR in dB of masks made from the true sources. None where the reference is silent.

    `floor_db`: the mixture taken as the estimate. `ibm_db`: ideal binary mask. `irm1_db`: ideal ratio mask of
    magnitudes. `irm2_db`: of powers, the best of those that leave phase aside (Liutkus and Badeau 2015). `psm_db`:
    phase-sensitive mask, cut to 0 to 1, the best that a mask without a sign can do (Erdogan et al. 2015).
    """

    floor_db: float | None
    ibm_db: float | None
    irm1_db: float | None
    irm2_db: float | None
    psm_db: float | None

    def share(self, sdr_db: float | None) -> float | None:
        """Where an SDR lies between floor (0) and `irm2_db` (1); None where the two are too close."""
        if sdr_db is None or self.floor_db is None or self.irm2_db is None or self.irm2_db <= self.floor_db:
            return None
        return (sdr_db - self.floor_db) / (self.irm2_db - self.floor_db)


def oracles(mixture: Tensor, target: Tensor, sample_rate: int) -> Oracles:
    """Floor and the four ideal masks on the program's default STFT.

    A model with a longer window has a higher ceiling: that of 2048/512 is about half a dB above.

    Args:
        mixture, target: (C, N) each; the others are mixture - target.
        sample_rate: in Hz; the STFT is 1024/256 at 22,050 Hz and longer with the rate.

    Raises:
        AudioError: the shapes differ.
    """
    check_shapes(target, mixture)
    target = remove_codec_noise(target, mixture, sample_rate)
    floor = _known(sdr(target, mixture))
    blocks = zip(*(w.split(_BLOCK_SECONDS * sample_rate, dim=-1) for w in (mixture, target)), strict=True)
    masked = [_apply_masks(m, t, sample_rate) for m, t in blocks]
    ideal = (_known(sdr(target, torch.cat(parts, dim=-1))) for parts in zip(*masked, strict=True))
    return Oracles(floor, *ideal)


def _apply_masks(mixture: Tensor, target: Tensor, sample_rate: int) -> list[Tensor]:
    """The mixture (C, n) through the binary, the magnitude, the power and the phase-sensitive mask."""
    hop = 256 * max(1, round(sample_rate / 22050))
    spectrum, of_target = stft(torch.stack([mixture, target]), 4 * hop, hop)
    s, n = of_target.abs(), (spectrum - of_target).abs()
    tiny = torch.finfo(s.dtype).tiny
    in_phase = (of_target * spectrum.conj()).real / (spectrum.abs().square() + tiny)
    masks = (
        (s > n).to(s.dtype),
        s / (s + n + tiny),
        s.square() / (s.square() + n.square() + tiny),
        in_phase.clamp(0, 1),
    )
    return [istft(spectrum * mask, 4 * hop, hop, mixture.shape[-1]) for mask in masks]


def _known(value: Tensor) -> float | None:
    return None if value.isnan() else float(value)
