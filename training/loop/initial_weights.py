"""The model to train: a preset's, a checkpoint's, or a new one with those layers of another one that fit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from separator.errors import ConfigError
from separator.model import CRNN, ModelConfig
from separator.model.checkpoint import read_checkpoint
from training.config import PRESETS, ModelSettings, TrainConfig


def make_model_config(config: ModelSettings, checkpoint: dict[str, Any] | None = None) -> ModelConfig:
    """The model to train: a checkpoint's where there is one, under the wanted targets' names, else the preset's.

    Raises:
        ConfigError: the checkpoint describes a model that cannot be built, or one of another number of targets.
    """
    if checkpoint is None:
        return PRESETS[config.preset](config.target)
    model = ModelConfig.from_dict(checkpoint["model"])
    if len(model.targets) != len(config.target):
        raise ConfigError(
            f"the model to go on from separates {', '.join(model.targets)}, and {', '.join(config.target)} are wanted; "
            "give as many targets, or take over the layers that fit with --init_from"
        )
    return replace(model, targets=config.target)


def find_sample_rate(config: ModelSettings, start_from: Path | None = None) -> int:
    """In Hz, of the model to train, which goes on from a checkpoint where one is given.

    Raises CheckpointError and ConfigError, as :func:`make_model_config`.
    """
    return make_model_config(config, read_checkpoint(start_from) if start_from else None).stft.sample_rate


def init_from_checkpoint(path: Path | str, config: TrainConfig) -> tuple[dict[str, Any], str]:
    """A checkpoint of the config's preset to train from, and a sentence about what it has of the one at ``path``.

    Tensors of one name and shape are taken over; of the last layer what belongs to each target that both models have.
    GRU layers that the other model has not begin by adding nothing, so that the others keep their inputs.

    Raises:
        CheckpointError: the file cannot be used.
    """
    source = read_checkpoint(path)
    torch.manual_seed(config.seed)
    model = CRNN(make_model_config(config))
    last = f"decoder.{len(model.decoder) - 1}."
    known = source["model"].get("targets", ())
    shared = {i: list(known).index(target) for i, target in enumerate(config.target) if target in known}
    weights, new = model.state_dict(), []
    for name, value in weights.items():
        other = source["weights"].get(name)
        if other is not None and name.startswith(last) and value.ndim:
            if name == f"{last}smooth.weight":
                is_copied = _copy_smoothing(value, other, shared)
            else:
                is_copied = _copy_targets(value, other, shared, dim=1 if name == f"{last}conv.weight" else 0)
        else:
            is_copied = other is not None and other.shape == value.shape
            if is_copied:
                value.copy_(other)
        if not is_copied:
            new.append(name)
        if other is None and name.startswith("bottleneck.layers.") and ".out." in name:
            value.zero_()
    layers = ", ".join(dict.fromkeys(".".join(name.split(".")[: 3 if ".layers." in name else 2]) for name in new))
    sentence = f"{len(weights) - len(new)} of {len(weights)} tensors are those of {path}; new: {layers or 'none'}"
    return {"model": model.config.to_dict(), "weights": weights}, sentence


def _copy_targets(value: Tensor, other: Tensor, shared: dict[int, int], dim: int) -> bool:
    """Copy what belongs to some targets, numbered as in ``value`` -> as in ``other``; whether anything was."""
    own, others = value.movedim(dim, 0), other.movedim(dim, 0)
    if not shared or own.shape[1:] != others.shape[1:]:
        return False
    for i, j in shared.items():
        own[i].copy_(others[j])
    return True


def _copy_smoothing(value: Tensor, other: Tensor, shared: dict[int, int]) -> bool:
    """The same of a convolution ``(S, S, ...)`` from all targets to all: what others add to those begins as nothing."""
    if not shared or value.shape[2:] != other.shape[2:]:
        return False
    for i, j in shared.items():
        value[i].zero_()
        value[i, i].copy_(other[j, j])
    return True
