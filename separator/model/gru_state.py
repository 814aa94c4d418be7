"""What a model's GRU layers know of a song from before a segment, so that it need not begin anew with each.

A GRU that walks forward in time has, where one segment begins, a state that the segment before it has worked out. Begun
there, it goes on as if the song had never been cut; only the way back begins anew in each segment, a few seconds after
what is used of it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn


@dataclass
class LayerPast:
    """Of one GRU layer."""

    steps: int
    """From the start of one segment to the start of the next, at the layer's own clock."""
    state: Tensor | None = None
    """Forward, where the next segment begins, in whatever form the layer keeps it; None at the start of a song."""

    def keep(self, states: Tensor) -> None:
        """Take from all states ``(L, ...)`` of a segment the one with which the next begins; the last has no next."""
        self.state = states[self.steps - 1].clone() if len(states) >= self.steps else None


@dataclass
class Past:
    """Of one model, as it hears one song, segment by segment and in order."""

    frames: int
    """From the start of one segment to the start of the next."""
    _layers: dict[int, LayerPast] = field(default_factory=dict)

    def of_layer(self, index: int, fold: int) -> LayerPast:
        """That of a layer whose steps are ``fold`` frames each."""
        return self._layers.setdefault(index, LayerPast(self.frames // fold))

    def states(self) -> dict[int, Tensor | None]:
        """For ``go_back_to``, should a segment have to be heard again."""
        return {index: layer.state for index, layer in self._layers.items()}

    def go_back_to(self, states: dict[int, Tensor | None]) -> None:
        for index, layer in self._layers.items():
            layer.state = states.get(index)


def walked(gru: nn.GRU, x: Tensor, past: LayerPast | None) -> Tensor:
    """``(B, L, features)`` through a bidirectional GRU of one layer -> its states ``(B, L, 2 hidden)``.

    The way forward begins in ``past``, and leaves there where the next segment begins.
    """
    begin = None if past is None or past.state is None else torch.stack((past.state, torch.zeros_like(past.state)))
    states: Tensor = gru(x, begin)[0]
    if past is not None:
        past.keep(states[..., : gru.hidden_size].transpose(0, 1))
    return states


def in_order(hear: Callable[[Tensor, Past | None], Tensor], x: Tensor, past: Past | None, streams: int = 1) -> Tensor:
    """``hear`` over the segments of a batch ``(B, ...)``: one after another with a past, all at once without.

    Of several streams the batch holds first the segments of the first one, then those of the next; they go together.
    """
    if past is None or len(x) == streams:
        return hear(x, past)
    segments = x.unflatten(0, (streams, -1)).unbind(1)
    return torch.stack([hear(segment, past) for segment in segments], dim=1).flatten(0, 1)
