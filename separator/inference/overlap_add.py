"""A mask estimator over a song of any length, in cross-faded segments, at constant memory.

Two levels with one geometry. A song is cut into *windows* of samples that overlap; a window into *segments* of frames
that overlap, which go through the model as one batch. The outer frames of a segment are heard, their mask is thrown
away: a little context before, and a longer lookahead. For what a GRU knows from before a segment, the segment before
can tell it (``separator.model.gru_state``), but not what comes after. Then comes a short cross-fade to the neighbour:

    segment 0   |===================\\-------|
    segment 1                 |----/==============\\-------|         - context, lookahead   / \\ cross-fade   = used
    frames      0             stride                2 * stride

The song's own beginning and end need neither. Windows are cross-faded by the same rule through the weights of their
last segment's frames, so where a window begins cannot be heard either.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from separator.device import is_out_of_memory
from separator.errors import ConfigError, SeparatorError
from separator.model.gru_state import Past

CONTEXT_SECONDS = 1.12
"""For the convolutions. Twice as much, and as much less ahead, makes seams 0 to 2 dB louder."""
LOOKAHEAD_SECONDS = 2.97
"""For the GRU's way back, which begins anew in each segment."""


@dataclass(frozen=True)
class SegmentPlan:
    """How a song is cut, in frames (of 11.6 ms with the default STFT)."""

    stride: int = 1024
    """From the start of one segment to the start of the next."""
    context: int = 96
    """Heard before what is used, and thrown away."""
    lookahead: int = 256
    """Heard after it, and thrown away."""
    fade: int = 16
    """Shared with each neighbour."""
    window_segments: int = 1
    """Segments in one window, which go through the model as one batch; memory grows with it. One is fastest on CPUs
    (more outgrow the caches), several on GPUs."""

    def __post_init__(self) -> None:
        if min(self.stride, self.fade, self.window_segments) < 1 or min(self.context, self.lookahead) < 4:
            raise ConfigError(
                f"{self}: context and lookahead must be at least 4 frames (one STFT window), the others at least 1."
            )

    @classmethod
    def for_frame_rate(cls, frames_per_second: float, window_segments: int, fold: int = 1) -> "SegmentPlan":
        """The plan that hears so many seconds around, a little more ahead where that makes a segment whole folds.

        The last of a network's folds, of so many frames each, would otherwise be filled up with silence, and the
        segment that overlaps has music there: with whole folds the seams of most songs lie 2 dB lower, and cSDR rises
        by 0.01 to 0.02 dB (checkpoints/README.md).
        """
        context, lookahead = (round(seconds * frames_per_second) for seconds in (CONTEXT_SECONDS, LOOKAHEAD_SECONDS))
        lookahead += -cls(context=context, lookahead=lookahead).segment % fold
        return cls(context=context, lookahead=lookahead, window_segments=window_segments)

    @property
    def segment(self) -> int:
        """Frames in one segment."""
        return self.stride + self.overlap

    @property
    def overlap(self) -> int:
        """Frames that neighbouring segments, and neighbouring windows, have in common."""
        return self.context + self.lookahead + self.fade

    @property
    def window_stride(self) -> int:
        return self.window_segments * self.stride

    def weights(self, frames: int, begin: int | None, end: int | None, device: torch.device) -> Tensor:
        """Weights ``(T,)`` of a segment or window that begins at frame ``begin`` and is followed by one at ``end``.

        None stands for the song's own beginning or end. Each is the difference of two ramps, so the weights of all
        segments add up to 1 at every frame.
        """
        taken = torch.ones(frames, device=device) if begin is None else self._ramp(frames, begin, device)
        return taken if end is None else taken - self._ramp(frames, end, device)

    def _ramp(self, frames: int, start: int, device: torch.device) -> Tensor:
        position = torch.arange(frames, device=device) - (start + self.context) + 0.5
        return (position / self.fade).clamp_(0.0, 1.0)


class Cut(NamedTuple):
    """How a song is cut into windows, in samples."""

    stride: int
    length: int

    @classmethod
    def of(cls, plan: SegmentPlan, hop_length: int) -> "Cut":
        stride = plan.window_stride * hop_length
        return cls(stride, stride + (plan.overlap - 1) * hop_length)


class Window(NamedTuple):
    """A stretch of a song, with what it shares with its neighbours."""

    samples: Tensor
    """``(C, n)``."""
    is_first: bool
    is_last: bool


def windows(blocks: Iterable[Tensor], cut: Cut) -> Iterator[Window]:
    """Join blocks ``(C, n)`` of any sizes into windows.

    The last one is shorter, but longer than the overlap. No blocks, no windows.
    """
    stride, length = cut
    pending: list[Tensor] = []
    n_pending = 0
    is_first = True
    for block in blocks:
        pending.append(block)
        n_pending += block.shape[1]
        while n_pending > length:
            joined = pending[0] if len(pending) == 1 else torch.cat(pending, dim=1)
            yield Window(joined[:, :length], is_first, False)
            pending, n_pending, is_first = [joined[:, stride:]], n_pending - stride, False
    if pending:
        yield Window(torch.cat(pending, dim=1), is_first, True)


