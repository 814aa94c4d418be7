"""The state of the GRUs that run forward in time, carried from one segment of a song to the next.

The forward direction goes on where the previous segment left it; the backward direction begins anew in each segment,
in frames that are not used.
"""

import torch
from torch import Tensor, nn

State = tuple[Tensor, ...]
"""One tensor ``(B, ..., hidden)`` per GRU that runs along time, first layer first; zeros at the start of a song."""
Steps = int | Tensor | None
"""Frames after which a state is taken: where the next segment begins. None or too many: after the last one."""


def run_gru(gru: nn.GRU, x: Tensor, state: Tensor | None, steps: Steps = None) -> tuple[Tensor, Tensor]:
    """A bidirectional GRU of one layer: ``(B, T, features)`` and state ``(B, hidden)`` -> ``(B, T, 2 hidden)`` and the
    forward direction's state ``(B, hidden)`` after ``steps``."""
    outputs: Tensor = gru(x, None if state is None else torch.stack((state, torch.zeros_like(state))))[0]
    return outputs, _state_after(outputs, gru.hidden_size, steps)


def run_gru_layers(gru: nn.GRU, x: Tensor, state: State | None, steps: Steps = None) -> tuple[Tensor, State]:
    """As :func:`run_gru` for several layers, each with a state of its own."""
    if state is None and steps is None:  # cuDNN takes all layers in one call
        x, last = gru(x)
        return x, tuple(last[::2])
    states = []
    for i in range(gru.num_layers):
        weights: list[Tensor] = [weight for direction in gru.all_weights[2 * i : 2 * i + 2] for weight in direction]
        begin = x.new_zeros(len(x), gru.hidden_size) if state is None else state[i]
        x, _ = torch.gru(x, torch.stack((begin, torch.zeros_like(begin))), weights, True, 1, 0.0, False, True, True)
        states.append(_state_after(x, gru.hidden_size, steps))
    return x, tuple(states)


def _state_after(outputs: Tensor, hidden: int, steps: Steps) -> Tensor:
    taken = outputs[..., :hidden] if steps is None else outputs[:, :steps, :hidden]
    return taken[:, -1]
