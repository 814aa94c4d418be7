"""The training loop and its parts; what needs Lightning is imported from its own module."""

from training.loop.background import BackgroundTraining
from training.loop.launch import open_run, train

__all__ = [
    "BackgroundTraining",
    "open_run",
    "train",
]
