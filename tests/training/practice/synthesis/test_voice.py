"""The voice sings the notes it is given, in tune and in time, with the vowels' formants, and is silent in the rests."""

import numpy as np
import pytest

from training.practice.synthesis import SAMPLE_RATE, Array
from training.practice.synthesis.phonemes import CONSONANTS, VOWELS
from training.practice.synthesis.tones import hertz
from training.practice.synthesis.voice import BREATH_SECONDS, SungNote, Voice, sing

STILL = Voice(vibrato_semitones=0.0, breathiness=0.0)


def pitch_by_autocorrelation(sound: Array) -> float:
    """MIDI note number of ``sound (N,)``, between 70 and 900 Hz, by the peak of its autocorrelation."""
    spectrum = np.fft.rfft(sound, 2 * sound.size)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)
    shortest, longest = SAMPLE_RATE // 900, SAMPLE_RATE // 70
    lag = shortest + int(np.argmax(correlation[shortest:longest]))
    left, middle, right = correlation[lag - 1 : lag + 2]
    lag_seconds = (lag + 0.5 * (left - right) / (left - 2 * middle + right)) / SAMPLE_RATE
    return float(69 + 12 * np.log2(1 / lag_seconds / 440))


def part(sound: Array, start_seconds: float, end_seconds: float) -> Array:
    return sound[round(start_seconds * SAMPLE_RATE) : round(end_seconds * SAMPLE_RATE)]


def test_pitch_follows_the_melody() -> None:
    pitches = [50, 53, 57, 62, 60, 69, 45]
    notes = [SungNote(0.3 + 0.5 * n, 0.48, pitch, "l", "a") for n, pitch in enumerate(pitches)]
    sound = sing(notes, Voice(), 4.2, np.random.default_rng(0))
    for note in notes:
        held = part(sound, note.start_seconds + 0.2, note.end_seconds - 0.1)
        assert pitch_by_autocorrelation(held) == pytest.approx(note.pitch, abs=0.5)


def test_rests_are_silent_but_for_a_breath() -> None:
    notes = [SungNote(1.0, 0.5, 57, "s", "e"), SungNote(3.0, 0.5, 60, "m", "a")]
    sound = sing(notes, Voice(), 4.0, np.random.default_rng(1))
    sung = np.abs(part(sound, 1.1, 1.4)).max()
    assert np.abs(part(sound, 0.0, 0.9 - 0.13 - BREATH_SECONDS)).max() < 1e-3 * sung
    assert np.abs(part(sound, 1.7, 2.9 - 0.08 - BREATH_SECONDS)).max() < 1e-3 * sung
    assert np.abs(part(sound, 3.8, 4.0)).max() < 1e-3 * sung
    assert 1e-3 * sung < np.abs(part(sound, 2.6, 2.85)).max() < 0.3 * sung
    assert not sing([], Voice(), 1.0, np.random.default_rng(0)).any()


@pytest.mark.parametrize("vowel", sorted(VOWELS))
def test_vowels_have_their_first_two_formants(vowel: str) -> None:
    sound = sing([SungNote(0.2, 1.0, 40, "", vowel)], STILL, 1.4, np.random.default_rng(2))
    held = part(sound, 0.4, 1.0)
    power = np.abs(np.fft.rfft(held * np.hanning(held.size))) ** 2
    spacing = 82.4 / (SAMPLE_RATE / held.size)
    envelope = np.convolve(power, np.hanning(round(2.2 * spacing)), mode="same")
    frequency = np.fft.rfftfreq(held.size, 1 / SAMPLE_RATE)
    for formant in VOWELS[vowel][:2]:
        # Within a harmonic's distance of the formant it is louder than a fifth above it and on, by the next valley.
        at = envelope[np.abs(frequency - formant) < 82].max()
        assert at > 1.3 * envelope[np.abs(frequency - 1.45 * formant) < 20].max()


def test_unvoiced_consonants_are_high_noise_before_the_beat() -> None:
    sound = sing([SungNote(0.5, 0.5, 57, "s", "a")], STILL, 1.2, np.random.default_rng(3))
    hiss, vowel = part(sound, 0.40, 0.47), part(sound, 0.6, 0.8)
    for received, expected in ((hiss, True), (vowel, False)):
        power = np.abs(np.fft.rfft(received)) ** 2
        high = np.fft.rfftfreq(received.size, 1 / SAMPLE_RATE) > 4000
        assert bool(power[high].sum() > power[~high].sum()) is expected


@pytest.mark.parametrize("consonant", sorted(CONSONANTS))
@pytest.mark.parametrize("pitch", [40, 84])
def test_every_consonant_can_be_sung_low_and_high(consonant: str, pitch: int) -> None:
    sound = sing([SungNote(0.3, 0.3, pitch, consonant, "u")], Voice(), 0.8, np.random.default_rng(4))
    assert np.isfinite(sound).all()
    assert 0.02 < np.abs(sound).max() < 1.0


def test_vibrato_sets_in_late_and_swings_as_asked() -> None:
    voice = Voice(vibrato_semitones=0.8, vibrato_hz=5.0, jitter=0.0)
    sound = sing([SungNote(0.1, 2.4, 57)], voice, 2.6, np.random.default_rng(5))
    starts = np.arange(0.25, 2.3, 0.02)
    track = np.array([pitch_by_autocorrelation(part(sound, start, start + 0.05)) for start in starts])
    early, late = track[starts < 0.3], track[(starts > 0.8) & (starts < 2.0)]
    assert np.ptp(early) < 0.4
    assert 1.0 < np.ptp(late) < 2.2
    assert np.median(late) == pytest.approx(57, abs=0.35)
    assert float(hertz(57)) == pytest.approx(220.0)
