"""Spectrograms as pictures for the page. What they show is decided in ``separator/plots.py``."""


def song_picture(path):
    return None


def stems_picture(paths):
    return None
