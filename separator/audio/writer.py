"""Audio files out: AudioWriter for blocks, write for a whole waveform, and how deep a sample is stored.

Nothing here changes a level: what is above full scale is kept where the format can, and reported where it cannot.
"""

import io
import os
import warnings
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from torch import Tensor

from separator.errors import AudioError
from separator.files import atomic_write, make_part_path

_COPY_SAMPLES = 1 << 16
_MOST_WAV_BYTES = 1 << 32
_MOST_VORBIS_HZ = 200_000
VORBIS_ORDER = {
    3: [0, 2, 1],
    5: [0, 2, 1, 3, 4],
    6: [0, 2, 1, 4, 5, 3],
    7: [0, 2, 1, 5, 6, 4, 3],
    8: [0, 2, 1, 6, 7, 4, 5, 3],
}
"""By the number of channels, which of a WAV's (left, right, centre, low, back, side) stands where in Vorbis."""


class AudioWriter:
    """Blocks ``(C, n)`` into a file, written beside its final place and renamed when complete::

        with AudioWriter("vocals.wav", 44100, 2, "PCM_16") as writer:
            writer.write(block)

    When the ``with`` block is left by an exception nothing new remains. With ``float_above_full_scale`` a PCM WAV turns
    itself into 32-bit float when the first sample beyond full scale arrives; otherwise such samples are clipped, and
    ``peak`` and ``clips`` report it. A WAV that may pass 4 GiB turns itself into RF64, its 64-bit form. Raises
    AudioError when the file cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        sample_rate: int,
        channels: int,
        subtype: str,
        *,
        float_above_full_scale: bool = False,
    ) -> None:
        self.path = Path(path)
        self.subtype = subtype
        self.peak = 0.0
        """Largest absolute sample so far, 1.0 being full scale."""
        self._rate, self._channels = sample_rate, channels
        self._may_turn_float = float_above_full_scale and self.path.suffix.lower() == ".wav"
        self._container = self.path.suffix[1:].upper()
        self._n_samples = 0
        refuse_unwritable(self.path, sample_rate, channels, subtype)
        with ExitStack() as place:
            self._part = place.enter_context(atomic_write(self.path))
            self._file = self._create()
            place.callback(self.close)
            self._place = place.pop_all()

    @property
    def part(self) -> Path:
        """Where the file is until it is complete."""
        return self._part

    @property
    def clips(self) -> bool:
        """Whether samples beyond full scale were lost: they survive in float only."""
        return self.peak > 1.0 and self.subtype not in ("FLOAT", "DOUBLE")

    def write(self, waveform: Tensor) -> None:
        """Append ``(C, n)`` samples."""
        self.peak = max(self.peak, float(waveform.abs().amax())) if waveform.numel() else self.peak
        try:
            if self.clips and self._may_turn_float:
                self._start_over(self._container, "FLOAT")
            self._n_samples += waveform.shape[-1]
            if self._container == "WAV" and self._n_samples * self._channels * 4 >= _MOST_WAV_BYTES:
                self._start_over("RF64", self.subtype)
            for piece in waveform.split(_COPY_SAMPLES, dim=-1):  # libvorbis puts what it is given on the stack
                self._append(piece)
        except (soundfile.LibsndfileError, OSError, AssertionError) as error:  # soundfile asserts on a short write
            raise AudioError(f"Could not write {self.path}: {_format_cause(error)}. Is the disk full?") from error

    def close(self) -> None:
        """Flush to disk without renaming yet, so that several files can succeed or fail together."""
        try:
            self._file.close()
        except soundfile.LibsndfileError as error:
            raise AudioError(f"Could not write {self.path}: {_format_cause(error)}. Is the disk full?") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._place.__exit__(kind, error, traceback)
        except OSError as problem:
            raise AudioError(
                f"Could not put {self.path} in its place: {problem.strerror}. "
                "Is it a folder, or open in another program?"
            ) from problem

    def _append(self, waveform: Tensor) -> None:
        if self._container == "OGG" and self._channels in VORBIS_ORDER:
            waveform = waveform[VORBIS_ORDER[self._channels]]
        self._file.write(_quantise(waveform, self.subtype))

    def _create(self) -> soundfile.SoundFile:
        name = encode_path(self._part)
        try:
            return soundfile.SoundFile(name, "w", self._rate, self._channels, self.subtype, format=self._container)
        except (soundfile.LibsndfileError, OSError, ValueError) as error:
            raise AudioError(self._explain_refusal(error)) from error

    def _explain_refusal(self, error: Exception) -> str:
        if not self.path.parent.is_dir():
            return f"The folder {self.path.parent} does not exist; create it first."
        if not os.access(self.path.parent, os.W_OK):
            return f"The folder {self.path.parent} cannot be written to; choose another."
        return f"Could not write {self.path}: {_format_cause(error)}."

    def _start_over(self, container: str, subtype: str) -> None:
        """Copy what is written so far into a file of another kind, and go on there."""
        self._file.close()
        so_far = make_part_path(self.path)
        os.replace(self._part, so_far)
        self._container, self.subtype = container, subtype
        try:
            with soundfile.SoundFile(encode_path(so_far)) as file:
                self._file = self._create()
                while len(samples := file.read(_COPY_SAMPLES, dtype="float32", always_2d=True)):
                    self._append(torch.from_numpy(samples.T))
        finally:
            so_far.unlink()


def write(path: str | Path, waveform: Tensor, sample_rate: int, bits: int | None = None) -> None:
    """Write ``(C, N)`` float32 samples; the suffix is the format, ``bits`` the depth (default: the deepest one).

    Raises AudioError; warns, naming the peak, when samples beyond full scale had to be clipped.
    """
    subtype = choose_subtype(path, bits)
    with AudioWriter(path, sample_rate, waveform.shape[0], subtype) as writer:
        writer.write(waveform)
    if writer.clips:
        warnings.warn(describe_clipping(writer), stacklevel=2)


def describe_clipping(writer: AudioWriter) -> str:
    """One sentence for the user about a file whose samples went beyond full scale."""
    over_db = 20 * np.log10(writer.peak)
    return (
        f"{writer.path.name} goes {over_db:.1f} dB above full scale (peak {writer.peak:.2f}), which its format cannot "
        "hold: those peaks are clipped. Write a WAV with 32 bits to keep them."
    )


_DEPTHS = {".wav": {16: "PCM_16", 24: "PCM_24", 32: "FLOAT"}, ".flac": {16: "PCM_16", 24: "PCM_24"}}
_LOSSY = {".ogg": "VORBIS", ".mp3": "MPEG_LAYER_III"}
OUTPUT_SUFFIXES = (*_DEPTHS, *_LOSSY)


def choose_subtype(path: str | Path, bits: int | None = None, like: str = "FLOAT") -> str:
    """How samples are stored in a new file: ``bits`` deep, or by default as deep as the subtype ``like``.

    Lossy songs have no depth of their own and are followed with 16 bits. Raises AudioError for a suffix that cannot be
    written and for a depth that the format does not have.
    """
    suffix = Path(path).suffix.lower()
    if suffix in _LOSSY and bits is None:
        return _LOSSY[suffix]
    if suffix in _LOSSY:
        raise AudioError(f"{suffix[1:].upper()} has no bit depth; leave the bits away, or write WAV or FLAC.")
    if suffix not in _DEPTHS:
        raise AudioError(f"{Path(path).name}: can write {', '.join(OUTPUT_SUFFIXES)}, not {suffix or 'no suffix'!r}.")
    depths = _DEPTHS[suffix]
    if bits is None:
        return depths[min(_get_bits(like), max(depths))]
    if bits not in depths:
        raise AudioError(f"{suffix[1:].upper()} is written with {', '.join(map(str, depths))} bits, not {bits}.")
    return depths[bits]


def _get_bits(subtype: str) -> int:
    return {"PCM_24": 24, "PCM_32": 32, "FLOAT": 32, "DOUBLE": 32}.get(subtype, 16)


def refuse_unwritable(path: str | Path, sample_rate: int, channels: int, subtype: str | None = None) -> None:
    """Raises AudioError for a rate or number of channels that the suffix's format does not have.

    A second of silence in memory shows it: some encoders refuse only their first samples, libvorbis by a crash.
    """
    kind = Path(path).suffix[1:].upper()
    try:
        if kind == "OGG" and sample_rate > _MOST_VORBIS_HZ:
            raise ValueError(f"at most {_MOST_VORBIS_HZ} Hz")
        kind_of_sample = subtype or choose_subtype(path)
        with soundfile.SoundFile(io.BytesIO(), "w", sample_rate, channels, kind_of_sample, format=kind) as file:
            file.write(np.zeros((1, channels), np.float32))
    except (soundfile.LibsndfileError, ValueError) as error:
        raise AudioError(
            f"{Path(path).name}: cannot write {channels} channels at {sample_rate} Hz as {kind} "
            f"({_format_cause(error)}); write WAV instead."
        ) from error


def _quantise(waveform: Tensor, subtype: str) -> NDArray[np.generic]:
    """``(C, n)`` -> ``(n, C)``, rounded to the nearest step for PCM (libsndfile's own conversion rounds down)."""
    samples = waveform.T
    if subtype == "PCM_16":
        return (samples * 2.0**15).round().clamp(-(2**15), 2**15 - 1).to(torch.int16).numpy()
    if subtype == "PCM_24":
        return ((samples * 2.0**23).round().clamp(-(2**23), 2**23 - 1).to(torch.int32) << 8).numpy()
    return samples.numpy()


def make_folder(folder: Path) -> None:
    """Make a folder for stems, where its parent is there. Raises AudioError where that cannot be done."""
    try:
        folder.mkdir(exist_ok=True)
    except FileNotFoundError as error:
        raise AudioError(f"The folder {folder.parent} does not exist; create it first.") from error
    except OSError as error:
        raise AudioError(f"Cannot make the folder {folder}: {error.strerror}.") from error


def encode_path(path: Path) -> str | bytes:
    """A path as soundfile takes it: it would refuse names in bytes that are not UTF-8."""
    return str(path) if os.name == "nt" else os.fsencode(path)


def _format_cause(error: Exception) -> str:
    return str(error).rsplit(": ", 1)[-1].strip().rstrip(".") or type(error).__name__
