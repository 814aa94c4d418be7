"""Compositions keep to their key, their bars and their singer's range; instruments play the pitch they are given."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from training.practice.synthesis import SAMPLE_RATE
from training.practice.synthesis.drums import PLACES, drum_kit, play_drums
from training.practice.synthesis.instruments import (
    Instrument,
    Note,
    bass_guitar,
    electric_piano,
    lead_synth,
    organ,
    play,
    plucked_string,
    round_bass,
    synth_bass,
)
from training.practice.synthesis.music import (
    GROOVES,
    MAJOR,
    MINOR,
    PHRASES,
    SYLLABLES,
    Key,
    Meter,
    groove_hits,
    split_syllable,
    sung_phrase,
)
from training.practice.synthesis.phonemes import CONSONANTS, VOWELS
from training.practice.synthesis.tones import hertz, saw, seconds_axis

FACTORIES = (plucked_string, electric_piano, organ, lead_synth, bass_guitar, synth_bass, round_bass)


@pytest.mark.parametrize("scale", [MAJOR, MINOR])
@pytest.mark.parametrize("rhythm", PHRASES)
def test_a_phrase_is_in_key_in_order_and_near_its_centre(
    scale: tuple[int, ...], rhythm: tuple[tuple[int, int], ...]
) -> None:
    key, meter = Key(57, scale), Meter(100.0, swing=0.2)
    notes = sung_phrase(rhythm, key, (0, 4), meter, 2, 60.0, np.random.default_rng(0))
    assert [(note.pitch - key.tonic) % 12 in scale for note in notes] == [True] * len(rhythm)
    assert all(abs(note.pitch - 60) <= 12 for note in notes)
    assert all(a.end_seconds <= b.start_seconds for a, b in pairwise(notes))
    assert meter.at(2, 0) <= notes[0].start_seconds and notes[-1].end_seconds <= meter.at(4, 0)


def test_thirds_stay_in_the_scale() -> None:
    key = Key(60, MAJOR)
    assert [key.step(pitch, 2) for pitch in (60, 62, 64, 71)] == [64, 65, 67, 74]
    assert [key.step(pitch, -2) for pitch in (60, 64, 72)] == [57, 60, 69]


def test_meter_puts_four_beats_in_a_bar_and_swings_the_off_beats() -> None:
    assert Meter(120.0).at(1, 0) == pytest.approx(2.0)
    assert Meter(120.0).at(0, 6) == pytest.approx(0.75)
    assert Meter(120.0, swing=0.5).at(0, 6) == pytest.approx(0.875)


def test_all_syllables_can_be_sung() -> None:
    for syllable in SYLLABLES:
        consonant, vowel = split_syllable(syllable)
        assert consonant in CONSONANTS and vowel in VOWELS


@pytest.mark.parametrize("groove", GROOVES)
def test_grooves_are_one_bar_on_drums_that_exist(groove: str) -> None:
    assert all(len(line) == 16 and drum in PLACES for drum, line in GROOVES[groove].items())
    hits = groove_hits(GROOVES[groove], Meter(90.0), 1)
    sound = play_drums(drum_kit(np.random.default_rng(1)), hits, 6.0, np.random.default_rng(2))
    bar = round(Meter(90.0).at(1, 0) * SAMPLE_RATE)
    assert not sound[:, :bar].any() and np.abs(sound[:, bar:]).max() > 0.1


@pytest.mark.parametrize("factory", FACTORIES)
@pytest.mark.parametrize("seed", [0, 1])
def test_instruments_play_in_tune(factory: Callable[[np.random.Generator], Instrument], seed: int) -> None:
    pitch = 45.0
    sound = play(factory(np.random.default_rng(seed)), [Note(0.0, 1.0, pitch)], 1.0)
    spectrum = np.abs(np.fft.rfft(sound[: SAMPLE_RATE // 2] * np.hanning(SAMPLE_RATE // 2), 4 * SAMPLE_RATE))
    frequency = np.arange(spectrum.size) / 4
    strongest = frequency[np.argmax(spectrum)]
    # The strongest partial is a multiple of the fundamental (or half of it: an organ's lowest drawbar).
    ratio = strongest / float(hertz(pitch - 12))
    assert abs(ratio - round(ratio)) < 0.02 * ratio and round(ratio) >= 1
    assert np.abs(sound).max() > 0.05


def test_the_saw_aliases_little() -> None:
    frequency = 2637.0
    tone = saw(frequency * seconds_axis(1.0), frequency)
    power = np.abs(np.fft.rfft(tone * np.hanning(tone.size))) ** 2
    harmonic = np.zeros(power.size, dtype=bool)
    for number in range(1, int(SAMPLE_RATE / 2 / frequency) + 1):
        harmonic[round(number * frequency) - 3 : round(number * frequency) + 4] = True
    assert 10 * np.log10(power[~harmonic].sum() / power.sum()) < -26
