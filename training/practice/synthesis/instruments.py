"""Bass and chord instruments: each is a function of pitch and length, made by a factory that picks its timbre."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from training.practice.synthesis import SAMPLE_RATE, Array
from training.practice.synthesis.filters import (
    FREQUENCIES_HZ,
    apply_filter,
    filter_over_time,
    frame_times,
    highpass,
    resonance,
)
from training.practice.synthesis.tones import fade_ends, hertz, lay, partials, saw, seconds_axis

Instrument = Callable[[float, float], Array]


@dataclass(frozen=True)
class Note:
    """One note of an instrument; ``pitch`` is a MIDI note number."""

    start_seconds: float
    seconds: float
    pitch: float
    loudness: float = 1.0

    @property
    def end_seconds(self) -> float:
        """When the note ends."""
        return self.start_seconds + self.seconds


def play(instrument: Instrument, notes: Sequence[Note], seconds: float) -> Array:
    """Play ``notes`` into ``(N,)``, ``seconds`` long. Equal notes are rendered once."""
    track = np.zeros(round(seconds * SAMPLE_RATE))
    rendered: dict[tuple[float, float], Array] = {}
    for note in notes:
        key = (note.pitch, round(note.seconds, 3))
        if key not in rendered:
            rendered[key] = instrument(*key)
        lay(track, rendered[key] * note.loudness, note.start_seconds)
    return track


def plucked_string(rng: np.random.Generator) -> Instrument:
    """Guitar- or harp-like: partials that die the sooner the higher they are, combed by the plucking point."""
    place, brightness, damping = rng.uniform(0.12, 0.4), rng.uniform(0.8, 1.5), rng.uniform(1.5, 4.0)
    numbers = np.arange(1, 25)
    gains = np.abs(np.sin(np.pi * numbers * place)) / numbers**brightness

    def sound(pitch: float, seconds: float) -> Array:
        decays = damping * (1 + 0.25 * numbers) * 2 ** ((pitch - 60) / 24)
        return fade_ends(0.4 * partials(float(hertz(pitch)), gains, decays, max(seconds, 0.3)), 0.002, 0.1)

    return sound


def electric_piano(rng: np.random.Generator) -> Instrument:
    """Two-operator frequency modulation: a struck tine with a bell in its attack (Chowning, JAES 1973)."""
    index, bell, decay = rng.uniform(0.6, 1.6), rng.uniform(0.1, 0.4), rng.uniform(1.0, 2.5)

    def sound(pitch: float, seconds: float) -> Array:
        time = seconds_axis(seconds + 0.15)
        cycles = 2 * np.pi * float(hertz(pitch)) * time
        modulation = index * np.exp(-3 * time) * np.sin(cycles) + bell * np.exp(-12 * time) * np.sin(14 * cycles)
        return fade_ends(0.35 * np.exp(-decay * time) * np.sin(cycles + modulation), 0.003, 0.15)

    return sound


def organ(rng: np.random.Generator) -> Instrument:
    """Drawbars: steady sines at octaves and fifths."""
    drawbars = np.zeros(8)
    drawbars[[0, 1, 2, 3, 5, 7]] = rng.uniform(0.1, 0.8, size=6) * np.array([1, 1, 0.7, 0.6, 0.4, 0.3])

    def sound(pitch: float, seconds: float) -> Array:
        tone = partials(float(hertz(pitch - 12)), drawbars, np.zeros(8), seconds + 0.05)
        return fade_ends(0.2 * tone, 0.008, 0.05)

    return sound


def bell(rng: np.random.Generator) -> Instrument:
    """Marimba to glockenspiel: a bar's few inharmonic modes."""
    modes = np.array([1.0, rng.uniform(2.7, 4.0), rng.uniform(6, 10)])
    decay = rng.uniform(2.0, 6.0)

    def sound(pitch: float, seconds: float) -> Array:
        time = seconds_axis(max(seconds, 0.4))
        frequencies = float(hertz(pitch)) * modes
        rings = [np.exp(-decay * n * time) * np.sin(2 * np.pi * f * time) / n for n, f in enumerate(frequencies, 1)]
        return fade_ends(0.4 * np.sum(rings, axis=0), 0.002, 0.1)

    return sound


