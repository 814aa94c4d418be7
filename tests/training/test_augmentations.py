"""Each augmentation does what its name says, and no more."""

import numpy as np
import pytest
from numpy.typing import NDArray

from training.augmentations import AUGMENTATIONS, augment, double, equalise, low_pass, polarity, reverb, saturate

RATE = 22050
FUNCTIONS = {name: function for name, (function, _, _) in AUGMENTATIONS.items() if function is not None}


@pytest.fixture
def noise() -> NDArray[np.float32]:  # type: ignore[override]
    return (0.1 * np.random.default_rng(0).standard_normal(RATE)).astype(np.float32)


def spectrum_db(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Power in dB in 100 equal bands up to half the rate."""
    power = np.abs(np.fft.rfft(samples))[1:] ** 2
    return 10 * np.log10(power[: len(power) // 100 * 100].reshape(100, -1).mean(axis=1) + 1e-20)


@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_length_and_type_stay_and_the_input_is_not_touched(name: str, noise: NDArray[np.float32]):
    before = noise.copy()
    for seed in range(5):
        changed = FUNCTIONS[name](noise, np.random.default_rng(seed), RATE)
        assert changed.shape == noise.shape
        assert changed.dtype == np.float32
        assert np.isfinite(changed).all()
    assert np.array_equal(noise, before)


@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_silence_stays_silence(name: str):
    silence = np.zeros(RATE, dtype=np.float32)
    assert not np.any(FUNCTIONS[name](silence, np.random.default_rng(0), RATE))


def test_polarity_turns_the_waveform_over(noise: NDArray[np.float32]):
    assert np.array_equal(polarity(noise, np.random.default_rng(0), RATE), -noise)


def test_an_equaliser_is_linear_smooth_and_of_bounded_strength(noise: NDArray[np.float32]):
    for seed in range(10):
        once = equalise(noise, np.random.default_rng(seed), RATE)
        twice_as_loud = equalise(2 * noise, np.random.default_rng(seed), RATE)
        assert np.allclose(twice_as_loud, 2 * once, atol=1e-5)
        gain = spectrum_db(once) - spectrum_db(noise)
        assert np.abs(gain).max() < 6 * 3 + 1.2 * 5
        assert np.abs(np.diff(gain[5:])).max() < 3


def test_a_low_pass_leaves_what_is_below_and_cuts_what_is_above(noise: NDArray[np.float32]):
    gain = spectrum_db(low_pass(noise, np.random.default_rng(1), RATE)) - spectrum_db(noise)
    cut_hz = 110.25 * int(np.argmax(gain < -3))
    assert 3800 < cut_hz < 10100
    bands_hz = 110.25 * np.arange(100)
    assert np.abs(gain[bands_hz < 0.85 * cut_hz]).max() < 0.1
    assert gain[bands_hz > 1.2 * cut_hz].max() < -25


def test_a_room_answers_after_the_sound_and_dies_away():
    click = np.zeros(2 * RATE, dtype=np.float32)
    click[100] = 1.0
    for seed in range(5):
        wet = reverb(click, np.random.default_rng(seed), RATE)
        assert wet[100] == pytest.approx(1.0, abs=1e-4)
        assert np.abs(wet[:100]).max() < 1e-4
        tail_db = 10 * np.log10(np.sum(np.square(wet[101:])))
        assert -21 < tail_db < -5
        assert np.sum(wet[101 : RATE // 2] ** 2) > np.sum(wet[-RATE // 2 :] ** 2)


def test_saturation_keeps_the_peak_and_lifts_what_is_below(noise: NDArray[np.float32]):
    changed = saturate(noise, np.random.default_rng(0), RATE)
    assert np.abs(changed).max() == pytest.approx(np.abs(noise).max(), rel=1e-5)
    assert np.mean(changed**2) > np.mean(noise**2)
    assert np.array_equal(np.sign(changed), np.sign(noise))


def test_doubling_adds_a_later_quieter_copy():
    click = np.zeros(RATE, dtype=np.float32)
    click[5000:5100] = 1.0
    for seed in range(5):
        added = double(click, np.random.default_rng(seed), RATE) - click
        first = int(np.argmax(np.abs(added) > 0.01)) - 5000
        assert 0.008 * RATE < first < 0.045 * RATE
        assert 0.25 < np.abs(added).max() < 0.95


def test_unnamed_augmentations_change_nothing(noise: NDArray[np.float32]):
    for seed in range(20):
        nothing = augment(noise, np.random.default_rng(seed), RATE, (), is_target=True)
        assert np.array_equal(nothing, noise)
    turned = [
        np.array_equal(augment(noise, np.random.default_rng(s), RATE, ("polarity",), is_target=True), -noise)
        for s in range(200)
    ]
    assert 0.35 < np.mean(turned) < 0.65
