"""Audio files: probe, read, and stream in blocks.

libsndfile reads what it reads to the end: uncompressed audio, and OGG of one link. MP3 and FLAC, where it stops at what
the header states, chained OGG and everything else go to ``separator.audio.ffmpeg``.
"""

import mmap
import os
import re
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

from separator.audio.ffmpeg import FfmpegDecoder, is_installed, probe_fields
from separator.audio.writer import VORBIS_ORDER, encode_path
from separator.errors import AudioError

SOUNDFILE_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".opus", ".oga", ".aiff", ".aif", ".w64", ".rf64", ".caf", ".au")
FFMPEG_SUFFIXES = (".m4a", ".aac", ".wma", ".ac3", ".mp4", ".m4v", ".mkv", ".mka", ".webm", ".mov", ".avi", ".3gp")
AUDIO_SUFFIXES = SOUNDFILE_SUFFIXES + FFMPEG_SUFFIXES
"""File name endings worth offering to a reader; what counts is what the file holds, not how it is called."""

_BLOCK_SAMPLES = 1 << 17
# A lossy file whose header promises a little more than it holds is usual (encoder padding); a tenth of a second is not.
_PADDING_SECONDS = 0.1
_MOST_HZ = 768_000
_MOST_SAMPLES_PER_SECOND = 64 * 48_000


@dataclass(frozen=True)
class AudioInfo:
    """What a file's header states, before any of it is decoded."""

    sample_rate: int
    """Hz."""
    channels: int
    n_samples: int
    """Samples per channel that the header states: an estimate, never a reason to stop reading; 0 where unknown."""
    subtype: str
    """How a sample is stored, in libsndfile's words (``PCM_16``, ``FLOAT``, ``VORBIS``) or ffmpeg's (``AAC``)."""
    format: str
    """The container: ``WAV``, ``FLAC``, ``MP3``, ..."""

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sample_rate


def probe(path: str | Path) -> AudioInfo:
    """Describe a file without decoding it.

    Raises AudioError when it is missing, a folder, empty, not audio, or of a rate or width that no song has.
    """
    path = _require_file(path)
    found = _read_sndfile_info(path)
    if found is None:
        info = AudioInfo(**probe_fields(path))
    else:
        info = AudioInfo(
            found.samplerate, found.channels, _read_stated_samples(path, found), found.subtype, found.format
        )
    if info.sample_rate > _MOST_HZ or info.sample_rate * info.channels > _MOST_SAMPLES_PER_SECOND:
        raise AudioError(
            f"{path.name} states {info.channels} channels at {info.sample_rate} Hz; at most {_MOST_HZ} Hz and "
            f"{_MOST_SAMPLES_PER_SECOND} samples per second over all channels are read. Is it damaged? Otherwise "
            "convert it to fewer channels or a lower rate."
        )
    return info


def _read_sndfile_info(path: Path) -> "soundfile._SoundFileInfo | None":
    """libsndfile's description of a file; None where ffmpeg is the one to read it."""
    try:
        info = soundfile.info(encode_path(path))
    except soundfile.LibsndfileError:
        return None
    return None if _may_hold_more(path, info) and is_installed() else info


def _may_hold_more(path: Path, info: "soundfile._SoundFileInfo") -> bool:
    """Whether a file may hold more than libsndfile reads of it."""
    if info.format != "OGG":
        return info.format in ("MP3", "FLAC") or info.frames == 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as pages:
        return pages.find(b"OggS\0\2", 1) > 0  # a further first page: another link


def _read_stated_samples(path: Path, info: "soundfile._SoundFileInfo") -> int:
    """Of a file that holds fewer bytes than its header claims, which libsndfile corrects silently, what was claimed."""
    claim = re.search(r"^ *(?:data|SSND|data size) *: (\d+)\b", info.extra_info, re.MULTILINE | re.IGNORECASE)
    claimed, size = int(claim[1]) if claim else 0, path.stat().st_size
    # Written to a pipe, a header claims about the most that fits in 31 or 32 bits.
    if claimed > size and not any(0 <= most - claimed <= 1 << 12 for most in (1 << 31, 1 << 32)):
        return int(info.frames * claimed / size)
    return int(info.frames) if info.frames < 1 << 62 else 0


