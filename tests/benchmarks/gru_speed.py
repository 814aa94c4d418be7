"""Torch's own GRU beside the unrolled one, in the sizes of the shipped vocals, on this machine's CPU::

python -m tests.benchmarks.gru_speed
"""

import time
from collections.abc import Callable

import torch

from separator.model.config import ModelConfig
from separator.model.dual_path import ResidualGru
from separator.model.optimize.onednn_gru import UnrolledGru

BINS, FRAMES = 64, 76
"""Of the recurrent middle, in one segment."""
ROUNDS = 20


def milliseconds(layers: list[Callable[[torch.Tensor], torch.Tensor]], x: torch.Tensor) -> list[float]:
    """The least time of each over a few rounds, in which all take turns."""
    best = [float("inf")] * len(layers)
    for _ in range(ROUNDS):
        for i, layer in enumerate(layers):
            begun = time.perf_counter()
            layer(x)
            best[i] = min(best[i], 1000 * (time.perf_counter() - begun))
    return best


@torch.inference_mode()
def main() -> None:
    config = ModelConfig.unet()
    layer = ResidualGru(config.channels[-1], config.gru_hidden).eval()
    print("| along | torch ms | unrolled ms | ratio |\n|---|---|---|---|")
    for name, shape in {"time": (BINS, FRAMES), "frequency": (FRAMES, BINS)}.items():
        own, unrolled = milliseconds([layer, UnrolledGru(layer)], torch.randn(*shape, config.channels[-1]))
        print(f"| {name} | {own:.1f} | {unrolled:.1f} | {own / unrolled:.2f} |")


if __name__ == "__main__":
    main()
