"""Fused layers of the ``unet`` layout, for ``fuse``: the same function with fewer passes over memory.

- Encoder: normalised and bent, a layer is written straight into the padded input of the next one.
- Decoder: a sub-pixel convolution, which the scale of the normalisation becomes part of. ``s relu(c) + t`` is
  ``max(s c + t, t)`` where s is positive and ``min(s c + t, t)`` where it is negative, so one clamp is left, done where
  places are put side by side.
- Output: the skip and the layer below are convolved apart, which saves joining the two largest tensors.
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from separator.model.dual_path import SLOPE, UNetDecoderLayer, UNetEncoderLayer, UNetOutputLayer
from separator.model.optimize.subpixel import SubPixelConv, sub_pixel_conv


def fuse_unet(encoder: nn.ModuleList, decoder: nn.ModuleList) -> tuple[nn.ModuleList, nn.ModuleList]:
    """Fused layers for those of the two halves, which are left as they are."""
    down = [layer for layer in encoder if isinstance(layer, UNetEncoderLayer)]
    up = [layer for layer in decoder if isinstance(layer, UNetDecoderLayer)]
    pads = [layer.pad for layer in down[1:]]
    return (
        nn.ModuleList(
            FusedEncoderLayer(layer, None if i else layer.pad, next_pad)
            for i, (layer, next_pad) in enumerate(zip(down, [*pads, nn.ZeroPad2d(0)], strict=True))
        ),
        nn.ModuleList(
            FusedOutputLayer(layer) if isinstance(layer, UNetOutputLayer) else FusedDecoderLayer(layer) for layer in up
        ),
    )


class FusedEncoderLayer(nn.Module):
    """As ``UNetEncoderLayer``, but what it hands to the next layer is padded already for that one."""

    scale: Tensor
    shift: Tensor

    def __init__(self, layer: UNetEncoderLayer, pad: nn.ZeroPad2d | None, next_pad: nn.ZeroPad2d) -> None:
        super().__init__()
        self.pad = nn.Identity() if pad is None else pad
        self.conv = layer.conv
        self.left, self.right, self.top, self.bottom = next_pad.padding
        scale, shift = _scale_and_shift(layer.norm)
        self.register_buffer("scale", scale)
        self.register_buffer("shift", shift)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, C_in, T, F)``, padded but for the first layer -> for the next layer, and the skip."""
        skip = self.conv(self.pad(x)).contiguous(memory_format=torch.channels_last)
        batch, channels, frames, bins = skip.shape
        padded = torch.empty(
            (batch, channels, self.top + frames + self.bottom, self.left + bins + self.right),
            dtype=skip.dtype,
            device=skip.device,
            memory_format=torch.channels_last,
        )
        inner = padded[:, :, self.top : self.top + frames, self.left : self.left + bins]
        torch.addcmul(self.shift, skip, self.scale, out=inner)
        F.leaky_relu_(inner, SLOPE)
        padded[:, :, : self.top] = 0
        padded[:, :, self.top + frames :] = 0
        padded[:, :, :, : self.left] = 0
        padded[:, :, :, self.left + bins :] = 0
        return padded, skip


class FusedDecoderLayer(nn.Module):
    """As ``UNetDecoderLayer``."""

    def __init__(self, layer: UNetDecoderLayer) -> None:
        super().__init__()
        self.conv = sub_pixel_conv(_scaled(layer))
        self.bend = Bend(layer)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """``(B, C / 2, T, F)`` twice -> ``(B, out, T * stride, F * stride)``."""
        unfolded: Tensor = self.conv(torch.cat((skip, x), dim=1), self.bend.write)
        return unfolded


class FusedOutputLayer(nn.Module):
    """As ``UNetOutputLayer``."""

    def __init__(self, layer: UNetOutputLayer) -> None:
        super().__init__()
        conv = _scaled(layer)
        half = conv.in_channels // 2
        self.of_skip = SubPixelConv(conv, slice(half))
        self.of_below = SubPixelConv(conv, slice(half, None), bias=False)
        self.bend = Bend(layer)
        self.smooth = layer.smooth

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """``(B, C / 2, T, F)`` twice -> ``(B, S, T * stride, F * stride)``."""
        phases = self.of_skip.joint(skip) + self.of_below.joint(x)
        logits: Tensor = self.smooth(self.of_skip.side_by_side(phases, self.bend.write))
        return logits


class Bend(nn.Module):
    """What the scale of a normalisation leaves of it, and of the ReLU before it: a clamp."""

    lowest: Tensor
    highest: Tensor

    def __init__(self, layer: UNetDecoderLayer) -> None:
        super().__init__()
        scale, shift = _scale_and_shift(layer.norm)
        self.register_buffer("lowest", torch.where(scale >= 0, shift, -torch.inf))
        self.register_buffer("highest", torch.where(scale < 0, shift, torch.inf))

    def write(self, x: Tensor, place: Tensor) -> None:
        """``(B, C, T, F)``, bent, into a tensor of the same shape."""
        torch.clamp(x, self.lowest, self.highest, out=place)


def _scale_and_shift(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What a normalisation with fixed numbers does to each channel, ``(C, 1, 1)`` each."""
    assert norm.running_mean is not None and norm.running_var is not None  # for the type checker: they are kept
    scale = norm.weight.detach() * (norm.running_var + norm.eps).rsqrt()
    shift = norm.bias.detach() - norm.running_mean * scale
    return scale[:, None, None], shift[:, None, None]


def _scaled(layer: UNetDecoderLayer) -> nn.ConvTranspose2d:
    """A layer's convolution, times the scale of its normalisation, plus its shift."""
    conv = copy.deepcopy(layer.conv)
    conv.bias = layer.bias
    return fuse_conv_bn_eval(conv, layer.norm, transpose=True)
