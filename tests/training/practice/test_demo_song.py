"""The demo song: complete, its stems add up exactly, balanced, without clicks, and what its script makes today."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

from training.practice import demo_song
from training.practice.synthesis import SAMPLE_RATE, Array
from training.practice.synthesis.mixing import STEMS

FOLDER = Path(__file__).parents[3] / "assets" / "demo"


@cache
def stored(name: str) -> Array:
    """Samples (2, N) as whole numbers."""
    return soundfile.read(FOLDER / f"{name}.flac", dtype="int16")[0].T.astype(int)


def rms_db(samples: Array) -> float:
    return float(10 * np.log10(np.mean((samples / 32_768) ** 2) + 1e-12))


def section(samples: Array, first_bar: int, end_bar: int) -> Array:
    at = [round(demo_song.METER.at(bar, 0) * SAMPLE_RATE) for bar in (first_bar, end_bar)]
    return samples[:, at[0] : at[1]]


def test_files_are_complete_stereo_and_small() -> None:
    paths = sorted(FOLDER.glob("*.flac"))
    assert [path.stem for path in paths] == sorted([*STEMS, "mixture"])
    assert sum(path.stat().st_size for path in paths) < 12_000_000
    assert "CC0" in (FOLDER / "LICENSE.txt").read_text(encoding="utf-8")
    for path in paths:
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.subtype) == (SAMPLE_RATE, 2, "PCM_16")
        assert 20 <= info.duration <= 30


def test_stems_add_up_to_the_mixture_exactly_and_nothing_clips() -> None:
    np.testing.assert_array_equal(sum(stored(name) for name in STEMS), stored("mixture"))
    assert max(np.abs(stored(name)).max() for name in (*STEMS, "mixture")) < 0.95 * 32_768
    for name in STEMS:
        assert abs(np.mean(stored(name) / 32_768)) < 1e-4


@pytest.mark.parametrize("bars", [(demo_song.VERSE, demo_song.CHORUS), (demo_song.CHORUS, 10)])
def test_the_voice_is_balanced_where_it_sings(bars: tuple[int, int]) -> None:
    voice = section(stored("vocals"), *bars)
    accompaniment = section(stored("mixture") - stored("vocals"), *bars)
    assert -6 < rms_db(voice) - rms_db(accompaniment) < 2


def test_the_intro_has_no_voice_and_the_song_ends_in_silence() -> None:
    assert not stored("vocals")[:, : 4 * SAMPLE_RATE].any()
    assert np.abs(stored("mixture")[:, -10:]).max() <= 1


@pytest.mark.parametrize("name", ["bass", "other"])
def test_no_clicks(name: str) -> None:
    """A jump stands out in the third difference against its surroundings; plucks and onsets stay well below."""
    rough = np.abs(np.diff(stored(name).mean(axis=0) / 32_768, n=3))
    peaks = rough[: rough.size // 64 * 64].reshape(-1, 64).max(axis=1)
    around = np.median(np.lib.stride_tricks.sliding_window_view(np.pad(peaks, 12, mode="edge"), 25), axis=1)
    assert (peaks / (around + 2e-4)).max() < 8


@pytest.mark.slow
def test_the_script_makes_the_shipped_files(tmp_path: Path) -> None:
    demo_song.main(["--out_dir", str(tmp_path)])
    for name in (*STEMS, "mixture"):
        made = soundfile.read(tmp_path / f"{name}.flac", dtype="int16")[0].T.astype(int)
        # Another processor may round a sine differently; four stems' rounding can meet in the mixture.
        assert np.abs(made - stored(name)).max() <= (4 if name == "mixture" else 1)