def lead_synth(rng: np.random.Generator) -> Instrument:
    """Two detuned saws through a low-pass that closes after the attack."""
    detune, brightness = rng.uniform(0.03, 0.12), rng.uniform(3.0, 8.0)

    def sound(pitch: float, seconds: float) -> Array:
        return 0.2 * (_filtered_saw(pitch - detune, seconds, brightness) + _filtered_saw(pitch + detune, seconds, 4.0))

    return sound


def bass_guitar(rng: np.random.Generator) -> Instrument:
    """A plucked string, low and dark."""
    brightness, place, decay = rng.uniform(1.2, 2.0), rng.uniform(0.15, 0.3), rng.uniform(0.8, 2.0)
    numbers = np.arange(1, 17)
    gains = np.abs(np.sin(np.pi * numbers * place)) / numbers**brightness / np.sin(np.pi * place)

    def sound(pitch: float, seconds: float) -> Array:
        tone = partials(float(hertz(pitch)), gains, decay * (1 + 0.35 * numbers), seconds)
        return fade_ends(0.5 * tone, 0.004, min(0.06, seconds / 3))

    return sound


def synth_bass(rng: np.random.Generator) -> Instrument:
    """A saw with a sine an octave below, through a low-pass that snaps shut."""
    brightness, below = rng.uniform(2.0, 7.0), rng.uniform(0.2, 0.5)

    def sound(pitch: float, seconds: float) -> Array:
        tone = 0.35 * _filtered_saw(pitch, seconds, brightness)
        sub = np.sin(2 * np.pi * float(hertz(pitch)) * seconds_axis(seconds))
        return tone + below * fade_ends(sub, 0.005, min(0.05, seconds / 3))

    return sound


def round_bass(rng: np.random.Generator) -> Instrument:
    """A sine pushed into soft saturation: the bass of a ballad."""
    drive, decay = rng.uniform(1.0, 3.0), rng.uniform(0.3, 1.5)

    def sound(pitch: float, seconds: float) -> Array:
        time = seconds_axis(seconds)
        tone = np.tanh(drive * np.exp(-decay * time) * np.sin(2 * np.pi * float(hertz(pitch)) * time))
        return fade_ends(0.5 * tone, 0.006, min(0.06, seconds / 3))

    return sound


def _filtered_saw(pitch: float, seconds: float, brightness: float) -> Array:
    frequency = float(hertz(pitch))
    time = seconds_axis(seconds)
    tone = saw(frequency * time, frequency)
    opening = 1 + brightness * np.exp(-frame_times(tone.size) / 0.15)
    cutoff = np.minimum(2 * frequency * opening, 15_000)[:, None]
    return fade_ends(filter_over_time(tone, _soft_lowpass, cutoff), 0.004, min(0.06, seconds / 3))


def _soft_lowpass(cutoff_hz: Array) -> Array:
    return resonance(FREQUENCIES_HZ, cutoff_hz, 1.2 * cutoff_hz)


def pad(notes: Sequence[Note], seconds: float, rng: np.random.Generator) -> Array:
    """Sustained chords ``(2, N)``: detuned saws, different ones left and right, under a slowly breathing low-pass."""
    length = round(seconds * SAMPLE_RATE)
    cutoff, depth, rate_hz = rng.uniform(700, 2200), rng.uniform(0.1, 0.5), rng.uniform(0.08, 0.3)
    swing = 1 + depth * np.sin(2 * np.pi * (rate_hz * frame_times(length) + rng.uniform()))
    centre = (cutoff * swing)[:, None]
    sides = []
    for _side in range(2):
        dry = np.zeros(length)
        for note in notes:
            lay(dry, _soft_saw(note, rng), note.start_seconds)
        sides.append(filter_over_time(dry, _soft_lowpass, centre))
    return apply_filter(np.stack(sides), lambda f: highpass(f, 120, 1))


def _soft_saw(note: Note, rng: np.random.Generator) -> Array:
    frequency = float(hertz(note.pitch + rng.normal(0, 0.06)))
    time = seconds_axis(note.seconds + 0.3)
    tone = saw(frequency * time + rng.uniform(), frequency)
    return fade_ends(0.12 * note.loudness * tone, min(0.25, note.seconds / 2), 0.3)