def overlap_add(
    blocks: Iterable[Tensor], cut: Cut, separate: Callable[[Window], Tensor]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Run ``separate`` over a song's windows and add what it returns, ``(S, C, n)``, where they overlap.

    Yields consecutive stretches of the song: the mixture ``(C, n)`` and its stems ``(S, C, n)``.
    """
    tail: Tensor | None = None
    for window in windows(blocks, cut):
        stems = separate(window)
        if tail is not None:
            stems[..., : tail.shape[-1]] += tail
        done = window.samples.shape[1] if window.is_last else cut.stride
        tail = stems[..., done:]
        yield window.samples[:, :done], stems[..., :done]


def window_weights(frames: int, window: Window, plan: SegmentPlan) -> Tensor:
    """``(T,)`` weights of a window's frames; at every frame of a song those of its windows add up to 1."""
    end = None if window.is_last else plan.window_stride
    return plan.weights(frames, None if window.is_first else 0, end, torch.device("cpu"))


class MaskEstimator:
    """A model over the magnitude of one window, ``(F, T)`` or ``(C, F, T)`` -> masks ``(S, F, T)``, segment by
    segment.

    The segments of a window are one batch. When the device runs out of memory the batch is halved, for good, with a
    warning.

    With ``window_overlap``, the frames that windows share, it is for one song, whose windows begin a whole number of
    strides apart and are given in order, and for a model that takes a past (``separator.model.gru_state``). A song
    may be heard in several ways at once: each hearing has a past of its own.
    """

    def __init__(
        self, model: nn.Module, plan: SegmentPlan, device: torch.device, *, window_overlap: int | None = None
    ) -> None:
        self.plan = plan
        self._model = model
        self._device = device
        self._batch_size = plan.window_segments
        self._window_overlap = window_overlap
        self._pasts: dict[int, Past] = {}

    def __call__(self, magnitude: Tensor, hearing: int = 0) -> Tensor:
        frames = magnitude.shape[-1]
        past = None
        if self._window_overlap is not None:
            past = self._pasts.setdefault(hearing, Past(self.plan.stride))
        cuts = self._cuts(frames)
        # Bins stay innermost in memory, where they are in the STFT.
        segments = [magnitude.mT[..., cut.start : cut.stop, :] for cut in cuts]
        masks = self._in_batches(segments, past)
        return self._cross_faded(masks, [cut.start for cut in cuts], frames).to(magnitude.device)

    def _cuts(self, frames: int) -> list[range]:
        """The frames of each segment of a window."""
        stride, overlap, length = self.plan.stride, self.plan.overlap, min(self.plan.segment, frames)
        if self._window_overlap is None:
            n_segments = max(1, -(-(frames - overlap) // stride))
            # The last segment is moved to the left until it is full, and gains context.
            starts = [min(i * stride, frames - length) for i in range(n_segments)]
            return [range(start, start + length) for start in starts]
        # The last segment goes on to the end of the window: the next one is the first of the next window.
        n_segments = max(1, -(-(frames - max(overlap, self._window_overlap)) // stride))
        ends = [i * stride + length for i in range(n_segments - 1)] + [frames]
        return [range(i * stride, end) for i, end in enumerate(ends)]

    def _in_batches(self, segments: list[Tensor], past: Past | None) -> list[Tensor]:
        masks: list[Tensor] = []
        while len(masks) < len(segments):
            begin = len(masks)
            # Only the last one can be of another length.
            alike = [s for s in segments[begin : begin + self._batch_size] if s.shape == segments[begin].shape]
            batch = torch.stack(alike).mT.to(self._device)
            before = {} if past is None else past.states()
            try:
                masks.extend(self._model(batch) if past is None else self._model(batch, past))
            except RuntimeError as error:
                self._halve_batch(error)
                if past is not None:
                    past.go_back_to(before)
        return masks

    def _halve_batch(self, error: RuntimeError) -> None:
        if not is_out_of_memory(error):
            raise error
        if self._batch_size == 1:
            raise SeparatorError(
                f"{self._device} has too little free memory even for one segment; use the CPU."
            ) from error
        self._batch_size //= 2
        torch.cuda.empty_cache()
        warnings.warn(
            f"{self._device} ran out of memory; going on with {self._batch_size} segments at a time.", stacklevel=2
        )

    def _cross_faded(self, masks: list[Tensor], starts: list[int], frames: int) -> Tensor:
        if len(masks) == 1:
            return masks[0]
        plan, last = self.plan, len(masks) - 1
        joined = (
            masks[0].new_zeros(*masks[0].shape[:-2], frames, masks[0].shape[-2]).mT
        )  # bins innermost, as the model's masks and the STFT
        for i, (mask, start) in enumerate(zip(masks, starts, strict=True)):
            begin = i * plan.stride if i else None
            end = (i + 1) * plan.stride if i < last else None
            weights = plan.weights(frames, begin, end, mask.device)
            used = slice(
                0 if begin is None else begin + plan.context,
                frames if end is None else end + plan.context + plan.fade,
            )
            joined[..., used] += mask[..., used.start - start : used.stop - start] * weights[used]
        return joined
