"""Layers of the ``dual_path`` layout: a U-Net for singing voice, around a GRU that walks along time and frequency.

Time is folded as strongly as frequency, so that most of the work is done on few, wide frames. Skips are taken before
the normalisation and joined in front of what comes from below (Jansson et al. 2017, with the numbers of channels and
the kernels of Hennequin et al. 2020, Spleeter). Instead of the deepest layers of those networks, which hold nine in ten
of their weights, there is a recurrent middle, whose layers take turns: along time, along frequency, along time, as in
dual-path networks (Luo et al. 2020). Its weights are shared by all places, so it is small.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from separator.model.config import DualPathConfig
from separator.model.recurrent import State, Steps, run_gru

_EPSILON = 1e-3
SLOPE = 0.2


class UNetEncoderLayer(nn.Module):
    """A strided convolution, batch normalisation and a leaky ReLU."""

    def __init__(self, channels_in: int, channels: int, side: int, stride: tuple[int, int]) -> None:
        super().__init__()
        time, frequency = (max(0, side - step) for step in stride)
        self.pad = nn.ZeroPad2d((frequency // 2, frequency - frequency // 2, time // 2, time - time // 2))
        self.conv = nn.Conv2d(channels_in, channels, side, stride=stride)
        self.norm = nn.BatchNorm2d(channels, eps=_EPSILON)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, C_in, T, F)`` -> two of ``(B, C, T / stride, F / stride)``: for the next layer, and the skip."""
        skip = self.conv(self.pad(x)).contiguous(memory_format=torch.channels_last)
        return F.leaky_relu(self.norm(skip), SLOPE), skip


class UNetDecoderLayer(nn.Module):
    """A transposed convolution over a skip and the layer below, a ReLU and batch normalisation."""

    def __init__(self, channels: int, out: int, side: int, stride: tuple[int, int]) -> None:
        super().__init__()
        padding = tuple(max(0, side - step) // 2 for step in stride)
        # The bias is added by hand: with it, a bf16 transposed convolution on a CPU takes five times as long.
        self.conv = nn.ConvTranspose2d(channels, out, side, stride=stride, padding=padding, bias=False)  # type: ignore[arg-type]
        self.bias = nn.Parameter(torch.zeros(out))
        self.norm = nn.BatchNorm2d(out, eps=_EPSILON)
        self.stride = stride

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """``(B, C / 2, T, F)`` twice -> ``(B, out, T * stride, F * stride)``."""
        frames, bins = x.shape[2] * self.stride[0], x.shape[3] * self.stride[1]
        y = self.conv(torch.cat((skip, x), dim=1))[:, :, :frames, :bins]
        normalised: Tensor = self.norm(F.relu(y + self.bias[:, None, None].to(y.dtype)))
        return normalised


class UNetOutputLayer(UNetDecoderLayer):
    """The last transposed convolution, to a channel for each target, and a smoothing one that gives masks' logits."""

    def __init__(self, channels: int, targets: int, side: int, stride: tuple[int, int]) -> None:
        super().__init__(channels, targets, side, stride)
        # Not in groups: with several, the gradients of bf16 weights are now and then NaN on CPUs (torch 2.11).
        self.smooth = nn.Conv2d(targets, targets, 4, dilation=2, padding=3)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """``(B, C / 2, T, F)`` twice -> ``(B, S, T * stride, F * stride)``."""
        logits: Tensor = self.smooth(super().forward(x, skip))
        return logits


class DualPathBottleneck(nn.Module):
    """Bidirectional GRU layers, by turns along time (for each bin) and along frequency (for each frame).

    Each place is normalised to one level, with the level as a further input, and the output is scaled back to it, since
    the outputs of the convolutions around them grow with the level of the song.
    """

    def __init__(self, config: DualPathConfig, channels: int, bins: int) -> None:
        super().__init__()
        self.state_shapes = [(bins, config.gru_hidden)] * ((config.gru_layers + 1) // 2)
        self.place = nn.Parameter(torch.zeros(bins, channels))
        self.level = nn.Linear(1, channels)
        self.layers = nn.ModuleList(ResidualGru(channels, config.gru_hidden) for _ in range(config.gru_layers))
        self.out = nn.Linear(channels, channels)
        self.local = LocalPath(channels, config.local_channels, config.kernel_size) if config.local_channels else None

    def forward(self, x: Tensor, state: State | None = None, steps: Steps = None) -> tuple[Tensor, State]:
        """``(B, C, T, F)`` and the state of the layers along time -> the same shape, and the state after ``steps``."""
        features = x
        x = x.permute(0, 3, 2, 1)  # (B, F, T, C)
        level = (x.float().square().mean(-1, keepdim=True) + 1e-4).sqrt()
        x = x / level + self.level(level.log()) + self.place[:, None]
        states = []
        for i, layer in enumerate(self.layers):
            if i:
                x = x.transpose(1, 2)
            along_time = i % 2 == 0
            begin = state[i // 2].flatten(0, 1) if state and along_time else None
            batch, rows = x.shape[:2]
            x, end = layer(x.flatten(0, 1), begin, steps if along_time else None)
            x = x.reshape(batch, rows, *x.shape[1:])
            if along_time:
                states.append(end.reshape(batch, rows, -1))
        if len(self.layers) % 2 == 0:
            x = x.transpose(1, 2)
        y: Tensor = self.out(x)
        if self.local is not None:
            y = y + self.local(features, x, level)
        return (y * level).permute(0, 3, 2, 1), tuple(states)


class LocalPath(nn.Module):
    """A fifth U-Net level beside the GRU layers: a strided convolution and its transposed convolution.

    As in Spleeter's fifth level, there is no nonlinearity between the two, so few channels between them are enough.
    """

    def __init__(self, channels: int, between: int, side: int) -> None:
        super().__init__()
        fold = max(0, side - 2)
        self.pad = nn.ZeroPad2d((fold // 2, fold - fold // 2, fold // 2, fold - fold // 2))
        self.down = nn.Conv2d(channels, between, side, stride=2, bias=False)
        # As in UNetDecoderLayer, the bias is added by hand.
        self.up = nn.ConvTranspose2d(between, channels, side, stride=2, padding=fold // 2, bias=False)
        self.bias = nn.Parameter(torch.zeros(channels))
        self.mix = nn.Linear(channels, channels, bias=False)
        self.out = nn.Linear(channels, channels)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, features: Tensor, recurrent: Tensor, level: Tensor) -> Tensor:
        """``(B, C, T, F)``, the GRU layers' output ``(B, F, T, C)``, the level ``(B, F, T, 1)`` -> as the second."""
        frames, bins = features.shape[2:]
        down = self.down(self.pad(F.pad(features, (0, bins % 2, 0, frames % 2))))
        near = self.up(down)[:, :, :frames, :bins].permute(0, 3, 2, 1)
        output: Tensor = self.out(F.relu((near + self.bias) / level + self.mix(recurrent)))
        return output


class ResidualGru(nn.Module):
    """A sequence plus what a normalised bidirectional GRU layer computes from it."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(features)
        self.gru = nn.GRU(features, hidden, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * hidden, features)

    def forward(self, x: Tensor, state: Tensor | None = None, steps: Steps = None) -> tuple[Tensor, Tensor]:
        """``(B, L, features)`` and the forward state ``(B, hidden)`` -> the same shapes, the state after ``steps``."""
        added, state = run_gru(self.gru, self.norm(x), state, steps)
        return x + self.out(added), state
