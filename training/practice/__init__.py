"""Made-up songs for a first training without data."""

from training.practice.songs import make_practice_songs

__all__ = [
    "make_practice_songs",
]
