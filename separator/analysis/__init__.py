"""Tempo, beats, key, tuning and loudness of a song and its stems. Needs librosa and pyloudnorm, which no other package
of the core imports."""
