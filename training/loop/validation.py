"""Judges a model on fixed excerpts: the loss that early stopping watches, and the SDR that people hear."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from separator.model.config import StftConfig
from separator.spectral.stft import istft, stft
from training.data.training_data import ValidationExcerpt
from training.losses import Loss

BATCH = 8

MaskOf = Callable[[Tensor, Tensor], Tensor]
"""(mixture spectrum (B, F, T), target spectra (B, S, F, T)) -> masks (B, S, F, T)."""


@dataclass(frozen=True)
class Scores:
    """Means over targets of the mean loss over excerpts, and of the SDR in dB: of each song's excerpts together, then
    the mean over songs (uSDR). Targets that no song has are left out."""

    loss: float
    sdr_db: float
    target_sdr_db: tuple[float, ...] = ()


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
        """Sums (songs, S, 4) of a model: signal energy, error energy, loss, excerpts."""

        def mask_of(mixture: Tensor, targets: Tensor) -> Tensor:
            with torch.autocast(device.type, dtype=autocast, enabled=autocast is not None):
                masks: Tensor = model(mixture.abs())[0]
            return masks.float()

        return self._sums(mask_of, device, share)

    def floor(self) -> Scores:
        """What the mixture itself scores, taken as the estimate."""
        return self.scores(self._sums(lambda x, s: torch.ones_like(s.real), torch.device("cpu"), slice(None)))

    def oracle(self) -> Scores:
        """What the ideal ratio mask |S| / (|S| + |X - S|) scores: about the most that a magnitude mask can reach."""

        def ideal(mixture: Tensor, targets: Tensor) -> Tensor:
            wanted, rest = targets.abs(), (mixture.unsqueeze(1) - targets).abs()
            return wanted / (wanted + rest + 1e-8)

        return self.scores(self._sums(ideal, torch.device("cpu"), slice(None)))

    def scores(self, sums: Tensor) -> Scores:
        """The scores of sums (songs, S, 4) over all excerpts. Songs without a target have no SDR of it."""
        signal, error, loss, count = sums.unbind(2)
        ratios = 10 * torch.log10(signal / error.clamp_min(1e-10 * signal))
        sdrs_db = ratios.where(signal > 0, torch.nan).nanmean(0)  # (S,), NaN where no song has the target
        losses = loss.sum(0) / count.sum(0)
        return Scores(float(losses.nanmean()), float(sdrs_db.nanmean()), tuple(sdrs_db.tolist()))

    @torch.no_grad()
    def _sums(self, mask_of: MaskOf, device: torch.device, share: slice) -> Tensor:
        sums = torch.zeros(len(self.songs), len(self.excerpts[0].known), 4, dtype=torch.float64)
        grid = (self.stft_config.n_fft, self.stft_config.hop_length)
        for batch in _equal_length_batches(self.excerpts[share]):
            targets = torch.from_numpy(np.stack([e.targets for e in batch])).to(device)
            rest = torch.from_numpy(np.stack([e.rest for e in batch])).to(device)
            known = torch.tensor([e.known for e in batch], device=device)
            target_spectra = stft(targets, *grid)
            mixture = target_spectra.sum(1) + stft(rest, *grid)
            masks = mask_of(mixture, target_spectra)
            mixtures = mixture.unsqueeze(1).expand_as(target_spectra)
            estimates = istft(masks * mixtures, *grid, length=targets.shape[-1])
            signal = targets.square().sum(-1)
            error = (targets - estimates).square().sum(-1)
            loss = self.loss(masks, mixtures, target_spectra)
            columns = torch.stack((signal, error, loss, torch.ones_like(loss)), dim=2) * known.unsqueeze(2)
            rows = torch.tensor([self.songs.index(e.song) for e in batch])
            sums.index_add_(0, rows, columns.cpu().double())  # in this order: MPS has no float64
            self.beat()
        return sums


def fingerprint_of(excerpts: Iterable[ValidationExcerpt], losses: Sequence[str]) -> str:
    """The same for the same excerpts and losses only: between different ones a validation loss cannot be compared."""
    digest = hashlib.sha256(repr(tuple(losses)).encode())
    for excerpt in excerpts:
        digest.update(str(excerpt.song).encode())
        for waveform in (excerpt.targets, excerpt.rest):
            digest.update(np.ascontiguousarray(waveform).data)
    return digest.hexdigest()


def _equal_length_batches(excerpts: list[ValidationExcerpt]) -> list[list[ValidationExcerpt]]:
    by_length: dict[int, list[ValidationExcerpt]] = {}
    for excerpt in excerpts:
        by_length.setdefault(len(excerpt.rest), []).append(excerpt)
    return [group[i : i + BATCH] for group in by_length.values() for i in range(0, len(group), BATCH)]
