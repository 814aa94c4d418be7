"""Audio files in and out: probe, read, stream in blocks, resample; writing is in ``audio_writer`` and offered here too.

libsndfile reads and writes WAV, FLAC, OGG and MP3; whatever it cannot read goes to ``separator.ffmpeg``. No other
file knows file formats.
"""

import math
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from torch import Tensor

from separator.audio_writer import AudioWriter as AudioWriter
from separator.audio_writer import sndfile_name
from separator.audio_writer import write as write
from separator.errors import AudioError
from separator.ffmpeg import FfmpegDecoder, probe_fields

SOUNDFILE_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".opus", ".oga", ".aiff", ".aif", ".w64", ".rf64", ".caf", ".au")
FFMPEG_SUFFIXES = (".m4a", ".aac", ".wma", ".ac3", ".mp4", ".m4v", ".mkv", ".mka", ".webm", ".mov", ".avi", ".3gp")
AUDIO_SUFFIXES = SOUNDFILE_SUFFIXES + FFMPEG_SUFFIXES
"""File name endings worth offering to a reader; what counts is what the file holds, not how it is called."""

_BLOCK_SAMPLES = 1 << 17
# A lossy file whose header promises a little more than it holds is usual (encoder padding); a tenth of a second is not.
_MISSING_SECONDS = 0.1
_MOST_PHASES = 2000


@dataclass(frozen=True)
class AudioInfo:
    """What a file says of itself, before any of it is decoded."""

    sample_rate: int
    """Hz."""
    channels: int
    n_samples: int
    """Samples per channel. Exact for PCM; for compressed audio it is what the header states."""
    subtype: str
    """How a sample is stored, in libsndfile's words (``PCM_16``, ``FLOAT``, ``VORBIS``) or ffmpeg's (``AAC``)."""
    format: str
    """The container: ``WAV``, ``FLAC``, ``MP3``, ..."""

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sample_rate


def probe(path: str | Path) -> AudioInfo:
    """Describe a file without decoding it. Raises AudioError when it is missing, a folder, empty or not audio."""
    path = _existing_file(path)
    try:
        info = soundfile.info(sndfile_name(path))
    except soundfile.LibsndfileError:
        return AudioInfo(**probe_fields(path))
    return AudioInfo(info.samplerate, info.channels, info.frames, info.subtype, info.format)


def read(path: str | Path, *, offset_seconds: float = 0.0, duration_seconds: float | None = None) -> tuple[Tensor, int]:
    """Read a file, or an excerpt of it, as ``(C, N)`` float32 and its rate in Hz.

    An excerpt that reaches beyond the end is cut there. Raises AudioError as :func:`probe` does, for NaN or infinite
    samples, and when not a single sample is left.
    """
    with AudioStream(path, offset_seconds=offset_seconds) as stream:
        rate = stream.info.sample_rate
        wanted = None if duration_seconds is None else round(duration_seconds * rate)
        blocks = []
        for block in stream.blocks(_BLOCK_SAMPLES if wanted is None else min(max(wanted, 1), _BLOCK_SAMPLES)):
            blocks.append(block)
            if wanted is not None and sum(b.shape[1] for b in blocks) >= wanted:
                break
    waveform = torch.cat(blocks, dim=1) if blocks else torch.zeros(stream.info.channels, 0)
    waveform = waveform[:, :wanted].contiguous()
    if waveform.shape[1] == 0:
        raise AudioError(f"{Path(path).name} holds no audio{' there' if offset_seconds or wanted == 0 else ''}.")
    return waveform, rate


