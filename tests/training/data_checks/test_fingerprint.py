from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from training.data.cache import Cache
from training.data_checks.fingerprint import Fingerprint, FingerprintIndex, fingerprint

Melody = Callable[..., np.ndarray]
Print = Callable[..., Fingerprint]


@pytest.fixture
def print_of(tmp_path: Path) -> Print:
    """The fingerprint of a waveform, by way of a file and the cache."""

    def make(waveform: np.ndarray, name: str = "a.wav", sample_rate: int = 22050) -> Fingerprint:
        soundfile.write(tmp_path / name, waveform, sample_rate)
        return fingerprint(Cache(tmp_path / "cache", 22050).load([tmp_path / name]))

    return make


@pytest.mark.slow
def test_a_copy_is_found_at_another_level_rate_format_and_place(print_of: Print, melody: Melody) -> None:
    song = melody(20.0, 44100, seed=1)
    index = FingerprintIndex(
        {Path(f"song {seed}"): print_of(melody(20.0, seed=seed)) for seed in range(2, 6)}
        | {Path("original"): print_of(song, "original.wav", 44100)}
    )
    cut = 0.3 * song[5 * 44100 + 123 : 15 * 44100]
    matches = index.matches(print_of(cut, "copy.mp3", 44100), 22050)
    assert list(matches) == [Path("original")]
    assert matches[Path("original")].bit_error < 0.2
    assert matches[Path("original")].seconds > 8


@pytest.mark.slow
def test_another_song_is_not_found(print_of: Print, melody: Melody) -> None:
    index = FingerprintIndex({Path(f"song {seed}"): print_of(melody(30.0, seed=seed)) for seed in range(1, 6)})
    assert index.matches(print_of(melody(30.0, seed=9)), 22050) == {}


def test_a_voice_over_a_known_backing_is_found(print_of: Print, melody: Melody) -> None:
    backing = melody(20.0, seed=1)
    index = FingerprintIndex({Path("karaoke"): print_of(backing)})
    assert Path("karaoke") in index.matches(print_of(backing + 0.2 * melody(20.0, seed=2)), 22050)


def test_the_same_file_differs_in_no_bit(print_of: Print, melody: Melody) -> None:
    own = print_of(melody(10.0))
    assert FingerprintIndex({Path("itself"): own}).matches(own, 22050)[Path("itself")].bit_error == 0


def test_silence_and_snippets_match_nothing(print_of: Print, melody: Melody) -> None:
    silence = print_of(np.zeros(5 * 22050, dtype=np.float32))
    snippet = print_of(melody(0.3))
    index = FingerprintIndex({Path("silence"): silence, Path("snippet"): snippet})
    assert index.matches(silence, 22050) == {}
    assert index.matches(snippet, 22050) == {}
    assert FingerprintIndex({}).matches(print_of(melody(5.0)), 22050) == {}
