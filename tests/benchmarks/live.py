"""What a live delay costs: SDR of the demo song against separating it as a whole, and the share of one core::

python -m tests.benchmarks.live [--delays 0.2 0.5 1 2 4] [--model_path checkpoints/vocals.pth] [--song_dir assets/demo]
"""

import argparse
from pathlib import Path

import torch

from separator.api import SHIPPED_MODEL
from separator.export.delays import DELAYS, DEMO_SONG, measure_delays


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delays", type=float, nargs="+", default=DELAYS, help="in seconds")
    parser.add_argument("--model_path", type=Path, default=SHIPPED_MODEL)
    parser.add_argument("--song_dir", type=Path, default=DEMO_SONG)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| delay s | SDR dB | against the whole song dB | share of one core % |")
    print("|--------:|-------:|--------------------------:|--------------------:|")
    for price in measure_delays(options.model_path, options.delays, options.song_dir):
        row = f"{price.delay_seconds:7g} | {price.sdr_db:6.2f} | {price.change_db:+25.2f} | {100 * price.cores:19.0f}"
        print(f"| {row} |", flush=True)


if __name__ == "__main__":
    main()
