"""The GRU layers of the ``unet`` layout on a CPU, step by step through oneDNN's matrix product.

torch's own GRU multiplies through MKL, which leaves half of the speed of AMD's CPUs with AVX-512 unused; oneDNN, which
torch has for its convolutions, does not. And both directions are walked at once, each by half of the threads: a step is
too little work for all of them (``python -m tests.benchmarks.gru_speed``). The function stays the same, to rounding.
Where torch was built without oneDNN nothing is replaced.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from separator.model.crnn import CRNN
from separator.model.dual_path import DualPathBottleneck, ResidualGru
from separator.model.gru_state import LayerPast


def unroll_grus(model: CRNN) -> CRNN:
    """The same model, whose ``ResidualGru`` layers are replaced, for inference on a CPU."""
    middle = model.bottleneck if model.config.layout == "unet" else None
    if isinstance(middle, DualPathBottleneck) and _has_onednn():
        middle.layers = nn.ModuleList(
            UnrolledGru(layer) if isinstance(layer, ResidualGru) else layer for layer in middle.layers
        )
    return model


def _has_onednn() -> bool:
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


class UnrolledGru(nn.Module):
    """As ``ResidualGru``."""

    def __init__(self, layer: ResidualGru) -> None:
        super().__init__()
        self.norm = layer.norm
        halves = layer.out.weight.detach().chunk(2, dim=1)
        self.directions = [Direction(layer.gru, end, half) for end, half in zip(("", "_reverse"), halves, strict=True)]
        self.bias = layer.out.bias.detach()

    def forward(self, x: Tensor, past: LayerPast | None = None) -> Tensor:
        """``(B, L, features)`` -> the same shape."""
        steps = self.norm(x).transpose(0, 1).contiguous()  # (L, B, features)
        forward, backward = self.directions
        ahead, back = at_once(
            lambda: forward(steps, range(len(steps)), past), lambda: backward(steps, range(len(steps) - 1, -1, -1))
        )
        return x + (ahead + back + self.bias).transpose(0, 1)


def at_once(one: Callable[[], Tensor], other: Callable[[], Tensor]) -> tuple[Tensor, Tensor]:
    """What both give, each worked out by half of this thread's threads; one after the other where there is only one."""
    threads = torch.get_num_threads()
    if threads == 1:
        return one(), other()
    is_inference = torch.is_inference_mode_enabled()

    def work(task: Callable[[], Tensor]) -> Tensor:
        with torch.inference_mode(is_inference):
            return task()

    first, second = _workers(threads // 2).map(work, (one, other))
    return first, second


@cache
def _workers(threads: int) -> ThreadPoolExecutor:
    """Two threads, each of which works with so many of its own; others' number stays as it is."""

    def limit() -> None:
        # Asked for the first time, a thread's number of threads becomes the default. An operation would do that too,
        # but leave helpers behind; and with more threads than cores, OpenMP lets none in this process wait awake.
        torch.get_num_threads()
        threadpool_limits(threads, user_api="openmp")

    return ThreadPoolExecutor(2, thread_name_prefix="gru", initializer=limit)


class Direction:
    """One direction of a bidirectional GRU (Cho et al. 2014, as torch writes it), and what is made of its output.

    A hyperbolic tangent takes longer than a sigmoid, and ``tanh(x) = 2 sigmoid(2 x) - 1``. So states are kept as
    ``(h + 1) / 2``, between 0 and 1, and the weights make up for it.
    """

    def __init__(self, gru: nn.GRU, end: str, out: Tensor) -> None:
        heard, remembered, bias, other = (
            getattr(gru, f"{name}_l0{end}").detach().clone()
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        self.hidden = gru.hidden_size
        other -= remembered.sum(dim=1)
        remembered *= 2
        for part in (heard, remembered, bias, other):
            part[2 * self.hidden :] *= 2  # what the new state is the tangent of
        # All of both biases is added to what is heard, but for the new state's own, which the reset gate weighs.
        bias[: 2 * self.hidden] += other[: 2 * self.hidden]
        other[: 2 * self.hidden] = 0
        self.heard, self.remembered = Product(heard, bias), Product(remembered, other)
        self.out = Product(2 * out, -out.sum(dim=1))

    def __call__(self, steps: Tensor, order: range, past: LayerPast | None = None) -> Tensor:
        """``(L, B, features)``, taken in an order -> ``(L, B, features)``."""
        hidden = self.hidden
        heard = self.heard(steps)  # (L, B, 3 hidden): reset, update, new
        states = heard.new_empty(*steps.shape[:2], hidden)
        begin = None if past is None else past.state
        state = heard.new_full((steps.shape[1], hidden), 0.5) if begin is None else begin
        for i in order:
            now = heard[i]
            gates = self.remembered(state)
            reset, update = gates[:, : 2 * hidden].add_(now[:, : 2 * hidden]).sigmoid_().chunk(2, dim=1)
            new = torch.addcmul(now[:, 2 * hidden :], reset, gates[:, 2 * hidden :]).sigmoid_()
            state = torch.lerp(new, state, update, out=states[i])
        if past is not None:
            past.keep(states)
        return self.out(states)


class Product:
    """A linear layer, its weights laid out for oneDNN."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous())
        self._bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        product: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._weight, self._bias, "none", [], "")
        return product
