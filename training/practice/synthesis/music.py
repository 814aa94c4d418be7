"""Composition: keys, chords, grooves, bass lines and melodies, as notes in seconds. Makes no sound."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.practice.synthesis.drums import Hit
from training.practice.synthesis.instruments import Note
from training.practice.synthesis.voice import SungNote

STEPS_PER_BAR = 16
MAJOR = (0, 2, 4, 5, 7, 9, 11)
MINOR = (0, 2, 3, 5, 7, 8, 10)

# Chords a bar each, by the scale degree of their root (0 = tonic).
MAJOR_PROGRESSIONS = ((0, 4, 5, 3), (0, 5, 3, 4), (5, 3, 0, 4), (0, 3, 4, 3), (0, 2, 3, 4), (1, 4, 0, 5))
MINOR_PROGRESSIONS = ((0, 5, 2, 6), (0, 3, 5, 4), (0, 6, 5, 6), (0, 2, 6, 3), (0, 3, 0, 4))

# One bar each; a digit is a stroke and how hard it is, a dot a rest.
GROOVES: dict[str, dict[str, str]] = {
    "rock": {"kick": "9.....4.9.9.....", "snare": "....9.......9..2", "hat": "9.6.8.6.9.6.8.6."},
    "four on the floor": {"kick": "9...9...9...9...", "clap": "....8.......8...", "open_hat": "..6...6...6...6."},
    "hip hop": {"kick": "9......7..9.....", "snare": "....9.......9...", "hat": "7.5.7.5575.57.55"},
    "half time": {
        "kick": "9.....6.........",
        "snare": "........9.......",
        "hat": "8...6...8...6.6.",
        "shaker": "4343434343434343",
    },
    "bossa": {"kick": "8...6.8.8...6.8.", "rim": "7..7...7..7.7...", "shaker": "6363636363636363"},
    "ride": {"kick": "9.....7...9.....", "snare": "....8..3.3..8...", "ride": "8.5.8.5.8.5.8.5."},
}
FILLS: tuple[dict[str, str], ...] = (
    {"snare": "........6.6.7789", "kick": "9.......9......."},
    {"high_tom": "........8.88....", "low_tom": "............9.99", "kick": "9...9...9...9..."},
    {"snare": "....9.......9.99", "kick": "9.....9...9.....", "hat": "8.8.8.8.8.8....."},
)

# Where the bass plays within a bar: (step, steps long, which note: 0 root, 1 fifth, 2 octave, 3 step to the next root).
BASS_PATTERNS = (
    tuple((step, 2, 0) for step in range(0, 16, 2)),
    ((0, 6, 0), (6, 2, 0), (8, 4, 1), (12, 4, 3)),
    ((0, 2, 0), (2, 2, 2), (4, 2, 0), (6, 2, 2), (8, 2, 0), (10, 2, 2), (12, 2, 0), (14, 2, 2)),
    ((0, 4, 0), (4, 4, 1), (8, 4, 2), (12, 4, 3)),
    ((0, 3, 0), (3, 3, 0), (6, 4, 1), (10, 2, 0), (12, 4, 3)),
    ((0, 14, 0), (14, 2, 3)),
)

# Rhythms of a sung phrase, two bars: (step, steps long). Each leaves room for a breath at its end.
PHRASES = (
    ((0, 4), (4, 4), (8, 2), (10, 2), (12, 4), (16, 8)),
    ((2, 2), (4, 2), (6, 2), (8, 6), (14, 2), (16, 4), (20, 6)),
    ((0, 6), (6, 2), (8, 8), (18, 2), (20, 2), (22, 6)),
    ((4, 2), (6, 2), (8, 3), (11, 3), (14, 2), (16, 10)),
    ((0, 2), (2, 2), (4, 4), (8, 4), (12, 2), (14, 2), (16, 2), (18, 2), (20, 8)),
    ((0, 12), (12, 4), (16, 10)),
)
SYLLABLES = ("la", "no", "me", "si", "tu", "hae", "ya", "wi", "so", "ke", "da", "fuh", "ra", "bo", "shi", "mo", "pe")


@dataclass(frozen=True)
class Meter:
    """Bars of four beats, in sixteenth steps; ``swing`` delays each second eighth by that share of an eighth."""

    tempo_bpm: float
    swing: float = 0.0

    @property
    def step_seconds(self) -> float:
        """A straight sixteenth."""
        return 15.0 / self.tempo_bpm

    def at(self, bar: int, step: float) -> float:
        """When a step begins, in seconds."""
        late = self.swing * 2 if int(step) % 4 == 2 else 0.0
        return (bar * STEPS_PER_BAR + step + late) * self.step_seconds


@dataclass(frozen=True)
class Key:
    """A scale on a tonic (a MIDI note number)."""

    tonic: int
    scale: tuple[int, ...]

    def pitch(self, degree: int) -> int:
        """MIDI note number of a scale degree; 7 is the octave, -1 the note below the tonic."""
        octave, step = divmod(degree, len(self.scale))
        return self.tonic + 12 * octave + self.scale[step]

    def near(self, degree: int, pitch: float) -> int:
        """The octave of a degree's pitch that lies nearest to ``pitch``."""
        own = self.pitch(degree)
        return own + 12 * round((pitch - own) / 12)

    def step(self, pitch: float, steps: int) -> float:
        """The pitch so many steps up the scale from the scale's note nearest to ``pitch``: 2 is a third above."""
        degree = min(range(-28, 49), key=lambda degree: abs(self.pitch(degree) - pitch))
        return float(self.pitch(degree + steps))


