"""What level, balance and polarity of a song do to its separation: SDR in dB of the demo song, changed::

    python -m tests.benchmarks.robustness [--model_path checkpoints/vocals.pth ...] [--song_dir assets/demo]

Each row changes every stem alike, so that the changed stems still add up to the changed song, and is scored against the
changed stem. The last column is what an ideal ratio mask, one for all channels, reaches.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from separator.api import Separator
from separator.audio.reader import read
from separator.metrics.distortion import sdr
from separator.spectral.stft import istft, stft

ROOT = Path(__file__).resolve().parent.parent.parent
Change = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""(target, rest), each stereo ``(2, N)`` -> both, changed."""


def scale_channels(left_db: float, right_db: float, polarity: int = 1) -> Change:
    gains = torch.tensor([[10 ** (left_db / 20)], [polarity * 10 ** (right_db / 20)]])
    return lambda target, rest: (target * gains, rest * gains)


def pan_left(waveform: Tensor) -> Tensor:
    return torch.stack((waveform.mean(dim=0), torch.zeros(waveform.shape[1])))


CHANGES: dict[str, Change] = {
    "as it is": scale_channels(0, 0),
    **{f"gain {gain:+} dB": scale_channels(gain, gain) for gain in (-12, -20, -24, -30, -36, -60, 12, 20, 30)},
    **{f"right {gain} dB": scale_channels(0, gain) for gain in (-3, -6, -10, -15, -40)},
    "left only": scale_channels(0, -400),
    "right only": scale_channels(-400, 0),
    "right's polarity flipped": scale_channels(0, 0, -1),
    "mono": lambda target, rest: (target.mean(0, keepdim=True), rest.mean(0, keepdim=True)),
    "target left, rest stereo": lambda target, rest: (pan_left(target), rest),
    "target right, rest stereo": lambda target, rest: (pan_left(target).flip(0), rest),
    "target left, rest right": lambda target, rest: (pan_left(target), pan_left(rest).flip(0)),
}


def ideal_ratio_mask(target: Tensor, rest: Tensor) -> Tensor:
    """The best estimate of a target by one mask for all channels, from magnitudes of 2048/512."""
    spectra = stft(torch.stack((target, rest)), 2048, 512)
    magnitudes = torch.linalg.vector_norm(spectra.abs(), dim=1, keepdim=True)
    mask = magnitudes[0] / (magnitudes.sum(dim=0) + 1e-10)
    return istft(spectra.sum(dim=0) * mask, 2048, 512, target.shape[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model_path", type=Path, nargs="+", default=[ROOT / "checkpoints" / "vocals.pth"])
    parser.add_argument("--song_dir", type=Path, default=ROOT / "assets" / "demo")
    options = parser.parse_args()
    for path in options.model_path:
        separator = Separator.from_checkpoint(path)
        mixture, rate = read(next(options.song_dir.glob("mixture.*")))
        target, _ = read(next(options.song_dir.glob(f"{separator.targets[0]}.*")))
        print(f"\n| {path.stem:25} | SDR dB | mask |\n|{'-' * 27}|-------:|-----:|")
        for name, change in CHANGES.items():
            changed, rest = change(target, mixture - target)
            estimate = separator.separate(changed + rest, rate)[separator.targets[0]]
            loudness = changed.abs().max()  # the SDR of silence is not defined, and -60 dB counts as silence
            own, ceiling = (sdr(changed / loudness, e / loudness) for e in (estimate, ideal_ratio_mask(changed, rest)))
            print(f"| {name:25} | {float(own):6.2f} | {float(ceiling):4.1f} |", flush=True)


if __name__ == "__main__":
    main()
