"""Practice songs, whose tempo and key are known, analysed by their true stems."""

import numpy as np
import pytest
import torch

from separator.analysis.key import estimate_key
from separator.analysis.tempo import estimate_tempo
from separator.audio import resample, to_mono
from training.practice.songs import compose, plan_song
from training.practice.synthesis.music import MAJOR

RATE = 22050
NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
SECONDS = 24.0


pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
Found = list[tuple[float, float, str, str]]


@pytest.fixture(scope="module")
def songs() -> Found:
    """Tempo found and true, key found and true, of each song."""
    rows = []
    for index in range(12):
        plan = plan_song(index, SECONDS, seed=0)
        stems = {name: read_mono(samples) for name, samples in compose(index, SECONDS, seed=0).items()}
        key = estimate_key(stems["mixture"] - stems["drums"], RATE).name
        mode = "major" if plan.key.scale == MAJOR else "minor"
        tempo = estimate_tempo(stems["drums"], RATE).bpm
        rows.append((tempo, plan.meter.tempo_bpm, key, f"{NAMES[plan.key.tonic % 12]} {mode}"))
    return rows


def test_tempo_of_10_in_12_practice_songs(songs: Found) -> None:
    pairs = [(round(found, 2), round(true, 2)) for found, true, *_ in songs]
    assert sum(abs(found - true) < 0.5 for found, true in pairs) >= 10, pairs


def test_key_of_9_in_12_practice_songs(songs: Found) -> None:
    pairs = [(found, true) for *_, found, true in songs]
    assert sum(found == true for found, true in pairs) >= 9, pairs


def read_mono(samples: np.ndarray) -> np.ndarray:
    """16-bit samples ``(2, N)`` at 44.1 kHz -> float32 ``(N,)`` at 22.05 kHz."""
    return resample(to_mono(torch.from_numpy(samples / 32768).float())[0], 44100, RATE).numpy()
