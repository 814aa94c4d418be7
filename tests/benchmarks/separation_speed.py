"""Speed of separation, file to file, beside two peers in the same run (so that only the ratio matters)::

    python -m tests.benchmarks.separation_speed [--seconds 180] [--rounds 3] [--model_path checkpoints/vocals.pth]

Open-Unmix: one target, no Wiener filter (PyPI openunmix). Spleeter: its two U-Nets on 44.1 kHz stereo (PyPI
torchspleeter). All with random weights, which cost the same as trained ones. Rounds are interleaved and the fastest of
each counts. Freed memory is kept, as `inference.py` does, which makes all of them faster. Where other things run too,
compare the processor seconds, with OMP_NUM_THREADS=1.
"""

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch

from separator.api import Separator
from separator.audio import read, write
from separator.model import CRNN, CompactConfig, load_model
from separator.runtime import keep_freed_memory
from separator.spectral import istft, stft
from training.distillation.spleeter import Networks, ratio_mask

RATE = 44100
Contestant = Callable[[Path, Path], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model_path", type=Path)
    options = parser.parse_args()
    keep_freed_memory()
    model = load_model(options.model_path) if options.model_path else CRNN(CompactConfig())
    contestants = {"Open-Unmix, 1 target": open_unmix(), "Spleeter, 2 U-Nets": spleeter(), "Sori": sori(model)}
    contestants["Sori --tta"] = sori(model, tta=True)
    with tempfile.TemporaryDirectory() as folder:
        song = Path(folder) / "song.wav"
        write(song, 0.1 * torch.randn(2, round(options.seconds * RATE)), RATE, bits=16)
        print_table(race(contestants, song, options.rounds), options.seconds)


def race(contestants: dict[str, Contestant], song: Path, rounds: int) -> dict[str, tuple[float, float]]:
    """Seconds and processor seconds of the fastest round of each."""
    best: dict[str, tuple[float, float]] = {}
    for _ in range(rounds):
        for name, separate in contestants.items():
            started, started_cpu = time.perf_counter(), time.process_time()
            with torch.inference_mode():
                separate(song, song.with_name("vocals.wav"))
            cost = (time.perf_counter() - started, time.process_time() - started_cpu)
            best[name] = min(best.get(name, cost), cost)
    return best


def print_table(best: dict[str, tuple[float, float]], seconds: float) -> None:
    print(f"\n{seconds:.0f} s of 44.1 kHz stereo, file to file, {torch.get_num_threads()} threads\n")
    print("|                      | seconds | x real time | x Open-Unmix | processor s | x Open-Unmix |")
    print("|----------------------|---------|-------------|--------------|-------------|--------------|")
    reference, reference_cpu = next(iter(best.values()))
    for name, (elapsed, cpu) in best.items():
        speed, ratio, cpu_ratio = seconds / elapsed, reference / elapsed, reference_cpu / cpu
        print(f"| {name:20} | {elapsed:7.2f} | {speed:11.1f} | {ratio:12.2f} | {cpu:11.2f} | {cpu_ratio:12.2f} |")


def sori(model: CRNN, tta: bool = False) -> Contestant:
    separator = Separator([model], "cpu", tta=tta)
    return lambda song, out: separator.separate_to(song, {separator.targets[0]: out})


def open_unmix() -> Contestant:
    from openunmix.model import OpenUnmix
    from openunmix.model import Separator as UnmixSeparator

    target = OpenUnmix(nb_bins=2049, nb_channels=2, hidden_size=512, max_bin=1487)
    separator = UnmixSeparator({"vocals": target}, niter=0).eval()

    def separate(song: Path, out: Path) -> None:
        waveform, rate = read(song)
        write(out, separator(waveform[None])[0, 0], rate, bits=16)

    return separate


def spleeter() -> Contestant:
    from torchspleeter.unet import UNet

    networks = Networks(UNet().eval(), UNet().eval())

    def separate(song: Path, out: Path) -> None:
        waveform, rate = read(song)
        spectrum = stft(waveform, 4096, 1024)
        spectrum *= ratio_mask(networks, spectrum.abs())
        write(out, istft(spectrum, 4096, 1024, waveform.shape[-1]), rate, bits=16)

    return separate


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
