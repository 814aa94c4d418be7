"""A song of any length in overlapping segments, at constant memory, and its stems joined again.

A segment starts one *hop* after the segment before. It begins with a little *context*, needed by the convolutions, and
ends with a longer *lookahead*, needed by the backward GRUs; the masks of both are thrown away. A short cross-fade joins
what is left:

    segment 0   |===================\\-------|
    segment 1                 |----/==============\\-------|         - context, lookahead   / \\ cross-fade   = used
    frames      0              hop              2 * hop

The song's own beginning and end need neither. Forward GRUs go on where the segment before left them, with a state that
is carried from segment to segment.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from separator.errors import ConfigError
from separator.model.config import ModelConfig
from separator.spectral.transforms import n_frames

CONTEXT_SECONDS = 1.12
"""Twice as much, and as much less lookahead, makes seams 0 to 2 dB louder."""
LOOKAHEAD_SECONDS = 2.97
_State = TypeVar("_State")


class Segment(NamedTuple):
    """Part of a song, with what it shares with its neighbours."""

    samples: Tensor
    """``(C, n)``."""
    is_first: bool
    is_last: bool


@dataclass(frozen=True)
class Segmentation:
    """How a song is cut into segments, in frames of an STFT."""

    hop: int = 1024
    """From the start of one segment to the start of the next."""
    context: int = 96
    lookahead: int = 256
    fade: int = 16
    """Length of the cross-fade."""

    def __post_init__(self) -> None:
        if min(self.hop, self.fade) < 1 or min(self.context, self.lookahead) < 4:
            raise ConfigError(
                f"{self}: context and lookahead must be at least 4 frames (one STFT window), the others at least 1."
            )

    @classmethod
    def for_model(cls, config: ModelConfig) -> "Segmentation":
        """The usual context and lookahead, the latter longer where that makes a segment whole folds.

        Otherwise the network fills its last fold up with silence: the seams of most songs are 2 dB louder, and cSDR is
        0.01 to 0.02 dB lower (checkpoints/README.md).
        """
        seconds = (CONTEXT_SECONDS, LOOKAHEAD_SECONDS)
        context, lookahead = (round(length * config.stft.frames_per_second) for length in seconds)
        lookahead += -cls(context=context, lookahead=lookahead).length % config.fold
        return cls(context=context, lookahead=lookahead)

    @property
    def overlap(self) -> int:
        """Frames that neighbouring segments share."""
        return self.context + self.lookahead + self.fade

    @property
    def length(self) -> int:
        """Frames of a segment."""
        return self.hop + self.overlap

    def samples(self, hop_length: int) -> tuple[int, int]:
        """Hop and length of a segment in samples."""
        return self.hop * hop_length, (self.length - 1) * hop_length

    def weights(self, segment: Segment, hop_length: int) -> Tensor:
        """Weights ``(T,)`` of a segment's frames; at every frame of a song those of all segments add up to 1."""
        position = torch.arange(n_frames(segment.samples.shape[1], hop_length)) - self.context + 0.5
        rise, fall = ((position - start) / self.fade for start in (0, self.hop))
        weights = torch.ones_like(rise) if segment.is_first else rise.clamp(0.0, 1.0)
        return weights if segment.is_last else weights - fall.clamp(0.0, 1.0)


def cut(blocks: Iterable[Tensor], hop: int, length: int) -> Iterator[Segment]:
    """Join blocks ``(C, n)`` of any sizes into segments, both in samples.

    The last one is shorter, but longer than the overlap. No blocks, no segments.
    """
    pending: list[Tensor] = []
    n_pending = 0
    is_first = True
    for block in blocks:
        pending.append(block)
        n_pending += block.shape[1]
        while n_pending > length:
            joined = pending[0] if len(pending) == 1 else torch.cat(pending, dim=1)
            yield Segment(joined[:, :length], is_first, False)
            pending, n_pending, is_first = [joined[:, hop:]], n_pending - hop, False
    if pending:
        yield Segment(torch.cat(pending, dim=1), is_first, True)


def overlap_add(
    segments: Iterable[Segment],
    hop: int,
    separate: Callable[[Segment, _State], tuple[Tensor, _State]],
    state: _State,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Run ``separate`` over consecutive segments, carry its state along, and add the stems ``(S, C, n)`` it returns
    where segments overlap.

    Yields consecutive parts of the song: the mixture ``(C, n)`` and its stems ``(S, C, n)``.
    """
    tail: Tensor | None = None
    for segment in segments:
        stems, state = separate(segment, state)
        if tail is not None:
            stems[..., : tail.shape[-1]] += tail
        done = segment.samples.shape[1] if segment.is_last else hop
        tail = stems[..., done:]
        yield segment.samples[:, :done], stems[..., :done]
