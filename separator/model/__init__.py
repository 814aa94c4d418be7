"""The network, its settings and its checkpoints."""

from separator.model.checkpoint import load_model, save_checkpoint
from separator.model.config import ModelConfig
from separator.model.crnn import CRNN

__all__ = ["CRNN", "ModelConfig", "load_model", "save_checkpoint"]
