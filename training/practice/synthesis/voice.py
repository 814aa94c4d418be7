"""A singer: a pulse train (the vocal folds) and noise (the breath), shaped by formants that move with the words.

Source-filter synthesis after Fant's acoustic theory: formants in a row, so that their levels follow from their
frequencies. The folds never keep quite still: pitch drifts, jitters, glides from note to note, and vibrato sets in
late.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from training.practice.synthesis import SAMPLE_RATE, Array
from training.practice.synthesis.filters import (
    FREQUENCIES_HZ,
    apply_filter,
    bandpass,
    filter_over_time,
    frame_times,
    highpass,
    lowpass,
    resonance,
)
from training.practice.synthesis.mixing import even_out, level_to
from training.practice.synthesis.phonemes import CONSONANTS, VOWELS, Consonant, Noise
from training.practice.synthesis.tones import (
    CONTROL_RATE,
    at_audio_rate,
    hertz,
    integrate_phase,
    lay,
    pulses,
    smooth,
    wander,
)

# Bandwidths of the first four formants in Hz. A tube has a formant about every 1000 Hz, all the way up; leaving the
# high ones out would make a row of resonators fall by 12 dB an octave more at each.
BANDWIDTHS_HZ = (80.0, 95.0, 130.0, 180.0)
UPPER_FORMANTS_HZ = tuple(range(4300, 20_000, 1050))

# A rest shorter than this is sung through; a longer one is silent, and a breath is drawn before the next word.
LEGATO_SECONDS = 0.08
BREATH_SECONDS = 0.28


@dataclass(frozen=True)
class SungNote:
    """One syllable on one note. The vowel falls on ``start_seconds``; its consonant comes just before."""

    start_seconds: float
    seconds: float
    pitch: float
    consonant: str = ""
    vowel: str = "a"
    loudness: float = 1.0

    @property
    def end_seconds(self) -> float:
        """When the note ends."""
        return self.start_seconds + self.seconds


@dataclass(frozen=True)
class Voice:
    """A person. ``tract`` scales all formants (1 = a man, 1.17 = a woman, more = smaller still)."""

    tract: float = 1.0
    breathiness: float = 0.04
    tilt_hz: float = 5000.0
    vibrato_hz: float = 5.5
    vibrato_semitones: float = 0.5
    vibrato_delay_seconds: float = 0.25
    glide_seconds: float = 0.09
    scoop_semitones: float = 1.0
    jitter: float = 0.004
    shimmer: float = 0.05


def sing(notes: Sequence[SungNote], voice: Voice, seconds: float, rng: np.random.Generator) -> Array:
    """Sing ``notes`` (in order, not overlapping) into ``(N,)``, ``seconds`` long, at about -20 dB while sounding."""
    length = round(seconds * SAMPLE_RATE)
    points = int(seconds * CONTROL_RATE) + 1
    if not notes:
        return np.zeros(length)
    frequency = at_audio_rate(hertz(_pitch_curve(notes, voice, points, rng)), length)
    voicing = _voicing_curve(notes, voice, points, rng)
    source = _folds_and_breath(frequency, at_audio_rate(voicing, length), voice, rng)
    sound = filter_over_time(source, _tract_response(voice), _tract_controls(notes, voice, voicing, frequency))
    sound = level_to(even_out(sound, amount=0.6, seconds=0.3)[None], 0.0)[0]
    for note, rest in zip(notes, _rests_before(notes), strict=True):
        _lay_noises(sound, note, rest, voice, rng)
    return np.asarray(0.1 * sound)


def _rests_before(notes: Sequence[SungNote]) -> list[float]:
    """Seconds of silence before each note."""
    return [notes[0].start_seconds] + [after.start_seconds - before.end_seconds for before, after in pairwise(notes)]


def _span(start_seconds: float, end_seconds: float) -> slice:
    return slice(max(0, round(start_seconds * CONTROL_RATE)), max(0, round(end_seconds * CONTROL_RATE)))


def _pitch_curve(notes: Sequence[SungNote], voice: Voice, points: int, rng: np.random.Generator) -> Array:
    """Pitch ``(K,)`` as a MIDI number: steps rounded into glides, with scoops, late vibrato, drift and jitter."""
    pitch = np.full(points, float(notes[0].pitch))
    depth = np.zeros(points)
    for note, rest in zip(notes, _rests_before(notes), strict=True):
        onset = note.start_seconds - CONSONANTS[note.consonant].seconds
        pitch[_span(onset - 0.05, points)] = note.pitch
        if rest > LEGATO_SECONDS:
            pitch[_span(onset - 0.05, note.start_seconds + 0.02)] = note.pitch - voice.scoop_semitones
        settled = note.start_seconds + voice.vibrato_delay_seconds
        depth[_span(settled, note.end_seconds)] = voice.vibrato_semitones
    depth = smooth(depth, 0.35)
    rate = voice.vibrato_hz * (1 + 0.06 * wander(points, rng, 0.5))
    vibrato = depth * np.sin(2 * np.pi * np.cumsum(rate) / CONTROL_RATE)
    drift = 0.08 * wander(points, rng, 0.4)
    jitter = 12 * np.log2(1 + voice.jitter * np.clip(wander(points, rng, 0.008), -3, 3))
    return np.asarray(smooth(pitch, voice.glide_seconds) + vibrato + drift + jitter)


def _voicing_curve(notes: Sequence[SungNote], voice: Voice, points: int, rng: np.random.Generator) -> Array:
    """Loudness ``(K,)`` of the folds: each syllable swells and sinks, consonants dip, rests are exactly silent."""
    level = np.zeros(points)
    for note in notes:
        consonant = CONSONANTS[note.consonant]
        onset = note.start_seconds - consonant.seconds
        level[_span(onset, note.start_seconds)] = consonant.voicing * note.loudness
        # Held on a little, so that the next note, if it follows at once, takes over without a gap.
        span = _span(note.start_seconds, note.end_seconds + LEGATO_SECONDS / 2)
        width = level[span].size
        level[span] = note.loudness * (1 - 0.35 * np.linspace(0, 1, width) ** 2)
        if consonant.voicing == 0:
            level[_span(onset - 0.02, onset)] = 0
    shimmer = 1 + voice.shimmer * np.clip(wander(points, rng, 0.012), -3, 3)
    return smooth(level, 0.045) * shimmer


def _folds_and_breath(frequency: Array, voicing: Array, voice: Voice, rng: np.random.Generator) -> Array:
    """The source ``(N,)``: pulses with the folds' spectral slope, and the air that escapes while they are open."""
    phase = integrate_phase(frequency)
    corner = 1.5 * float(np.median(frequency))
    folds = apply_filter(pulses(phase, frequency), lambda f: lowpass(f, corner, order=1)) * 2.2
    opened = 0.35 + 0.65 * np.cos(np.pi * phase) ** 2
    air = voice.breathiness * opened * rng.standard_normal(frequency.size)
    return voicing * (folds + air)


