"""Judges a model on fixed excerpts: the loss that early stopping watches, and the SDR that people hear."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from separator.config import StftConfig
from separator.stft import istft, stft
from training.losses import Loss
from training.material import ValidationExcerpt

BATCH = 8

MaskOf = Callable[[Tensor, Tensor], Tensor]
"""(mixture spectrum, target spectrum) -> mask, each (B, F, T)."""


@dataclass(frozen=True)
class Scores:
    """Mean loss over excerpts, and SDR in dB: of each song's excerpts together, then the mean over songs (uSDR)."""

    loss: float
    sdr_db: float


class Validator:
    """The validation excerpts, and the sums that turn them into scores.

    Several processes each take their share of the excerpts; added up, their sums are those over all of them.

    Args:
        beat: is called after every few excerpts, so that a long validation can give signs of life.
    """

    def __init__(
        self,
        excerpts: list[ValidationExcerpt],
        stft_config: StftConfig,
        loss: Loss,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self.excerpts = excerpts
        self.stft_config = stft_config
        self.loss = loss
        self.beat = beat
        self.songs = sorted({excerpt.song for excerpt in excerpts})

    def model_sums(
        self, model: torch.nn.Module, device: torch.device, autocast: torch.dtype | None, share: slice
    ) -> Tensor:
        """Sums (songs, 4) of a model: signal energy, error energy, loss, excerpts."""

        def mask_of(mixture: Tensor, target: Tensor) -> Tensor:
            with torch.autocast(device.type, dtype=autocast, enabled=autocast is not None):
                mask: Tensor = model(mixture.abs())
            return mask.float()

        return self._sums(mask_of, device, share)

    def floor(self) -> Scores:
        """What the mixture itself scores, taken as the estimate."""
        return self.scores(self._sums(lambda x, s: torch.ones_like(x.real), torch.device("cpu"), slice(None)))

    def oracle(self) -> Scores:
        """What the ideal ratio mask |S| / (|S| + |X - S|) scores: about the most that a magnitude mask can reach."""

        def ideal(mixture: Tensor, target: Tensor) -> Tensor:
            wanted, rest = target.abs(), (mixture - target).abs()
            return wanted / (wanted + rest + 1e-8)

        return self.scores(self._sums(ideal, torch.device("cpu"), slice(None)))

    def scores(self, sums: Tensor) -> Scores:
        """The scores of sums (songs, 4) over all excerpts. Songs without the target have no SDR."""
        signal, error, loss, count = sums.unbind(1)
        known = signal > 0
        ratios = 10 * torch.log10(signal[known] / error[known].clamp_min(1e-10 * signal[known]))
        sdr_db = float(ratios.mean()) if len(ratios) else float("nan")
        return Scores(float(loss.sum() / count.sum()), sdr_db)

    @torch.no_grad()
    def _sums(self, mask_of: MaskOf, device: torch.device, share: slice) -> Tensor:
        sums = torch.zeros(len(self.songs), 4, dtype=torch.float64)
        grid = (self.stft_config.n_fft, self.stft_config.hop_length)
        for batch in _equal_length_batches(self.excerpts[share]):
            target = torch.from_numpy(np.stack([e.target for e in batch])).to(device)
            rest = torch.from_numpy(np.stack([e.rest for e in batch])).to(device)
            target_spectrum = stft(target, *grid)
            mixture = target_spectrum + stft(rest, *grid)
            mask = mask_of(mixture, target_spectrum)
            estimate = istft(mask * mixture, *grid, length=target.shape[-1])
            signal = target.square().sum(-1)
            error = (target - estimate).square().sum(-1)
            loss = self.loss(mask, mixture, target_spectrum)
            columns = torch.stack((signal, error, loss, torch.ones_like(loss)), dim=1)
            rows = torch.tensor([self.songs.index(e.song) for e in batch])
            sums.index_add_(0, rows, columns.cpu().double())  # in this order: MPS has no float64
            self.beat()
        return sums


def fingerprint_of(excerpts: Iterable[ValidationExcerpt], losses: Sequence[str]) -> str:
    """The same for the same excerpts and losses only: between different ones a validation loss cannot be compared."""
    digest = hashlib.sha256(repr(tuple(losses)).encode())
    for excerpt in excerpts:
        digest.update(str(excerpt.song).encode())
        for waveform in (excerpt.target, excerpt.rest):
            digest.update(np.ascontiguousarray(waveform).data)
    return digest.hexdigest()


def _equal_length_batches(excerpts: list[ValidationExcerpt]) -> list[list[ValidationExcerpt]]:
    by_length: dict[int, list[ValidationExcerpt]] = {}
    for excerpt in excerpts:
        by_length.setdefault(len(excerpt.target), []).append(excerpt)
    return [group[i : i + BATCH] for group in by_length.values() for i in range(0, len(group), BATCH)]
