"""Oscillators, noises, envelopes, and laying single sounds onto a track."""

import numpy as np

from training.practice.synthesis import SAMPLE_RATE, Array

# The control rate: gestures (glides, swells, vowels) are drawn at one point a millisecond.
CONTROL_RATE = 1000


def hertz(pitch: Array | float) -> Array:
    """Frequency in Hz of a MIDI note number."""
    return np.asarray(440.0 * 2 ** ((np.asarray(pitch, dtype=float) - 69) / 12))


def seconds_axis(seconds: float) -> Array:
    """Sample times ``(N,)`` from 0 to ``seconds``."""
    return np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def integrate_phase(frequency_hz: Array, start: float = 0.0) -> Array:
    """Phase ``(N,)`` in cycles of an oscillator at ``frequency_hz (N,)``."""
    return start + np.cumsum(frequency_hz) / SAMPLE_RATE


def saw(phase: Array, frequency_hz: Array | float) -> Array:
    """Sawtooth in [-1, 1] whose step is rounded by a polynomial (polyBLEP), so that it hardly aliases.

    Välimäki & Huovilainen, "Antialiasing oscillators in subtractive synthesis", IEEE SPM 2007.
    """
    position = phase % 1.0
    step = np.broadcast_to(frequency_hz / SAMPLE_RATE, position.shape)
    after = np.clip(1 - position / step, 0, None)
    before = np.clip(1 - (1 - position) / step, 0, None)
    return np.asarray(2 * position - 1 + after**2 - before**2)


def pulses(phase: Array, frequency_hz: Array, highest_hz: float = 14_000.0) -> Array:
    """Band-limited impulses, one a cycle: all harmonics up to ``highest_hz`` equally loud, power 1 in all.

    The closed form of the cosine sum (Dirichlet kernel) makes the cost independent of the number of harmonics.
    """
    harmonics = np.floor(highest_hz / frequency_hz)
    half = np.pi * (phase % 1.0)
    below = np.sin(half)
    at_peak = np.abs(below) < 1e-9
    ratio = np.sin((2 * harmonics + 1) * half) / np.where(at_peak, 1.0, below)
    kernel = np.where(at_peak, 2 * harmonics + 1, ratio)
    return np.asarray((kernel - 1) / np.sqrt(2 * harmonics))


def partials(frequency_hz: float, gains: Array, decays: Array, seconds: float) -> Array:
    """Sum of decaying sines at multiples of ``frequency_hz``; ``decays`` are 1/s; those above 16 kHz are left out."""
    time = seconds_axis(seconds)
    tone = np.zeros(time.size)
    for number, (gain, decay) in enumerate(zip(gains, decays, strict=True), start=1):
        if number * frequency_hz < 16_000:
            tone += gain * np.exp(-decay * time) * np.sin(2 * np.pi * number * frequency_hz * time)
    return tone


def fade_ends(sound: Array, attack_seconds: float, release_seconds: float) -> Array:
    """``sound (N,)`` with a linear rise and a squared fall, so that it neither starts nor ends with a click."""
    time = np.arange(sound.size) / SAMPLE_RATE
    left = sound.size / SAMPLE_RATE - time
    return np.asarray(sound * np.minimum(1, time / attack_seconds) * np.minimum(1, left / release_seconds) ** 2)


def lay(track: Array, sound: Array, start_seconds: float) -> None:
    """Add ``sound (N,)`` to the longer ``track (M,)``, in place; what would lie past the track's end is cut."""
    start = round(start_seconds * SAMPLE_RATE)
    end = min(start + sound.size, track.size)
    if end > start:
        track[start:end] += sound[: end - start]


def pan(sound: Array, position: float) -> Array:
    """``sound (N,)`` placed in stereo ``(2, N)`` at -1 (left) to 1 (right), with constant power."""
    angle = (position + 1) * np.pi / 4
    return np.stack([np.cos(angle) * sound, np.sin(angle) * sound])


def smooth(control: Array, seconds: float) -> Array:
    """A control curve ``(K,)`` averaged under a Hann window ``seconds`` long; the ends are held."""
    window = np.hanning(max(3, round(seconds * CONTROL_RATE)))
    held = np.pad(control, (window.size // 2, (window.size - 1) // 2), mode="edge")
    return np.convolve(held, window / window.sum(), mode="valid")


def wander(length: int, rng: np.random.Generator, seconds: float) -> Array:
    """A slow random control curve ``(length,)``, unit deviation, whose turns last about ``seconds``."""
    curve = smooth(rng.standard_normal(length), seconds)
    return curve / max(float(np.std(curve)), 1e-9)


def at_audio_rate(control: Array, length: int) -> Array:
    """A control curve ``(K,)`` read at each of ``length`` samples."""
    return np.interp(np.arange(length) / SAMPLE_RATE, np.arange(control.size) / CONTROL_RATE, control)
