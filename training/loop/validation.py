"""Scores models on fixed excerpts: the loss that early stopping watches, and the SDR."""

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor

from separator.model import CRNN
from separator.spectral import StftConfig, istft, stft
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
    target_sdr_db: tuple[float, ...]


class Evaluator:
    """Scores models on the validation excerpts, and picks the best of some; the same result in every process of a job.

    Args:
        select_by: "loss" or "sdr".
        fabric: gives the precision, and of a job of several processes each scores its share of the excerpts.
        heartbeat: called after every few excerpts.
    """

    def __init__(
        self,
        excerpts: list[ValidationExcerpt],
        stft_config: StftConfig,
        loss: Loss,
        *,
        select_by: str = "loss",
        fabric: Fabric | None = None,
        heartbeat: Callable[[], None] = lambda: None,
    ) -> None:
        self.excerpts = excerpts
        self.stft_config = stft_config
        self.loss = loss
        self.select_by = select_by
        self.fabric = fabric
        self.heartbeat = heartbeat
        self.songs = sorted({excerpt.song for excerpt in excerpts})

    def score(self, model: CRNN) -> Scores:
        """The scores of a model, which is left in evaluation mode."""
        if self.fabric is None or self.fabric.world_size == 1:
            return self.to_scores(self.model_sums(model.eval()))
        for buffer in model.buffers():  # batch statistics are each process's own on a CPU
            torch.distributed.broadcast(buffer, 0)
        share = slice(self.fabric.global_rank, None, self.fabric.world_size)
        sums = self.model_sums(model.eval(), share).to(self.fabric.device)
        return self.to_scores(torch.as_tensor(self.fabric.all_reduce(sums, reduce_op="sum")).cpu())

    def select_best(self, models: Sequence[CRNN]) -> tuple[Scores, CRNN]:
        """The best of some models, and its scores."""
        scored = [(self.score(model), model) for model in models]
        return max(scored, key=lambda pair: self.selection_score(pair[0]))

    def selection_score(self, scores: Scores) -> float:
        """One number, higher is better; -inf instead of NaN."""
        score = scores.sdr_db if self.select_by == "sdr" else -scores.loss
        return score if math.isfinite(score) else -math.inf

    def score_mixture(self) -> Scores:
        """The scores of the mixture itself as the estimate: the floor."""
        return self.to_scores(self._sums(lambda x, s: torch.ones_like(s.real), torch.device("cpu"), slice(None)))

    def score_ideal_mask(self) -> Scores:
        """The scores of the ideal ratio mask |S| / (|S| + |X - S|): about the most that a magnitude mask can reach."""

        def mask_of(mixture: Tensor, targets: Tensor) -> Tensor:
            wanted, rest = targets.abs(), (mixture.unsqueeze(1) - targets).abs()
            return wanted / (wanted + rest + 1e-8)

        return self.to_scores(self._sums(mask_of, torch.device("cpu"), slice(None)))

    def model_sums(self, model: CRNN, share: slice = slice(None)) -> Tensor:
        """Sums (songs, S, 4) of a model over a share of the excerpts: signal energy, error energy, loss, excerpts."""
        device = next(model.parameters()).device

        def mask_of(mixture: Tensor, targets: Tensor) -> Tensor:
            with self.fabric.autocast() if self.fabric is not None else nullcontext():
                masks: Tensor = model(mixture.abs())[0]
            return masks.float()

        return self._sums(mask_of, device, share)

    def to_scores(self, sums: Tensor) -> Scores:
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
            self.heartbeat()
        return sums


def fingerprint_excerpts(excerpts: Iterable[ValidationExcerpt], losses: Sequence[str]) -> str:
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
