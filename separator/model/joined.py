"""Several models run as one: the same spectrogram in, the masks of all their targets out."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from separator.errors import ConfigError
from separator.model.checkpoint import SUFFIX, load_model
from separator.model.config import ModelConfig
from separator.model.crnn import CRNN
from separator.model.recurrent import State, Steps


class JoinedModel(nn.Module):
    """CRNNs that see the same spectrograms in the same steps; called as one ``CRNN``.

    ``config`` is that of the first with the targets of all: true of all but the sizes of the layers.
    Raises ConfigError for models that differ in their STFT, input channels or steps, or share a target.
    """

    def __init__(self, models: Sequence[CRNN]) -> None:
        super().__init__()
        first, targets = models[0].config, tuple(target for model in models for target in model.config.targets)
        if len({_describe_input(model.config) for model in models}) > 1:
            raise ConfigError("These models take different spectrograms, so they cannot be one; export each by itself.")
        self.config: ModelConfig = replace(first, targets=targets)
        self.models = nn.ModuleList(models)

    @property
    def parts(self) -> list[CRNN]:
        """The models, in their order."""
        return cast(list[CRNN], list(self.models))

    def forward(self, magnitude: Tensor, state: State | None = None, hop: Steps = None) -> tuple[Tensor, State]:
        """As ``CRNN.forward``; the masks and the states of the first model come first."""
        masks: list[Tensor] = []
        ends: list[Tensor] = []
        for model in self.parts:
            begin, count = len(ends), len(model.empty_state())
            own, end = model(magnitude, None if state is None else state[begin : begin + count], hop)
            masks.append(own)
            ends += end
        return torch.cat(masks, dim=1), tuple(ends)

    def empty_state(self) -> State:
        """As ``CRNN.empty_state``."""
        return tuple(state for model in self.parts for state in model.empty_state())

    def n_weights(self) -> int:
        return sum(parameter.numel() for parameter in self.parameters())


def load_joined(paths: Sequence[Path | str]) -> CRNN | JoinedModel:
    """The model of a checkpoint, or those of several as one. Raises CheckpointError, ConfigError."""
    if len(paths) > 1 and any(Path(path).suffix != SUFFIX for path in paths):
        raise ConfigError(f"Several models become one from their checkpoints ({SUFFIX}), not from exported files.")
    models = [load_model(path) for path in paths]
    return models[0] if len(models) == 1 else JoinedModel(models)


def _describe_input(config: ModelConfig) -> tuple[object, ...]:
    return config.stft, config.input_channels, config.time_factor, config.fold
