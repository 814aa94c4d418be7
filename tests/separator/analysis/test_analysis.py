"""Tempo, key, tuning and loudness of sounds whose own are known."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from separator.analysis.key import estimate_key
from separator.analysis.loudness import measure_loudness
from separator.analysis.song import analyse_stems
from separator.analysis.tempo import estimate_tempo
from separator.audio import write

RATE = 22050
pytestmark = pytest.mark.slow


def make_clicks(bpm: float, seconds: float = 24.0, start: float = 0.3) -> np.ndarray:
    """Short bursts on the beats, each fourth one higher."""
    samples = np.zeros(round(seconds * RATE), np.float32)
    times = np.arange(start, seconds - 0.1, 60 / bpm)
    click = np.arange(round(0.03 * RATE))
    for number, time in enumerate(times):
        burst = np.sin(2 * np.pi * (2000 if number % 4 == 0 else 1500) * click / RATE) * np.exp(-click / 100)
        samples[round(time * RATE) :][: len(click)] += burst
    return samples


def make_scale(semitones: list[int], hz: float = 220.0) -> np.ndarray:
    """Notes of half a second, with overtones."""
    time = np.arange(RATE // 2) / RATE
    notes = [
        sum(np.sin(2 * np.pi * h * hz * 2 ** (n / 12) * time) / h for h in (1, 2, 3)) * np.exp(-3 * time)
        for n in semitones
    ]
    return (0.2 * np.concatenate(notes)).astype(np.float32)


@pytest.mark.parametrize("bpm", [120.0, 93.5])
def test_tempo_of_clicks_is_exact_to_half_a_bpm(bpm: float) -> None:
    tempo = estimate_tempo(make_clicks(bpm), RATE)
    assert abs(tempo.bpm - bpm) < 0.5
    assert tempo.confidence > 0.9
    offsets = (np.array(tempo.beats) - 0.3 + 30 / bpm) % (60 / bpm) - 30 / bpm
    assert np.abs(np.median(offsets)) < 0.04


@pytest.mark.parametrize(
    ("semitones", "hz", "name"),
    [
        ([0, 4, 7, 12, 5, 9, 12, 0, 7, 11, 14, 5, 4, 2, 0, 0], 261.63, "C major"),
        ([0, 3, 7, 12, 5, 8, 12, 0, 7, 10, 14, 5, 3, 2, 0, 0], 220.0, "A minor"),
    ],
)
def test_key_of_chords_of_one_key(semitones: list[int], hz: float, name: str) -> None:
    key = estimate_key(make_scale(semitones, hz), RATE)
    assert key.name == name
    assert abs(key.tuning_hz - 440) < 5


def test_loudness_and_true_peak_of_a_sine(tone: Callable[..., Tensor]) -> None:
    """1 kHz in both channels at full scale is 0 LUFS by the standard (-3.01 in one); here 6.02 dB below."""
    fades = torch.linspace(0, 50, 7 * 48000).clamp(max=1) * torch.linspace(50, 0, 7 * 48000).clamp(max=1)
    sine = tone(7 * 48000, 997.0, 48000) * fades
    found = measure_loudness(sine, 48000)
    assert found.integrated_lufs is not None and abs(found.integrated_lufs + 6.02) < 0.2
    assert found.true_peak_dbtp is not None and abs(found.true_peak_dbtp + 6.02) < 0.1
    between = torch.tensor([1.0, 1.0, -1.0, -1.0]).repeat(12000)[None] / 2  # its samples miss the peaks by 3 dB
    peak = measure_loudness(between, 48000).true_peak_dbtp
    assert peak is not None and abs(peak + 3.01) < 0.5
    silence = measure_loudness(torch.zeros(2, 48000), 48000)
    assert (silence.integrated_lufs, silence.true_peak_dbtp) == (None, None)


def test_tempo_is_that_of_drums_and_key_that_of_the_rest(tmp_path: Path) -> None:
    clicks, notes = make_clicks(100.0, 8.0), make_scale([0, 3, 7, 12, 5, 8, 12, 0, 7, 10, 14, 5, 3, 2, 0, 0], 220.0)
    stems = {"drums": clicks, "other": notes}
    for name, samples in stems.items():
        write(tmp_path / f"{name}.wav", torch.from_numpy(samples)[None], RATE)
    found = analyse_stems({name: tmp_path / f"{name}.wav" for name in stems})
    record = found.to_dict()
    assert abs(record["tempo_bpm"] - 100) < 0.5
    assert record["key"] == "A minor" and record["loudness"].keys() == stems.keys()
    assert "A minor" in found.describe() and "bpm" in found.describe()
    write(tmp_path / "silence.wav", torch.zeros(2, 5 * RATE), RATE)
    assert analyse_stems({"vocals": tmp_path / "silence.wav"}).describe() == "no tempo and no key found"
