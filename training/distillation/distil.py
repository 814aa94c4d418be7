"""Train a model of ``init_from_spleeter`` towards its teacher's masks, and in part true ones, of the same mixtures::

    python -m training.distillation.distil --data_dir DATA/train --rest_dir DATA/instrumental --minutes 45 \\
        start.pth distilled.pth

The teacher is the mean of what Spleeter's vocals network keeps and its accompaniment network leaves, which is better
than either and than the ratio mask of both (checkpoints/README.md). Distillation (Hinton et al. 2015) from a network of
25,000 songs with 25 % true targets, and 100 % where the target is silent. The loss compares masked mixtures, not the
outputs of inner layers.

The layers taken over have a low learning rate; the middle is new and has a higher one. The music is mono here: the
first layer's weights for left and right change alike, and their difference stays.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from separator.device import resolve_device
from separator.errors import ConfigError, SeparatorError
from separator.model import CRNN, ModelConfig, load_model, save_checkpoint
from separator.model.checkpoint import describe
from separator.model.recurrent import State
from separator.runtime import keep_freed_memory
from separator.spectral import stft
from training.config import TrainConfig
from training.data.training_data import TrainingData, load_training_data, validation_excerpts
from training.distillation.init_from_spleeter import (
    BATCH,
    SEGMENT_SECONDS,
    TIME_FACTOR,
    add_music_flags,
    full_teacher,
    iterate_excerpts,
    parse_positive,
    refuse_overwriting,
    split_parameters,
    whole_segments,
)
from training.distillation.spleeter import HALF_FFT, HALF_HOP, HALF_RATE, Networks, load_networks
from training.distillation.timed_loop import Rate, choose_autocast_dtype, train_for_minutes
from training.loop.validation import Evaluator
from training.losses import negative_sdr

MIDDLE_RATE = 5e-4
OUTER_RATE = 6e-5
"""Three times as much made the validation songs worse."""
TRUTH_SHARE = 0.25
"""Of the goal; the rest is the teacher's estimate."""
REMIX_SHARE = 0.55
RESTING_SHARE = 1e-5
"""Of the mixture's energy: a target with less rests."""


def make_goal(target: Tensor, estimate: Tensor, mixture: Tensor, band_hz: Tensor) -> Tensor:
    """From spectra ``(B, F, T)``: ``TRUTH_SHARE`` of the target, the rest of the teacher's estimate.

    Above ``band_hz`` ``(B,)`` the target is not known: the estimate alone. In frames where the target rests it is known
    better than by any teacher: the target alone.
    """
    hz = torch.linspace(0, HALF_RATE / 2, target.shape[1], device=target.device)
    is_known = hz[:, None] <= band_hz[:, None, None]
    energy, whole_energy = (x.abs().square().sum(dim=1, keepdim=True) for x in (target, mixture))
    both = TRUTH_SHARE * target + (1 - TRUTH_SHARE) * estimate
    return torch.where(is_known, torch.where(energy <= RESTING_SHARE * whole_energy, target, both), estimate)


class BothNetworks(nn.Module):
    """The teacher: the mean of what the vocals network keeps and what the accompaniment network leaves."""

    def __init__(self, networks: Networks) -> None:
        super().__init__()
        self.vocals, self.accompaniment = full_teacher(networks.vocals), full_teacher(networks.accompaniment)

    def forward(self, magnitude: Tensor) -> tuple[Tensor, State]:
        """``(B, F, T)`` in mono, or ``(B, 2, F, T)`` -> mask ``(B, 1, F, T)``, and no state."""
        mask: Tensor = (self.vocals(magnitude)[0] + 1 - self.accompaniment(magnitude)[0]) / 2
        return mask, ()


def shifted_teacher_mask(teacher: nn.Module, magnitude: Tensor, frames: int) -> Tensor:
    """The teacher's mask ``(B, F, T)``, were the music to begin with so many frames of silence.

    Its layers fold 64 frames into one, and where those begin changes its mask at random. Over many excerpts that
    cancels: the mean over several shifts is better than the mask at any one.
    """
    padded = F.pad(magnitude, (frames, -frames % TIME_FACTOR))
    mask: Tensor = teacher(padded)[0][:, 0, :, frames : frames + magnitude.shape[-1]]
    return mask


