"""A drum kit whose sounds differ from kit to kit, and playing hits on it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.practice.synthesis import SAMPLE_RATE, Array
from training.practice.synthesis.filters import apply_filter, bandpass, highpass, lowpass
from training.practice.synthesis.tones import fade_ends, integrate_phase, lay, pan, seconds_axis

# Where the pieces stand, seen by the listener: -1 left, 1 right.
PLACES = {"kick": 0.0, "snare": 0.05, "clap": -0.1, "rim": 0.3, "hat": 0.35, "open_hat": 0.35, "ride": -0.45}
PLACES |= {"crash": -0.3, "shaker": -0.5, "high_tom": 0.4, "low_tom": -0.4}


@dataclass(frozen=True)
class Hit:
    """One stroke on the piece called ``drum``."""

    start_seconds: float
    drum: str
    loudness: float


def drum_kit(rng: np.random.Generator) -> dict[str, Array]:
    """One sound ``(N,)`` for each name in ``PLACES``, tuned and damped at random."""
    return {
        "kick": kick(rng, rng.uniform(44, 58), rng.uniform(0.22, 0.42), rng.uniform(0.1, 0.5)),
        "snare": snare(rng, rng.uniform(165, 235), rng.uniform(0.14, 0.26)),
        "clap": clap(rng),
        "rim": rim(rng),
        "hat": cymbal(rng, 0.06, rng.uniform(6500, 8500)),
        "open_hat": cymbal(rng, 0.4, rng.uniform(6000, 8000)),
        "ride": cymbal(rng, 0.9, rng.uniform(4000, 6000)) * 0.7,
        "crash": cymbal(rng, 1.8, rng.uniform(3000, 4500)),
        "shaker": shaker(rng),
        "high_tom": kick(rng, rng.uniform(125, 150), 0.35, 0.1) * 0.7,
        "low_tom": kick(rng, rng.uniform(80, 100), 0.4, 0.1) * 0.8,
    }


def play_drums(kit: dict[str, Array], hits: Sequence[Hit], seconds: float, rng: np.random.Generator) -> Array:
    """Play ``hits`` into stereo ``(2, N)``, ``seconds`` long; no two strokes are quite equally hard."""
    length = round(seconds * SAMPLE_RATE)
    tracks = {drum: np.zeros(length) for drum in kit}
    for hit in hits:
        lay(tracks[hit.drum], kit[hit.drum] * hit.loudness * rng.uniform(0.85, 1.0), hit.start_seconds)
    stereo = np.zeros((2, length))
    for drum in sorted({hit.drum for hit in hits}):
        stereo += pan(tracks[drum], PLACES[drum])
    return stereo


def kick(rng: np.random.Generator, frequency_hz: float, seconds: float, click: float) -> Array:
    """A sine that falls to ``frequency_hz`` and dies away, with a beater's click; higher, it is a tom."""
    time = seconds_axis(seconds)
    falling = frequency_hz * (1 + rng.uniform(2, 5) * np.exp(-time / 0.018))
    body = np.sin(2 * np.pi * integrate_phase(falling)) * np.exp(-4.5 * time / seconds)
    beater = apply_filter(rng.standard_normal(time.size) * np.exp(-time / 0.003), lambda f: lowpass(f, 4500))
    # The sweep alone would leave an inaudible offset.
    sound = apply_filter(0.8 * np.tanh(1.6 * body) + click * beater, lambda f: highpass(f, 20, 1))
    return fade_ends(sound, 0.0008, 0.05)


def snare(rng: np.random.Generator, frequency_hz: float, seconds: float) -> Array:
    """Two modes of the skin, and the wires' noise that outlasts them."""
    time = seconds_axis(2 * seconds)
    falling = frequency_hz * (1 + 0.3 * np.exp(-time / 0.01))
    skin = np.sin(2 * np.pi * integrate_phase(falling)) + 0.6 * np.sin(2 * np.pi * integrate_phase(1.58 * falling))
    wires = rng.standard_normal(time.size) * np.exp(-time / (seconds / 3))
    wires = apply_filter(wires, lambda f: highpass(f, 900, 1) * lowpass(f, 9500, 1))
    return fade_ends(0.35 * skin * np.exp(-time / 0.05) + 0.4 * wires, 0.0008, 0.05)


def clap(rng: np.random.Generator) -> Array:
    """A few hands, milliseconds apart."""
    time = seconds_axis(0.25)
    hands = sum(np.exp(-(time - delay) / 0.006) * (time >= delay) for delay in (0.0, 0.011, 0.023))
    envelope = 0.8 * hands + np.exp(-(time - 0.03) / 0.05) * (time >= 0.03)
    noise = apply_filter(rng.standard_normal(time.size), lambda f: bandpass(f, 1400, 1500))
    return fade_ends(0.9 * envelope * noise, 0.0008, 0.05)


def rim(rng: np.random.Generator) -> Array:
    """A stick across the rim: two short, high modes."""
    time = seconds_axis(0.08)
    modes = np.sin(2 * np.pi * rng.uniform(1600, 1900) * time) + 0.6 * np.sin(2 * np.pi * rng.uniform(460, 560) * time)
    return fade_ends(0.5 * modes * np.exp(-time / 0.012), 0.0005, 0.02)


def cymbal(rng: np.random.Generator, seconds: float, cutoff_hz: float) -> Array:
    """Hat, ride or crash: noise over a cluster of inharmonic partials, high-passed."""
    time = seconds_axis(seconds)
    frequencies = rng.uniform(3500, 12_000, size=10)
    metal = np.sin(2 * np.pi * (frequencies[:, None] * time + rng.uniform(size=(10, 1)))).sum(axis=0) / 4
    sound = apply_filter(rng.standard_normal(time.size) + metal, lambda f: highpass(f, cutoff_hz, 3))
    return fade_ends(0.5 * sound * np.exp(-4 * time / seconds), 0.0008, seconds / 3)


def shaker(rng: np.random.Generator) -> Array:
    """A soft-edged puff of high noise."""
    time = seconds_axis(0.09)
    noise = apply_filter(rng.standard_normal(time.size), lambda f: bandpass(f, 6500, 4000))
    return fade_ends(0.5 * noise * np.sin(np.pi * time / 0.09) ** 2, 0.005, 0.03)
