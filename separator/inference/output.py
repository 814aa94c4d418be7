"""Stems on their way to disk, and songs and outputs that are refused before any work is done."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from separator.audio.reader import AudioInfo
from separator.audio.writer import AudioWriter, choose_subtype
from separator.errors import AudioError


@dataclass(frozen=True)
class StemFile:
    """A stem that was written."""

    path: Path
    peak: float
    """Largest absolute sample; 1.0 is full scale."""
    subtype: str
    """How its samples are stored, in libsndfile's words."""
    clips: bool
    """Whether peaks above full scale were lost, because the format has no room for them."""
    missing_seconds: float
    """How much of what the song's header states was damaged or cut off."""

    @classmethod
    def of(cls, writer: AudioWriter, missing_seconds: float) -> "StemFile":
        return cls(writer.path, writer.peak, writer.subtype, writer.clips, missing_seconds)


def name_stems(targets: tuple[str, ...]) -> tuple[str, ...]:
    """The targets, then what they leave over: the ``accompaniment`` of vocals, what is ``other`` than vocals, drums and
    bass, or the ``rest``."""
    is_full = {"vocals", "drums", "bass"} <= set(targets) and "other" not in targets
    left_over = "accompaniment" if targets == ("vocals",) else "other" if is_full else "rest"
    return (*targets, left_over)


def open_stem(path: str | Path, song: AudioInfo, bits: int | None) -> AudioWriter:
    """A file like the song; without ``bits`` of the song's depth, and float where the stem goes above full scale."""
    subtype = choose_subtype(Path(path), bits, like=song.subtype)
    return AudioWriter(path, song.sample_rate, song.channels, subtype, float_above_full_scale=bits is None)


def refuse_unusable(waveform: Tensor, sample_rate: int) -> None:
    """Raises AudioError for anything but a finite float waveform ``(C, N)`` of at least one sample."""
    if waveform.ndim != 2 or not waveform.is_floating_point():
        raise AudioError(f"A song is a float tensor (C, N); this is {waveform.dtype} of shape {tuple(waveform.shape)}.")
    if waveform.numel() == 0:
        raise AudioError(f"The song holds no audio: its shape is {tuple(waveform.shape)}.")
    if sample_rate <= 0:
        raise AudioError(f"sample_rate is {sample_rate}; it must be a positive number of Hz.")
    if not torch.isfinite(waveform).all():
        second = int((~torch.isfinite(waveform)).any(dim=0).float().argmax()) / sample_rate
        raise AudioError(f"The song has a sample that is not a number (NaN or infinite) at {second:.3f} s.")


def refuse_overwriting(song: Path, outputs: Mapping[str, str | Path]) -> None:
    """Raises AudioError where an output is the song itself, or two outputs are one file."""
    places = [Path(output).resolve() for output in outputs.values()]
    if song.resolve() in places:
        raise AudioError(f"The output {song} is the song itself; choose another name, so that the song is kept.")
    if len(set(places)) < len(places):
        raise AudioError("Two stems would be written to the same file; give each its own name.")
