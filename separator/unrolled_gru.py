"""The GRU layers of the ``unet`` layout on a CPU, step by step through oneDNN's matrix product.

torch's own GRU multiplies through MKL, which leaves half of the speed of AMD's CPUs with AVX-512 unused; oneDNN, which
torch has for its convolutions, does not (``python -m tests.benchmarks.gru_speed``). The function stays the same, to
rounding. Where torch was built without oneDNN nothing is replaced.
"""

import torch
from torch import Tensor, nn

from separator.model import CRNN
from separator.unet import DualPathBottleneck, ResidualGru


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

    def forward(self, x: Tensor) -> Tensor:
        """``(B, L, features)`` -> the same shape."""
        steps = self.norm(x).transpose(0, 1).contiguous()  # (L, B, features)
        forward, backward = self.directions
        added = forward(steps, range(len(steps))) + backward(steps, range(len(steps) - 1, -1, -1)) + self.bias
        return x + added.transpose(0, 1)


class Direction:
    """One direction of a bidirectional GRU (Cho et al. 2014, as torch writes it), and what is made of its output."""

    def __init__(self, gru: nn.GRU, end: str, out: Tensor) -> None:
        heard, remembered = (getattr(gru, f"weight_{name}_l0{end}").detach() for name in ("ih", "hh"))
        bias, other = (getattr(gru, f"bias_{name}_l0{end}").detach().clone() for name in ("ih", "hh"))
        self.hidden = gru.hidden_size
        # All of both biases is added to what is heard, but for the new state's own, which the reset gate weighs.
        bias[: 2 * self.hidden] += other[: 2 * self.hidden]
        other[: 2 * self.hidden] = 0
        self.heard, self.remembered, self.out = Product(heard, bias), Product(remembered, other), Product(out, None)

    def __call__(self, steps: Tensor, order: range) -> Tensor:
        """``(L, B, features)``, taken in an order -> ``(L, B, features)``."""
        hidden = self.hidden
        heard = self.heard(steps)  # (L, B, 3 hidden): reset, update, new
        states = heard.new_empty(*steps.shape[:2], hidden)
        state = heard.new_zeros(steps.shape[1], hidden)
        for i in order:
            now = heard[i]
            gates = self.remembered(state)
            reset, update = gates[:, : 2 * hidden].add_(now[:, : 2 * hidden]).sigmoid_().chunk(2, dim=1)
            new = torch.addcmul(now[:, 2 * hidden :], reset, gates[:, 2 * hidden :]).tanh_()
            state = torch.lerp(new, state, update, out=states[i])
        return self.out(states)


class Product:
    """A linear layer, its weights laid out for oneDNN."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous())
        self._bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        product: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._weight, self._bias, "none", [], "")
        return product