def triad(root_degree: int, seventh: bool = False) -> tuple[int, ...]:
    """Scale degrees of the chord on a degree."""
    thirds = (0, 2, 4, 6) if seventh else (0, 2, 4)
    return tuple(root_degree + third for third in thirds)


def groove_hits(pattern: dict[str, str], meter: Meter, bar: int) -> list[Hit]:
    """One bar of a groove."""
    return [
        Hit(meter.at(bar, step), drum, int(stroke) / 9)
        for drum, line in pattern.items()
        for step, stroke in enumerate(line)
        if stroke != "."
    ]


def bass_notes(
    pattern: Sequence[tuple[int, int, int]], key: Key, root: int, next_root: int, meter: Meter, bar: int
) -> list[Note]:
    """One bar of a bass line around E1 to E2, leading to the next bar's root."""
    low = key.near(root, 34)
    choices = (low, key.near(root + 4, low + 4), low + 12, key.near(next_root, low) + 2 * (-1) ** bar)
    return [
        Note(meter.at(bar, step), 0.92 * steps * meter.step_seconds, choices[which], 0.8 + 0.2 * (step % 8 == 0))
        for step, steps, which in pattern
    ]


def chord_notes(
    key: Key, degrees: Sequence[int], meter: Meter, bar: int, steps: Sequence[tuple[int, int]]
) -> list[Note]:
    """A chord, struck at each ``(step, steps long)``, its notes kept close to middle C whatever the chord."""
    pitches = [key.near(degree, 60) for degree in degrees]
    return [
        Note(meter.at(bar, step) + 0.004 * number, 0.95 * length * meter.step_seconds, pitch)
        for step, length in steps
        for number, pitch in enumerate(pitches)
    ]


def arpeggio(
    key: Key, degrees: Sequence[int], meter: Meter, bar: int, order: Sequence[int], centre: float
) -> list[Note]:
    """A chord's notes one after the other, ``order`` choosing which, evenly over the bar."""
    pitches = sorted(key.near(degree, centre) for degree in degrees)
    step_length = STEPS_PER_BAR // len(order)
    return [
        Note(meter.at(bar, index * step_length), 1.2 * step_length * meter.step_seconds, pitches[which % len(pitches)])
        for index, which in enumerate(order)
    ]


def sung_phrase(
    rhythm: Sequence[tuple[int, int]],
    key: Key,
    roots: tuple[int, int],
    meter: Meter,
    bar: int,
    centre: float,
    rng: np.random.Generator,
) -> list[SungNote]:
    """Two bars of melody over two chords: steps mostly, chord notes on the beats, ending on a chord note."""
    notes: list[SungNote] = []
    pitch = float(key.near(triad(roots[0])[rng.integers(3)], centre))
    for number, (step, length) in enumerate(rhythm):
        chord = triad(roots[step // STEPS_PER_BAR])
        strong = step % 4 == 0 or number == len(rhythm) - 1
        wanted = pitch + rng.choice([-4, -2, -2, 0, 2, 2, 3, 5]) + 0.25 * (centre - pitch)
        pitch = nearest_pitch(key, chord if strong else range(7), wanted)
        start = meter.at(bar, step)
        consonant, vowel = split_syllable(str(rng.choice(SYLLABLES)))
        seconds = meter.at(bar, step + length) - start - (0.03 if length < 6 else 0.06)
        notes.append(SungNote(start, seconds, pitch, consonant, vowel, float(rng.uniform(0.8, 1.0))))
    return notes


def nearest_pitch(key: Key, degrees: Sequence[int] | range, wanted: float) -> float:
    """The pitch nearest to ``wanted`` among all octaves of ``degrees``."""
    return float(min((key.near(degree, wanted) for degree in degrees), key=lambda pitch: abs(pitch - wanted)))


def split_syllable(syllable: str) -> tuple[str, str]:
    """Consonant and vowel of an open syllable: "shi" -> ("sh", "i"), "a" -> ("", "a")."""
    start = next(index for index, letter in enumerate(syllable) if letter in "aeiou")
    return syllable[:start], syllable[start:]
