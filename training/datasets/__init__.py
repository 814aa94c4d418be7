"""Recognises what a data folder holds and lists its songs; one module per layout. Decoding is the cache's work."""

from training.datasets.recognise import find_songs
from training.datasets.songs import ACCOMPANIMENT, DataFolder, Song
from training.datasets.split import split_songs
from training.datasets.tree import find_loose

__all__ = ["ACCOMPANIMENT", "DataFolder", "Song", "find_loose", "find_songs", "split_songs"]
