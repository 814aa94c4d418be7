"""Says how good a model is, and which of two is better, by what the config selects by; all processes say the same."""

import math
from collections.abc import Sequence

import torch
from lightning.fabric import Fabric

from separator.model.crnn import CRNN
from training.config import TrainConfig
from training.loop.fabric import autocast_dtype, precision_of
from training.loop.validation import Scores, Validator


class Judge:
    """Scores models on the validation excerpts, of which each process takes its share."""

    def __init__(self, fabric: Fabric, config: TrainConfig, validator: Validator) -> None:
        self.fabric = fabric
        self.validator = validator
        self._by_sdr = config.select_by == "sdr"
        self._autocast = autocast_dtype(precision_of(config.precision, fabric.device.type))

    def scores_of(self, model: CRNN) -> Scores:
        """The scores of a model, which is left in evaluation mode."""
        share = slice(self.fabric.global_rank, None, self.fabric.world_size)
        sums = self.validator.model_sums(model.eval(), self.fabric.device, self._autocast, share)
        if self.fabric.world_size > 1:
            reduced = self.fabric.all_reduce(sums.to(self.fabric.device), reduce_op="sum")
            sums = torch.as_tensor(reduced).cpu()
        return self.validator.scores(sums)

    def best_of(self, models: Sequence[CRNN]) -> tuple[Scores, CRNN]:
        """The best of some models, and its scores."""
        judged = [(self.scores_of(model), model) for model in models]
        return max(judged, key=lambda pair: self.merit(pair[0]))

    def merit(self, scores: Scores) -> float:
        """One number, the more the better; what is no number is worst."""
        score = scores.sdr_db if self._by_sdr else -scores.loss
        return score if math.isfinite(score) else -math.inf
