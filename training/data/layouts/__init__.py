"""Recognises what a data folder holds and lists its songs; one module per layout. Decoding is the cache's work."""

from training.data.layouts.detect import WeightedFolder, find_songs, find_weighted
from training.data.layouts.paths import find_loose
from training.data.layouts.song import ACCOMPANIMENT, DataFolder, Song
from training.data.layouts.split import split_songs

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