class AudioStream:
    """A file as consecutive blocks ``(C, n)`` of float32, at constant memory::

        with AudioStream("song.mp3") as stream:
            for block in stream:
                ...

    Raises AudioError for a file that cannot be decoded and for NaN or infinite samples (saying at which second). Warns
    when the file ends well before its header says, as a broken download does.
    """

    def __init__(self, path: str | Path, *, offset_seconds: float = 0.0, warns: bool = True) -> None:
        self._warns = warns
        self._path = _existing_file(path)
        self.info = probe(self._path)
        self._position = round(offset_seconds * self.info.sample_rate)
        self._decoder = self._open(offset_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._decoder.close()

    def __iter__(self) -> Iterator[Tensor]:
        return self.blocks(_BLOCK_SAMPLES)

    def blocks(self, n_samples: int) -> Iterator[Tensor]:
        """Blocks of ``n_samples``, the last one shorter."""
        while True:
            samples = self._read(n_samples)
            if len(samples) == 0:
                break
            block = torch.from_numpy(np.ascontiguousarray(samples.T))
            self._refuse_non_finite(block)
            self._position += block.shape[1]
            yield block
        if self._warns:
            self._warn_if_cut_short()

    def _open(self, offset_seconds: float) -> "_SoundfileDecoder | FfmpegDecoder":
        try:
            return _SoundfileDecoder(self._path, self._position)
        except soundfile.LibsndfileError:
            return FfmpegDecoder(self._path, self.info.channels, offset_seconds)

    def _read(self, n_samples: int) -> NDArray[np.float32]:
        try:
            return self._decoder.read(n_samples)
        except soundfile.LibsndfileError as error:
            second = self._position / self.info.sample_rate
            raise AudioError(f"{self._path.name} is damaged: decoding stops at {second:.2f} s.") from error

    def _refuse_non_finite(self, block: Tensor) -> None:
        if not torch.isfinite(block).all():
            first = int((~torch.isfinite(block)).any(dim=0).float().argmax())
            second = (self._position + first) / self.info.sample_rate
            raise AudioError(
                f"{self._path.name} has a sample that is not a number (NaN or infinite) at {second:.3f} s; "
                "export the song again, or cut that spot out."
            )

    def _warn_if_cut_short(self) -> None:
        missing = (self.info.n_samples - self._position) / self.info.sample_rate
        if missing > _MISSING_SECONDS or _announces_more(self._decoder):
            there = self._position / self.info.sample_rate
            warnings.warn(
                f"{self._path.name} ends after {there:.1f} s, before its header says it does; it may be a broken "
                "download. What is there is used.",
                stacklevel=2,
            )


class _SoundfileDecoder:
    def __init__(self, path: Path, offset: int) -> None:
        self.file = soundfile.SoundFile(sndfile_name(path))
        if offset:
            self.file.seek(min(offset, self.file.frames))

    def read(self, n_samples: int) -> NDArray[np.float32]:
        samples: NDArray[np.float32] = self.file.read(n_samples, dtype="float32", always_2d=True)
        return samples

    def close(self) -> None:
        self.file.close()


def _announces_more(decoder: _SoundfileDecoder | FfmpegDecoder) -> bool:
    """Whether a WAV's data chunk claims more bytes than the file has, which libsndfile corrects without a word."""
    if not isinstance(decoder, _SoundfileDecoder) or decoder.file.format not in ("WAV", "WAVEX"):
        return False
    return any(line.startswith("data :") and "should be" in line for line in decoder.file.extra_info.splitlines())


def _existing_file(path: str | Path) -> Path:
    path = Path(path)
    if os.path.isdir(path):
        raise AudioError(f"{path} is a folder; give an audio file.")
    if not os.path.exists(path):  # False also for a name too long to exist, where Path.exists raises
        raise AudioError(f"{path} does not exist.")
    if path.stat().st_size == 0:
        raise AudioError(f"{path.name} is empty (0 bytes).")
    return path


def to_mono(waveform: Tensor) -> Tensor:
    """Mean of the channels, ``(..., C, N)`` -> ``(..., 1, N)``."""
    return waveform.mean(dim=-2, keepdim=True)


def resample(waveform: Tensor, from_rate: int, to_rate: int) -> Tensor:
    """``(..., N)`` at ``from_rate`` Hz -> ``(..., ceil(N * to_rate / from_rate))`` at ``to_rate`` Hz.

    torchaudio's windowed sinc, long enough to keep everything up to 97 % of the lower Nyquist frequency. Its kernel has
    the product of the ratio's terms, so a pair such as 44100 and 22051 goes through one Fourier transform instead.
    """
    if from_rate == to_rate:
        return waveform
    n_samples = -(-waveform.shape[-1] * to_rate // from_rate)
    if max(from_rate, to_rate) // math.gcd(from_rate, to_rate) > _MOST_PHASES:
        spectrum = torch.fft.rfft(waveform)
        bins = n_samples // 2 + 1
        spectrum = torch.nn.functional.pad(spectrum, (0, bins - spectrum.shape[-1]))
        moved: Tensor = torch.fft.irfft(spectrum, n=n_samples) * (n_samples / waveform.shape[-1])
        return moved
    from torchaudio.functional import resample as sinc_resample  # slow to import, and many callers need only files

    resampled: Tensor = sinc_resample(waveform, from_rate, to_rate, lowpass_filter_width=64)
    return resampled
