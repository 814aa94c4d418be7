"""From a folder of songs to batches."""

from training.data.cache import Cache, UnreadableFile
from training.data.layouts import Song, find_loose, find_songs, find_weighted, split_songs
from training.data.layouts.song import ACCOMPANIMENT, FOUR_STEMS
from training.data.remix import Excerpts
from training.data.training_data import TrainingData, ValidationExcerpt, load_training_data, validation_excerpts

__all__ = [
    "ACCOMPANIMENT",
    "FOUR_STEMS",
    "Cache",
    "Excerpts",
    "Song",
    "TrainingData",
    "UnreadableFile",
    "ValidationExcerpt",
    "find_loose",
    "find_songs",
    "find_weighted",
    "load_training_data",
    "split_songs",
    "validation_excerpts",
]