def read(path: str | Path, *, offset_seconds: float = 0.0, duration_seconds: float | None = None) -> tuple[Tensor, int]:
    """Read a file, or an excerpt of it, as ``(C, N)`` float32 and its rate in Hz.

    An excerpt that reaches beyond the end is cut there. Warns when a part of the file is missing. Raises AudioError as
    :func:`probe` does, for NaN or infinite samples, and when not a single sample is left.
    """
    with AudioStream(path, offset_seconds=offset_seconds) as stream:
        rate = stream.info.sample_rate
        wanted = None if duration_seconds is None else round(duration_seconds * rate)
        blocks = []
        for block in stream.blocks(_BLOCK_SAMPLES if wanted is None else min(max(wanted, 1), _BLOCK_SAMPLES)):
            blocks.append(block)
            if wanted is not None and sum(b.shape[1] for b in blocks) >= wanted:
                break
        else:
            stream.warn_of_loss()
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

    Raises AudioError for a file that cannot be decoded and for NaN or infinite samples (naming the second). Warns at
    the end when a part of what the header states is missing, as in a broken download. ``stream`` is the audio stream's
    number in a container of several.
    """

    def __init__(self, path: str | Path, *, offset_seconds: float = 0.0, stream: int = 0) -> None:
        self._path = _require_file(path)
        self.info = probe(self._path)
        self._position = round(offset_seconds * self.info.sample_rate)
        self._is_damaged = False
        self._decoder = self._open(stream)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._decoder.close()

    def __iter__(self) -> Iterator[Tensor]:
        yield from self.blocks(_BLOCK_SAMPLES)
        self.warn_of_loss()

    def blocks(self, n_samples: int) -> Iterator[Tensor]:
        """Blocks of ``n_samples``, the last one shorter, without a warning at the end."""
        while True:
            samples = self._read(n_samples)
            if len(samples) == 0:
                break
            block = torch.from_numpy(np.ascontiguousarray(samples.T))
            self._refuse_non_finite(block)
            self._position += block.shape[1]
            yield block

    @property
    def missing_seconds(self) -> float:
        """Once all blocks were read: how much of what the header states was not there."""
        missing = (self.info.n_samples - self._position) / self.info.sample_rate
        return missing if missing > _PADDING_SECONDS else 0.0

    def warn_of_loss(self) -> None:
        """Once all blocks were read: warn, with the seconds, where the file is damaged or cut short."""
        there = f"what is there ({self._position / self.info.sample_rate:.1f} s) is used."
        if self.missing_seconds:
            sentence = (
                f"{self.missing_seconds:.1f} of {self.info.seconds:.1f} s are missing, damaged or cut off; {there}"
            )
        elif self._is_damaged:
            sentence = f"is damaged and decoding stops early; {there}"
        elif isinstance(self._decoder, _SoundfileDecoder) and self._decoder.may_hold_more:
            sentence = f"may go on after what its header states; {there} Install ffmpeg to read such files whole."
        else:
            return
        warnings.warn(f"{self._path.name}: {sentence}", stacklevel=3)

    def _open(self, stream: int) -> "_SoundfileDecoder | FfmpegDecoder":
        if stream == 0 and (found := _read_sndfile_info(self._path)):
            return _SoundfileDecoder(self._path, self._position, _may_hold_more(self._path, found))
        decoder = FfmpegDecoder(self._path, self.info.sample_rate, self.info.channels, stream)
        for start in range(0, self._position, _BLOCK_SAMPLES):  # seeking is inexact where a header is
            decoder.read(min(_BLOCK_SAMPLES, self._position - start))
        return decoder

    def _read(self, n_samples: int) -> NDArray[np.float32]:
        try:
            return self._decoder.read(n_samples)
        except soundfile.LibsndfileError as error:
            if self._position == 0:
                raise AudioError(f"{self._path.name} is damaged: nothing of it can be decoded.") from error
            self._is_damaged = True
            return np.zeros((0, self.info.channels), np.float32)

    def _refuse_non_finite(self, block: Tensor) -> None:
        if not torch.isfinite(block).all():
            first = int((~torch.isfinite(block)).any(dim=0).float().argmax())
            second = (self._position + first) / self.info.sample_rate
            raise AudioError(
                f"{self._path.name} has a sample that is not a number (NaN or infinite) at {second:.3f} s; "
                "export the song again, or cut that spot out."
            )


class _SoundfileDecoder:
    def __init__(self, path: Path, offset: int, may_hold_more: bool) -> None:
        self.may_hold_more = may_hold_more
        self.file = soundfile.SoundFile(encode_path(path))
        if offset:
            self.file.seek(min(offset, self.file.frames))

    def read(self, n_samples: int) -> NDArray[np.float32]:
        samples: NDArray[np.float32] = self.file.read(n_samples, dtype="float32", always_2d=True)
        order = VORBIS_ORDER.get(samples.shape[1]) if self.file.format == "OGG" else None
        return samples if order is None else samples[:, np.argsort(order)]

    def close(self) -> None:
        self.file.close()


def _require_file(path: str | Path) -> Path:
    path = Path(path)
    if os.path.isdir(path):
        raise AudioError(f"{path} is a folder; give an audio file.")
    if not os.path.exists(path):  # False also for a name too long to exist, where Path.exists raises
        raise AudioError(f"{path} does not exist.")
    if path.stat().st_size == 0:
        raise AudioError(f"{path.name} is empty (0 bytes).")
    return path
