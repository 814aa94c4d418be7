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
from separator.audio import read
from separator.metrics import sdr
from separator.spectral import istft, stft

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


def load_song(folder: Path, target: str) -> tuple[Tensor, Tensor, int]:
    """A folder's target and rest, and their rate in Hz."""
    mixture, rate = read(next(folder.glob("mixture.*")))
    waveform, _ = read(next(folder.glob(f"{target}.*")))
    return waveform, mixture - waveform, rate


def changed_sdr_db(separate: Callable[[Tensor], Tensor], target: Tensor, rest: Tensor) -> float:
    """SDR in dB of what ``separate`` makes of the mixture, at any level: that of silence is not defined."""
    peak = target.abs().max()
    return float(sdr(target / peak, separate(target + rest) / peak))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model_path", type=Path, nargs="+", default=[ROOT / "checkpoints" / "vocals.pth"])
    parser.add_argument("--song_dir", type=Path, default=ROOT / "assets" / "demo")
    options = parser.parse_args()
    for path in options.model_path:
        print_table(path, options.song_dir)


def print_table(model: Path, folder: Path) -> None:
    separator = Separator.from_checkpoint(model)
    name = separator.targets[0]
    target, rest, rate = load_song(folder, name)
    print(f"\n| {model.stem:25} | SDR dB | mask |\n|{'-' * 27}|-------:|-----:|")
    for title, change in CHANGES.items():
        changed = change(target, rest)
        own = changed_sdr_db(lambda mixture: separator.separate(mixture, rate)[name], *changed)
        ceiling = changed_sdr_db(lambda _, stems=changed: ideal_ratio_mask(*stems), *changed)
        print(f"| {title:25} | {own:6.2f} | {ceiling:4.1f} |", flush=True)


if __name__ == "__main__":
    main()
