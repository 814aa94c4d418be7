"""Peak memory of separating a file against its length, each in a process of its own::

    python -m tests.benchmarks.separation_memory [--minutes 5 30 120] [--model_path checkpoints/vocals.pth]

Two hours must take at most 1.15 times what five minutes take. Without a model given it is the smallest one, with random
weights: what grows with the length, if anything, is around it. Songs are stereo, 44.1 kHz, 16 bits; both stems are
written, and freed memory is kept, as `inference.py` does.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from separator.api import Separator
from separator.audio import AudioWriter
from separator.model import CRNN, CompactConfig, load_model
from separator.runtime import keep_freed_memory

RATE = 44100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, nargs="+", default=[5, 30, 120])
    parser.add_argument("--model_path", type=Path)
    parser.add_argument("--alone", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        print(measure(options.alone, options.model_path))
        return
    model = ["--model_path", str(options.model_path)] if options.model_path else []
    print("| minutes | peak MB | x the shortest | seconds |\n|---------|---------|----------------|---------|")
    first = None
    for minutes in options.minutes:
        started = time.perf_counter()
        command = [sys.executable, "-m", __spec__.name, "--alone", str(minutes), *model]
        peak_mb = float(subprocess.check_output(command))
        first = first or peak_mb
        seconds = time.perf_counter() - started
        print(f"| {minutes:7g} | {peak_mb:7.0f} | {peak_mb / first:14.2f} | {seconds:7.0f} |", flush=True)


def measure(minutes: float, model_path: Path | None) -> float:
    """Separate a made-up song; the largest resident size of this process in MB."""
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        song = Path(folder) / "song.wav"
        with AudioWriter(song, RATE, 2, "PCM_16") as writer:
            for _ in range(round(minutes * 6)):
                writer.write(0.1 * torch.randn(2, 10 * RATE))
        small = CompactConfig(channels=(2, 2, 2, 2), gru_hidden=4, gru_input=0, refine=False)
        model = load_model(model_path) if model_path else CRNN(small)
        Separator([model], "cpu").separate_file(song, folder)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
