"""Stems are whole numbers that add up exactly; levels are as given; a song's folder is complete or absent."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from training.practice.synthesis import SAMPLE_RATE
from training.practice.synthesis.mixing import even_out, fade_out, level_to, quantise, write_song


def test_quantised_stems_add_up_exactly_below_the_peak() -> None:
    rng = np.random.default_rng(0)
    stems = {name: rng.standard_normal((2, 5000)) for name in "abcd"}
    whole = quantise(stems, peak=0.8)
    np.testing.assert_array_equal(sum(whole[name].astype(int) for name in stems), whole["mixture"].astype(int))
    assert max(np.abs(stem.astype(int)).max() for stem in whole.values()) <= 0.8 * 32_767 + 2
    silent = quantise({"a": np.zeros((2, 10))})
    assert not silent["mixture"].any()


def test_stems_that_cancel_in_the_mixture_do_not_clip_themselves() -> None:
    tone = np.sin(np.arange(5000) / 10)[None].repeat(2, axis=0)
    whole = quantise({"a": tone, "b": -0.9 * tone})
    assert np.abs(whole["a"].astype(int)).max() == round(0.89 * 32_767)
    np.testing.assert_array_equal(whole["a"] + whole["b"], whole["mixture"])


def test_level_counts_only_what_sounds() -> None:
    tone = np.zeros((2, 2 * SAMPLE_RATE))
    tone[:, :SAMPLE_RATE] = np.sin(2 * np.pi * 441 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    levelled = level_to(tone, -20.0)
    assert np.abs(levelled).max() == pytest.approx(2**0.5 / 10, rel=0.02)
    assert not level_to(np.zeros((2, 5000)), -20.0).any()


def test_even_out_halves_a_step_in_level_and_keeps_silence() -> None:
    tone = np.sin(2 * np.pi * 441 * np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE)
    tone[SAMPLE_RATE : 2 * SAMPLE_RATE] *= 0.25
    tone[2 * SAMPLE_RATE :] = 0
    evened = even_out(tone, amount=0.5, seconds=0.2)
    loud, soft = np.abs(evened[20_000:30_000]).max(), np.abs(evened[60_000:70_000]).max()
    assert soft / loud == pytest.approx(0.5, rel=0.02)
    assert not evened[2 * SAMPLE_RATE :].any()


def test_fade_out_ends_at_zero_and_leaves_the_start() -> None:
    faded = fade_out(np.ones((2, SAMPLE_RATE)), 0.25)
    assert abs(faded[0, -1]) < 1e-12
    assert (faded[:, : SAMPLE_RATE * 3 // 4] == 1).all()


def test_a_song_replaces_its_half_written_self(tmp_path: Path, leftover: Callable[[Path], Path]) -> None:
    half = leftover(tmp_path / "song")
    half.mkdir()
    (half / "old.wav").write_bytes(b"half")
    song = {"vocals": np.arange(-5, 5, dtype=np.int16).reshape(2, 5)}
    write_song(tmp_path / "song", song)
    write_song(tmp_path / "song", song)  # as another process may have done meanwhile
    assert [path.name for path in tmp_path.iterdir()] == ["song"]
    assert [path.name for path in (tmp_path / "song").iterdir()] == ["vocals.wav"]
    stored = soundfile.read(tmp_path / "song" / "vocals.wav", dtype="int16")[0]
    np.testing.assert_array_equal(stored.T, np.arange(-5, 5).reshape(2, 5))
