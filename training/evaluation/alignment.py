"""Brings a reference, an estimate and a mixture to one rate, channel count and length, and lists what was done.

Nothing is guessed in silence: every change is a sentence in `Alignment.notes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from separator.audio import resample, to_mono
from separator.errors import AudioError
from separator.metrics import compute_frame_energy

_EXCERPT_SECONDS = 20.0
_LONGEST_OFFSET_SECONDS = 1.0
_CLEARLY = 1.01  # how much better than no offset an offset must fit
_ALIKE = 0.3  # correlation below which two sounds are too different for an offset to mean anything


class Sound(NamedTuple):
    """A waveform (C, N) with its rate in Hz."""

    waveform: Tensor
    sample_rate: int


@dataclass(frozen=True)
class Alignment:
    """Waveforms of one shape (C, N) and rate. `offset_samples`: how late the estimate was found to be (0: in time)."""

    reference: Tensor
    estimate: Tensor
    mixture: Tensor | None
    sample_rate: int
    offset_samples: int
    notes: tuple[str, ...]

    def first(self, n_samples: int) -> Alignment:
        """The beginning of all, with a note where that is not the whole."""
        n_more = self.reference.shape[1] - n_samples
        if n_more <= 0:
            return self
        note = f"the last {n_more / self.sample_rate:.3f} s are left out, which another estimate does not have"
        mixture = None if self.mixture is None else self.mixture[:, :n_samples]
        return replace(
            self,
            reference=self.reference[:, :n_samples],
            estimate=self.estimate[:, :n_samples],
            mixture=mixture,
            notes=(*self.notes, note),
        )


def align_all(
    reference: Sound, estimates: Sequence[Sound], mixture: Sound | None = None, *, fix_offset: bool = False
) -> list[Alignment]:
    """Each estimate as by :func:`align`, but all in as many channels and samples, so that they can be compared.

    Where one of them is mono, all are downmixed. Raises AudioError, as :func:`align`.
    """
    aligned = [align(reference, estimate, mixture, fix_offset=fix_offset) for estimate in estimates]
    if len({len(pair.reference) for pair in aligned}) > 1:
        aligned = [align(reference, estimate, mixture, fix_offset=fix_offset, mono=True) for estimate in estimates]
    shortest = min((pair.reference.shape[1] for pair in aligned), default=0)
    return [pair.first(shortest) for pair in aligned]


def align(
    reference: Sound,
    estimate: Sound,
    mixture: Sound | None = None,
    *,
    sample_rate: int | None = None,
    mono: bool = False,
    fix_offset: bool = False,
) -> Alignment:
    """Bring sounds together so that they can be compared sample by sample.

    Rate: that of the reference, or `sample_rate`. Channels: where they differ, or with `mono`, all are downmixed.
    Length: the shortest, cut at the end. An offset of up to 1 s is looked for by cross-correlation and reported;
    it is corrected only with `fix_offset`.

    Raises:
        AudioError: nothing is left to compare, or a waveform is not (C, N).
    """
    sounds = {"reference": reference, "estimate": estimate} | ({} if mixture is None else {"mixture": mixture})
    for name, sound in sounds.items():
        if sound.waveform.dim() != 2 or sound.waveform.numel() == 0:
            raise AudioError(f"the {name} must be (channels, samples) with audio in it; given {_shape(sound)}")
    sounds, notes = _same_channels(sounds, mono)
    sounds, more = _same_rate(sounds, sample_rate or reference.sample_rate)
    offset = find_offset(sounds["reference"], sounds["estimate"])
    sounds, about_offset = _shift(sounds, offset, fix_offset)
    sounds, about_length = _same_length(sounds)
    waveforms = {name: sound.waveform for name, sound in sounds.items()}
    return Alignment(
        waveforms["reference"],
        waveforms["estimate"],
        waveforms.get("mixture"),
        sounds["reference"].sample_rate,
        offset,
        (*notes, *more, *about_offset, *about_length),
    )


def find_offset(reference: Sound, estimate: Sound) -> int:
    """How many samples the estimate is late (negative: early), from the loudest 20 s; 0 where that is not clear.

    The peak of the cross-correlation of both differentiated twice, which flattens music's spectrum so that the peak
    is narrow. Both (C, N) at one rate.
    """
    rate = reference.sample_rate
    longest = round(_LONGEST_OFFSET_SECONDS * rate)
    n = min(reference.waveform.shape[1], estimate.waveform.shape[1])
    start = _loudest_start(reference.waveform[:, :n], rate)
    stop = min(n, start + round(_EXCERPT_SECONDS * rate))
    target, other = (to_mono(s.waveform[:, start:stop])[0].double().diff(n=2) for s in (reference, estimate))
    n_fft = 1 << (2 * max(len(target), 2) - 1).bit_length()
    correlation = torch.fft.irfft(torch.fft.rfft(other, n_fft) * torch.fft.rfft(target, n_fft).conj())
    longest = min(longest, n_fft // 2 - 1)
    lags = torch.cat([correlation[-longest:], correlation[: longest + 1]])  # lag 0 is in the middle
    peak = int(lags.argmax())
    clear = lags[peak] > _CLEARLY * lags[longest].clamp(min=0)
    alike = lags[peak] > _ALIKE * target.norm() * other.norm()
    return peak - longest if bool(clear & alike) else 0


def _loudest_start(waveform: Tensor, rate: int) -> int:
    """Where the loudest second of (C, N) begins, less half an excerpt."""
    loudest = int(compute_frame_energy(waveform, rate).argmax())
    last = max(0, waveform.shape[1] - round(_EXCERPT_SECONDS * rate))
    return min(last, max(0, round((loudest - _EXCERPT_SECONDS / 2) * rate)))


def _same_channels(sounds: dict[str, Sound], mono: bool) -> tuple[dict[str, Sound], list[str]]:
    counts = {name: sound.waveform.shape[0] for name, sound in sounds.items()}
    if set(counts.values()) == {1} or (len(set(counts.values())) == 1 and not mono):
        return sounds, []
    downmixed = {name: sound._replace(waveform=to_mono(sound.waveform)) for name, sound in sounds.items()}
    listed = ", ".join(f"{name} {count}" for name, count in counts.items())
    return downmixed, [f"downmixed to mono (channels: {listed})"]


def _same_rate(sounds: dict[str, Sound], rate: int) -> tuple[dict[str, Sound], list[str]]:
    notes = [
        f"{name} resampled from {sound.sample_rate} to {rate} Hz"
        for name, sound in sounds.items()
        if sound.sample_rate != rate
    ]
    return {n: Sound(resample(s.waveform, s.sample_rate, rate), rate) for n, s in sounds.items()}, notes


def _shift(sounds: dict[str, Sound], offset: int, fix: bool) -> tuple[dict[str, Sound], list[str]]:
    if offset == 0:
        return sounds, []
    milliseconds = abs(offset) / sounds["reference"].sample_rate * 1000
    found = f"the estimate is {abs(offset)} samples ({milliseconds:.1f} ms) {'late' if offset > 0 else 'early'}"
    if not fix:
        return sounds, [f"{found}; not corrected, ask for it with --fix_offset"]
    late = sounds["estimate"].waveform
    moved = late[:, offset:] if offset > 0 else torch.nn.functional.pad(late, (-offset, 0))
    return sounds | {"estimate": sounds["estimate"]._replace(waveform=moved)}, [f"{found}; corrected"]


def _same_length(sounds: dict[str, Sound]) -> tuple[dict[str, Sound], list[str]]:
    lengths = {name: sound.waveform.shape[1] for name, sound in sounds.items()}
    shortest = min(lengths.values())
    rate = sounds["reference"].sample_rate
    notes = [
        f"{name} trimmed by {(length - shortest) / rate:.3f} s to {shortest / rate:.3f} s"
        for name, length in lengths.items()
        if length > shortest
    ]
    return {n: s._replace(waveform=s.waveform[:, :shortest]) for n, s in sounds.items()}, notes


def _shape(sound: Sound) -> str:
    return str(tuple(sound.waveform.shape))
