"""Filters given by their frequency response: fixed, changing over time, and a reverb.

The responses are those of analogue prototypes (causal, minimum phase), so nothing rings before its cause.
"""

from collections.abc import Callable

import numpy as np

from training.practice.synthesis import SAMPLE_RATE, Array

Response = Callable[[Array], Array]

HOP = 512
WINDOW = 2 * HOP
FRAMES_AT_ONCE = 64
# Twice the window: what a filter rings past the end of its frame still fits, instead of wrapping round.
FFT_SIZE = 2 * WINDOW
FREQUENCIES_HZ = np.fft.rfftfreq(FFT_SIZE, 1 / SAMPLE_RATE)


def lowpass(frequency_hz: Array, cutoff_hz: Array | float, order: int = 2) -> Array:
    """Response of ``order`` equal one-pole low-passes in a row; arguments broadcast."""
    return np.asarray(1 / (1 + 1j * frequency_hz / cutoff_hz) ** order)


def highpass(frequency_hz: Array, cutoff_hz: Array | float, order: int = 2) -> Array:
    """Response of ``order`` equal one-pole high-passes in a row; arguments broadcast."""
    ratio = 1j * frequency_hz / cutoff_hz
    return np.asarray((ratio / (1 + ratio)) ** order)


def resonance(frequency_hz: Array, centre_hz: Array | float, bandwidth_hz: Array | float) -> Array:
    """Response of a two-pole resonator with gain 1 at 0 Hz: a formant, or a synthesiser's resonant low-pass."""
    ratio = frequency_hz / centre_hz
    # Filled in by its parts: complex arithmetic on frames x bins is what a song would spend most of its time on.
    below = np.empty(ratio.shape, dtype=complex)
    below.real = 1 - ratio**2
    below.imag = ratio * (bandwidth_hz / np.asarray(centre_hz))
    return np.reciprocal(below)


def bandpass(frequency_hz: Array, centre_hz: Array | float, bandwidth_hz: Array | float) -> Array:
    """Response of a two-pole band-pass with gain 1 at its centre; arguments broadcast."""
    damped = 1j * frequency_hz * bandwidth_hz
    return np.asarray(damped / (np.square(centre_hz) - frequency_hz**2 + damped))


def apply_filter(signal: Array, response: Response, tail_seconds: float = 0.1) -> Array:
    """Filter the last axis of ``signal (..., N)`` by ``response(frequency_hz)``; the result has the same length."""
    length = signal.shape[-1]
    size = fast_fft_size(length + round(tail_seconds * SAMPLE_RATE))
    spectrum = np.fft.rfft(signal, size) * response(np.fft.rfftfreq(size, 1 / SAMPLE_RATE))
    return np.fft.irfft(spectrum, size)[..., :length]


def n_frames(length: int) -> int:
    """Frames ``T`` that `filter_over_time` cuts ``length`` samples into."""
    return -(-length // HOP) + 1


def frame_times(length: int) -> Array:
    """Seconds ``(T,)`` at the middle of each of those frames."""
    return np.arange(n_frames(length)) * HOP / SAMPLE_RATE


def filter_over_time(signal: Array, response: Response, controls: Array) -> Array:
    """Filter ``signal (N,)`` by a response that changes from frame to frame.

    ``controls (T, K)`` holds what the response depends on at each of the ``T = n_frames(N)`` frames; ``response`` turns
    some of its rows, ``(t, K)``, into ``(t, F)`` at ``FREQUENCIES_HZ``. Frames overlap by half under a Hann window, so
    a response of ones gives the signal back.
    """
    frames, overlaps = n_frames(signal.size), FFT_SIZE // HOP
    padded = np.zeros((frames + 1) * HOP)
    padded[HOP : HOP + signal.size] = signal
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    hann = np.sin(np.pi * np.arange(WINDOW) / WINDOW) ** 2
    out = np.zeros((frames + overlaps, HOP))
    # A few frames at a time: what is worked on then stays in the processor's cache.
    for first in range(0, frames, FRAMES_AT_ONCE):
        block = slice(first, min(first + FRAMES_AT_ONCE, frames))
        spectrum = np.fft.rfft(windows[block] * hann, FFT_SIZE) * response(controls[block])
        parts = np.fft.irfft(spectrum, FFT_SIZE).reshape(-1, overlaps, HOP)
        for index in range(overlaps):
            out[block.start + index : block.stop + index] += parts[:, index]
    return out.reshape(-1)[HOP : HOP + signal.size]


def reverb(
    signal: Array, rng: np.random.Generator, seconds: float, damping_hz: float = 5000.0, predelay_seconds: float = 0.012
) -> Array:
    """The room's response to ``signal (2, N)``, without the direct sound, at about the signal's own level.

    Convolves with decaying noise, one for each channel; ``seconds`` is the time in which it falls by 60 dB, and what
    lies above ``damping_hz`` falls off first.
    """
    time = np.arange(round(1.2 * seconds * SAMPLE_RATE)) / SAMPLE_RATE
    noise = rng.standard_normal((2, time.size))
    dark = apply_filter(noise, lambda f: lowpass(f, damping_hz / 4))
    bright = apply_filter(noise, lambda f: lowpass(f, damping_hz)) - dark
    decay = 10 ** (-3 * time / seconds)
    impulse = (dark * decay + bright * decay**2) * np.minimum(1, time / 0.008)
    impulse /= np.sqrt(np.sum(impulse**2, axis=-1, keepdims=True))
    length, delay = signal.shape[-1], round(predelay_seconds * SAMPLE_RATE)
    size = fast_fft_size(length + time.size)
    # Without its lowest octaves, or the room would boom.
    impulse = apply_filter(impulse, lambda f: highpass(f, 180.0))
    # Single precision: these are by far the longest transforms, and the room is quieter than what sounds in it.
    room = np.fft.rfft(impulse.astype(np.float32), size)
    wet = np.fft.irfft(np.fft.rfft(signal.astype(np.float32), size) * room, size)
    return np.pad(wet[:, : length - delay], ((0, 0), (delay, 0)))


def fast_fft_size(minimum: int) -> int:
    """The smallest ``m * 2**k`` of at least ``minimum``, with ``m`` from 8 to 16: such transforms are fast."""
    step = 1 << max(0, minimum.bit_length() - 4)
    return -(-minimum // step) * step
