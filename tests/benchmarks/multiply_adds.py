"""Multiply-adds that a model needs for a second of audio, its cost on any machine::

python -m tests.benchmarks.multiply_adds
"""

import torch
from torch import nn

from separator.model import CRNN, ModelConfig
from training.config import PRESETS

FRAMES = 128


def multiply_adds_per_second(config: ModelConfig) -> float:
    """Counted layer by layer while a stretch of audio runs through; additions of biases and norms are left out."""
    counted = 0

    def count(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        nonlocal counted
        if isinstance(module, nn.ConvTranspose2d):
            counted += inputs[0].numel() * module.weight.numel() // module.in_channels
        elif isinstance(module, nn.Conv2d):
            counted += output.numel() * module.weight.numel() // module.out_channels
        elif isinstance(module, nn.Linear):
            counted += output.numel() * module.in_features
        elif isinstance(module, nn.GRU):
            places = inputs[0].shape[0] * inputs[0].shape[1]
            counted += places * sum(p.numel() for name, p in module.named_parameters() if "weight" in name)

    model = CRNN(config).eval()
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear | nn.GRU):
            module.register_forward_hook(count)
    with torch.no_grad():
        model(torch.rand(1, config.stft.n_bins, FRAMES))
    return counted * config.stft.frames_per_second / FRAMES


def main() -> None:
    print("| preset | million weights | billion multiply-adds per second of audio |\n|---|---|---|")
    for name, make in PRESETS.items():
        config = make(("drums", "bass", "vocals") if name == "four_stems" else ("vocals",))
        print(f"| {name} | {CRNN(config).n_weights() / 1e6:.2f} | {multiply_adds_per_second(config) / 1e9:.2f} |")


if __name__ == "__main__":
    main()
