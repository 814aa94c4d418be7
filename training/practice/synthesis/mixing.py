"""Levels, and stems as whole numbers, so that they add up to their mixture exactly."""

from pathlib import Path

import numpy as np
import soundfile

from separator.files import atomic_write
from training.practice.synthesis import SAMPLE_RATE, Array

STEMS = ("drums", "bass", "other", "vocals")
FULL_SCALE = 32_767


def level_to(stem: Array, rms_db: float) -> Array:
    """``stem (2, N)`` scaled so that the parts of it that sound have this RMS level, in dB below full scale."""
    channels, length = stem.shape
    blocks = np.mean(stem[:, : length // 2048 * 2048].reshape(channels, -1, 2048) ** 2, axis=(0, 2))
    sounding = blocks[blocks > 1e-3 * blocks.max(initial=0.0)]
    if not sounding.any():
        return stem
    return np.asarray(stem * 10 ** (rms_db / 20) / np.sqrt(sounding.mean()))


def even_out(sound: Array, amount: float, seconds: float) -> Array:
    """``sound (N,)`` compressed: ``amount`` (0 to 1) of its differences in level, in dB, over ``seconds`` are undone.

    What lies more than 20 dB below the whole is raised no further, so that rests stay rests.
    """
    block = round(seconds * SAMPLE_RATE / 8)
    padded = np.pad(sound**2, (0, -sound.size % block))
    power = padded.reshape(-1, block).mean(axis=1)
    window = np.hanning(11)[1:-1]
    local = np.convolve(np.pad(power, 4, mode="edge"), window / window.sum(), mode="valid")
    overall = max(float(np.mean(sound**2)), 1e-12)
    gains = np.clip(local / overall, 0.01, None) ** (-amount / 2)
    centres = (np.arange(gains.size) + 0.5) * block
    return np.asarray(sound * np.interp(np.arange(sound.size), centres, gains))


def fade_out(stem: Array, seconds: float) -> Array:
    """``stem (2, N)`` with its last ``seconds`` faded to zero."""
    length = min(stem.shape[-1], round(seconds * SAMPLE_RATE))
    gain = np.ones(stem.shape[-1])
    gain[gain.size - length :] = np.cos(np.linspace(0, np.pi / 2, length)) ** 2
    return np.asarray(stem * gain)


def quantise(stems: dict[str, Array], peak: float = 0.89) -> dict[str, Array]:
    """The stems, and ``mixture``, as 16-bit integers ``(2, N)``: the mixture is their sum to the last bit.

    One gain for all brings the loudest of them to ``peak`` of full scale.
    """
    loudest = max(float(np.abs(stem).max(initial=0.0)) for stem in [*stems.values(), sum(stems.values())])
    gain = peak * FULL_SCALE / max(loudest, 1e-9)
    whole = {name: np.rint(gain * stem).astype(np.int16) for name, stem in stems.items()}
    return {**whole, "mixture": sum(whole.values(), start=np.zeros_like(next(iter(whole.values()))))}


def write_stem(path: Path, stem: Array) -> None:
    """Write 16-bit ``stem (2, N)`` as WAV or FLAC by ``path``'s suffix; the file appears complete or not at all.

    soundfile is used directly: as integers the samples reach the file unchanged, whatever rounding floats would get.
    """
    with atomic_write(path) as part:
        soundfile.write(part, stem.T, SAMPLE_RATE, subtype="PCM_16", format=path.suffix[1:].upper())


def write_song(folder: Path, stems: dict[str, Array]) -> None:
    """Write 16-bit ``stems`` of (2, N) as WAV files of a new ``folder``, which appears complete or not at all."""
    try:
        with atomic_write(folder) as part:
            part.mkdir(parents=True)
            for name, stem in stems.items():
                write_stem(part / f"{name}.wav", stem)
    except OSError:
        if not folder.is_dir():  # another process made the same song meanwhile
            raise
