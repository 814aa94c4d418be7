"""An exponential moving average of a model's weights, which often scores better than the weights themselves."""

import copy

import torch

from separator.model.crnn import CRNN


class WeightAverage:
    """Keeps ``model``, the average: ``average += (1 - decay) * (weights - average)`` after each step.

    Early on the decay is lower, so that the first, random weights are soon forgotten (as in Polyak averaging with
    ``(1 + step) / (10 + step)``).
    """

    def __init__(self, model: CRNN, decay: float) -> None:
        self.decay = decay
        self.model = copy.deepcopy(model).requires_grad_(False)
        self.updates = 0

    @torch.no_grad()
    def update(self, model: CRNN) -> None:
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for average, current in zip(self.model.state_dict().values(), model.state_dict().values(), strict=True):
            if average.is_floating_point():
                average.lerp_(current, 1 - decay)
            else:
                average.copy_(current)