def _tract_controls(notes: Sequence[SungNote], voice: Voice, voicing: Array, frequency: Array) -> Array:
    """What the throat and mouth do at each frame, ``(T, 6)``: effort, the note in Hz, and four formants in Hz."""
    times = frame_times(frequency.size)
    formants = _formant_curves(notes, voicing.size) * voice.tract
    gestures = np.arange(voicing.size) / CONTROL_RATE
    pitch_hz = np.interp(times, np.arange(frequency.size) / SAMPLE_RATE, frequency)
    curves = [np.interp(times, gestures, curve) for curve in (voicing, *formants.T)]
    return np.stack([curves[0], pitch_hz, *curves[1:]], axis=1)


def _tract_response(voice: Voice) -> Callable[[Array], Array]:
    """The response ``(t, F)`` of this voice's throat and mouth to ``_tract_controls (t, 6)``."""
    upper = highpass(FREQUENCIES_HZ, 60.0, order=1)
    for number, centre in enumerate(UPPER_FORMANTS_HZ):
        upper = upper * resonance(FREQUENCIES_HZ, centre * voice.tract, 260.0 + 80.0 * number)

    def response(controls: Array) -> Array:
        effort, lowest = controls[:, [0]], 1.05 * controls[:, [1]]
        # Effort: the louder the voice, the harder the folds close and the brighter it gets.
        shape = upper * lowpass(FREQUENCIES_HZ, voice.tilt_hz * (0.4 + 0.6 * effort), order=1)
        for index, bandwidth in enumerate(BANDWIDTHS_HZ):
            # Singers open the mouth until the first formant is not below the note; the others keep their distance.
            centre = np.maximum(controls[:, [2 + index]], lowest)
            shape = shape * resonance(FREQUENCIES_HZ, centre, np.maximum(bandwidth * voice.tract, 0.12 * centre))
            lowest = 1.2 * centre
        # A singer evens out the vowels' loudness, about halfway.
        power = np.mean(np.abs(shape) ** 2, axis=1, keepdims=True)
        return np.asarray(shape * (0.25 / power) ** 0.25)

    return response


def _formant_curves(notes: Sequence[SungNote], points: int) -> Array:
    """Formants in Hz ``(K, 4)``: from vowel to vowel, by way of where each consonant puts the tongue."""
    curves = np.tile(np.array(VOWELS[notes[0].vowel], dtype=float), (points, 1))
    for note in notes:
        consonant = CONSONANTS[note.consonant]
        onset = note.start_seconds - consonant.seconds
        curves[_span(onset, points)] = VOWELS[note.vowel]
        if consonant.formants is not None:
            curves[_span(onset, note.start_seconds)] = consonant.formants
    return np.stack([smooth(curve, 0.07) for curve in curves.T], axis=1)


def _lay_noises(sound: Array, note: SungNote, rest_seconds: float, voice: Voice, rng: np.random.Generator) -> None:
    """Add the breath before a phrase and the hiss of the note's consonant to ``sound``, in place."""
    consonant: Consonant = CONSONANTS[note.consonant]
    onset = note.start_seconds - consonant.seconds
    breath_seconds = min(BREATH_SECONDS, rest_seconds - consonant.seconds - 0.15)
    if breath_seconds > 0.1:
        breath = Noise(1700, 2600, 0.5 * voice.breathiness, breath_seconds, False)
        lay(sound, _hiss(breath, voice, rng), onset - breath_seconds - 0.05)
    if consonant.noise is not None:
        hiss = _hiss(consonant.noise, voice, rng) * note.loudness
        lay(sound, hiss, max(0.0, note.start_seconds - consonant.noise.seconds))


def _hiss(noise: Noise, voice: Voice, rng: np.random.Generator) -> Array:
    length = round(noise.seconds * SAMPLE_RATE)
    position = np.arange(length) / length
    burst = np.minimum(1, position * length / 40) * np.exp(-5 * position) * (1 - position)
    shape = burst if noise.burst else np.sin(np.pi * position) ** 1.2
    white = rng.standard_normal(length)
    centre = noise.centre_hz * voice.tract**0.5
    coloured = apply_filter(white, lambda f: bandpass(f, centre, 1.5 * noise.bandwidth_hz) ** 2)
    # Without this, a narrow band would be quieter than a wide one of the same gain.
    loud = np.sqrt(SAMPLE_RATE / 2 / noise.bandwidth_hz)
    return np.asarray(2.0 * noise.gain * loud * shape * coloured)