def distil(
    model: CRNN,
    teacher: nn.Module,
    excerpts: Iterable[tuple[Tensor, Tensor, Tensor]],
    minutes: float,
    log: Callable[[str], None],
    checkpoint: Callable[[CRNN], None],
    learning_rates: tuple[float, float] = (MIDDLE_RATE, OUTER_RATE),
) -> None:
    """Train all layers but the batch normalisations, which stay as they are.

    Args:
        teacher: from magnitudes (B, F, T) to masks (B, 1, F, T) and a state.
        excerpts: batches of target, rest (B, N) at 22.05 kHz and the band in Hz (B,) up to which the target is known.
        checkpoint: called with the model now and then, and at the end.
        learning_rates: of ``split_parameters``.
    """
    device = next(model.parameters()).device
    dtype = choose_autocast_dtype(device)
    model.requires_grad_(True).eval()

    def compute_loss(batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        target, rest, band_hz = (part.to(device) for part in batch)
        target, rest = (whole_segments(stft(part, HALF_FFT, HALF_HOP)) for part in (target, rest))
        mixture = target + rest
        with torch.autocast(device.type, dtype, enabled=dtype is not None):
            mask = model(mixture.abs())[0][:, 0]
            with torch.no_grad():
                estimate = (
                    shifted_teacher_mask(teacher, mixture.abs(), int(torch.randint(TIME_FACTOR, ()))).float() * mixture
                )
        return negative_sdr(mask.float(), mixture, make_goal(target, estimate, mixture, band_hz.float())).mean()

    rates = [Rate(*pair) for pair in zip(split_parameters(model), learning_rates, strict=True)]
    train_for_minutes(model, rates, excerpts, compute_loss, minutes, log, checkpoint)


def make_checkpointer(out: Path, record: dict[str, object], evaluator: Evaluator | None) -> Callable[[CRNN], None]:
    """Writes a model to ``out``, with its SDR over the validation songs where there are such."""

    def keep(model: CRNN) -> None:
        scored = {}
        if evaluator is not None:
            scored["sdr_db"] = evaluator.score(model).sdr_db
            print(f"validation SDR {scored['sdr_db']:.2f} dB", flush=True)
        save_checkpoint(out, model, {**record, **scored})

    return keep


def make_evaluator(data: TrainingData, config: TrainConfig, model: CRNN) -> Evaluator | None:
    """As of ``train.py``; None without validation songs."""
    if not config.val_dir:
        return None
    excerpts = validation_excerpts(data, config.valid_seconds, config.valid_excerpts)
    dtype = choose_autocast_dtype(next(model.parameters()).device)
    return Evaluator(excerpts, model.config.stft, negative_sdr, autocast=dtype)


def _has_spleeters_layers(config: ModelConfig) -> bool:
    """Around a middle of any size."""
    usual = ModelConfig.unet()
    own = {name: getattr(usual, name) for name in ("gru_hidden", "gru_layers", "local_channels")}
    return replace(config, **own) == usual


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("start", type=Path, help="a checkpoint of init_from_spleeter, or of this command")
    parser.add_argument("out", type=Path, help="the checkpoint to write")
    parser.add_argument("--minutes", type=parse_positive, default=45.0)
    parser.add_argument("--val_dir", default="", help="songs to measure the SDR on, every five minutes")
    parser.add_argument("--seed", type=int, default=77, help="another one makes other mixtures")
    parser.add_argument("--batch_size", type=int, default=BATCH)
    parser.add_argument("--segment_seconds", type=float, default=SEGMENT_SECONDS, help="length of an excerpt")
    parser.add_argument("--learning_rate", type=float, default=MIDDLE_RATE, help="of the middle; less to go on gently")
    parser.add_argument(
        "--outer_learning_rate", type=parse_positive, default=OUTER_RATE, help="of the layers around it"
    )
    parser.add_argument("--remix_share", type=float, default=REMIX_SHARE, help="excerpts mixed from different songs")
    add_music_flags(parser)
    options = vars(parser.parse_args(argv))
    start, out, minutes = options.pop("start"), options.pop("out"), options.pop("minutes")
    learning_rates = (options["learning_rate"], options.pop("outer_learning_rate"))
    keep_freed_memory()
    try:
        config = TrainConfig(**options, silent_share=0.12, target_gain_db=(-11.0, 5.0)).validate()
        device = resolve_device(config.device)
        refuse_overwriting(out)
        model = load_model(start).to(device)
        if not _has_spleeters_layers(model.config):
            raise ConfigError(f"{start} has other layers than Spleeter's; start from one that init_from_spleeter wrote")
        data = load_training_data(config, HALF_RATE)
        teacher = BothNetworks(load_networks()).to(device)
        record = {**describe(start).training, "run_name": out.stem, "distilled_minutes": minutes}
        keep = make_checkpointer(out, record, make_evaluator(data, config, model))
        excerpts = iterate_excerpts(config, data)
        distil(model, teacher, excerpts, minutes, lambda line: print(line, flush=True), keep, learning_rates)
    except SeparatorError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{out}: round it for release with training.export")
    return 0


if __name__ == "__main__":
    sys.exit(main())
