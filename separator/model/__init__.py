"""The network, its settings and its checkpoints."""

from separator.model.checkpoint import (
    CheckpointInfo,
    describe,
    list_checkpoints,
    load_model,
    read_checkpoint,
    save_checkpoint,
)
from separator.model.config import CompactConfig, DualPathConfig, ModelConfig, target_problems
from separator.model.crnn import CRNN
from separator.model.joined import JoinedModel, load_joined

__all__ = [
    "CRNN",
    "CheckpointInfo",
    "CompactConfig",
    "DualPathConfig",
    "JoinedModel",
    "ModelConfig",
    "describe",
    "list_checkpoints",
    "load_joined",
    "load_model",
    "read_checkpoint",
    "save_checkpoint",
    "target_problems",
]
