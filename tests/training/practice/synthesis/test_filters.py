"""Filters do what their response says: nothing at all, a given gain at a given frequency, no sound before its cause."""

import numpy as np
import pytest

from training.practice.synthesis import SAMPLE_RATE
from training.practice.synthesis.filters import (
    FREQUENCIES_HZ,
    apply_filter,
    bandpass,
    fast_fft_size,
    filter_over_time,
    highpass,
    lowpass,
    n_frames,
    resonance,
    reverb,
)


@pytest.mark.parametrize("length", [1, 511, 512, 513, 10_000])
def test_a_response_of_ones_gives_the_signal_back(length: int) -> None:
    signal = np.random.default_rng(0).standard_normal(length)
    controls = np.ones((n_frames(length), 1))
    np.testing.assert_allclose(filter_over_time(signal, lambda gain: gain, controls), signal, atol=1e-12)
    np.testing.assert_allclose(apply_filter(signal, lambda f: np.ones_like(f)), signal, atol=1e-12)


def test_gains_at_the_corner_frequencies() -> None:
    at = np.array([1000.0])
    assert abs(lowpass(at, 1000.0, 1)[0]) == pytest.approx(2**-0.5)
    assert abs(highpass(at, 1000.0, 2)[0]) == pytest.approx(0.5)
    assert abs(bandpass(at, 1000.0, 100.0)[0]) == pytest.approx(1.0)
    assert abs(resonance(at, 1000.0, 100.0)[0]) == pytest.approx(10.0)
    assert abs(resonance(np.array([0.0]), 1000.0, 100.0)[0]) == pytest.approx(1.0)


def test_a_tone_above_the_low_pass_is_gone_and_one_below_stays() -> None:
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    for frequency, gain in ((100.0, 1.0), (8000.0, 0.0)):
        filtered = apply_filter(np.sin(2 * np.pi * frequency * time), lambda f: lowpass(f, 1000, 4))
        middle = filtered[SAMPLE_RATE // 4 : -SAMPLE_RATE // 4]
        assert np.abs(middle).max() == pytest.approx(gain, abs=0.03)


def test_nothing_sounds_before_its_cause() -> None:
    impulse = np.zeros(8000)
    impulse[4000] = 1.0
    fixed = apply_filter(impulse, lambda f: resonance(f, 800.0, 80.0))
    centres = np.full((n_frames(8000), 1), 800.0)
    moving = filter_over_time(impulse, lambda centre: resonance(FREQUENCIES_HZ, centre, 80.0), centres)
    for filtered in (fixed, moving):
        assert np.abs(filtered[:3990]).max() < 1e-2 * np.abs(filtered).max()


def test_reverb_falls_by_60_db_in_its_time() -> None:
    click = np.zeros((2, 2 * SAMPLE_RATE))
    click[:, 1000] = 1.0
    wet = reverb(click, np.random.default_rng(0), seconds=1.0, damping_hz=15_000)
    assert np.abs(wet[:, :1000]).max() < 1e-3 * np.abs(wet).max()
    # High frequencies fall sooner, as in a room.
    wet = apply_filter(wet, lambda f: lowpass(f, 500, 4))
    early = np.mean(wet[:, 1000 + 8820 : 1000 + 13_230] ** 2)
    late = np.mean(wet[:, 1000 + 30_870 : 1000 + 35_280] ** 2)
    assert 10 * np.log10(early / late) == pytest.approx(30, abs=6)
    assert abs(np.corrcoef(wet)[0, 1]) < 0.1


@pytest.mark.parametrize("minimum", [1, 7, 1000, 1_058_400])
def test_fast_sizes_are_large_enough_and_not_much_larger(minimum: int) -> None:
    assert minimum <= fast_fft_size(minimum) <= max(minimum * 1.13, minimum + 1)
