"""Spectrograms: the STFT and the grid that a model and a song share."""
