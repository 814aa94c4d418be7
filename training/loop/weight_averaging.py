"""Averages of weights, which often score better than the weights themselves.

Of the best epochs (Izmailov et al. 2018), and over the steps of a training: an exponential moving average.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from separator.errors import CheckpointError
from separator.model import CRNN, save_checkpoint
from separator.model.checkpoint import SUFFIX, describe, read_checkpoint

Tensors = tuple[Tensor, ...] | list[Tensor]


class BestModels:
    """The models of the ``most`` best epochs, kept in a folder while a training goes on; none where that is below 2."""

    def __init__(self, folder: Path, most: int) -> None:
        self.folder = folder
        self.most = most

    def offer(self, model: CRNN, score: float, record: dict[str, Any]) -> None:
        """Keep a model if its score (the more the better) is among the best; the worst one makes way."""
        if self.most < 2:
            return
        self.folder.mkdir(exist_ok=True)
        path = self.folder / f"epoch_{record['epoch']:04d}{SUFFIX}"
        save_checkpoint(path, model, {**record, "score": score})
        for _, _, worse in self._list_ranked()[self.most :]:
            worse.unlink()

    def clear(self) -> None:
        """Forget all models, as when what scored them has changed."""
        for _, _, path in self._list_ranked():
            path.unlink()

    def epochs(self) -> list[int]:
        """The epochs whose models are kept, the best first."""
        return [epoch for _, epoch, _ in self._list_ranked()]

    def average(self) -> dict[str, Tensor] | None:
        """The mean of the kept weights and running statistics; None where there are fewer than two."""
        ranked = self._list_ranked() if self.most >= 2 else []
        if len(ranked) < 2:
            return None
        return mean_weights([read_checkpoint(path)["weights"] for _, _, path in ranked])

    def _list_ranked(self) -> list[tuple[float, int, Path]]:
        """(score, epoch, file), the best first; of equals the older."""
        found = []
        for path in self.folder.glob(f"epoch_*{SUFFIX}"):
            try:
                training = describe(path).training
            except CheckpointError:
                continue
            found.append((float(training["score"]), int(training["epoch"]), path))
        return sorted(found, key=lambda item: (-item[0], item[1]))


def mean_weights(all_weights: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of the weights and running statistics of models with the same layers."""
    return {name: _mean([weights[name] for weights in all_weights]) for name in all_weights[0]}


def read_if_valid(path: Path) -> dict[str, Any] | None:
    """A checkpoint's content; None where it is missing or damaged."""
    try:
        return read_checkpoint(path)
    except CheckpointError:
        return None


def make_moving_average(model: CRNN, decay: float) -> AveragedModel:
    """A copy of a model for ``update_parameters(model)`` after each step; its ``module`` is the averaged CRNN.

    The n-th update has the lower decay ``n / (9 + n)`` where that is less, so that the random first weights fade soon.
    """

    @torch.no_grad()
    def update(averages: Tensors, values: Tensors, n_averaged: Tensor | int) -> None:
        n = int(n_averaged) + 1
        if averages[0].is_floating_point():
            torch._foreach_lerp_(averages, values, 1 - min(decay, n / (9 + n)))
        else:
            torch._foreach_copy_(averages, values)

    average = AveragedModel(model, multi_avg_fn=update, use_buffers=True)
    average.requires_grad_(False)
    return average


def _mean(tensors: list[Tensor]) -> Tensor:
    """Of counters, which have no fractions, the first."""
    if not tensors[0].is_floating_point():
        return tensors[0]
    return torch.stack([tensor.double() for tensor in tensors]).mean(0).to(tensors[0].dtype)
