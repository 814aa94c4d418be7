"""Recognises what a data folder holds and lists its songs; one module per layout. Decoding is the cache's work."""

from training.datasets.recognise import WeightedFolder, find_songs, find_weighted
from training.datasets.songs import ACCOMPANIMENT, DataFolder, Song
from training.datasets.split import split_songs
from training.datasets.tree import find_loose

__all__ = [
    "ACCOMPANIMENT",
    "DataFolder",
    "Song",
    "WeightedFolder",
    "find_loose",
    "find_songs",
    "find_weighted",
    "split_songs",
]
