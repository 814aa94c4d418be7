"""What a live delay costs: SDR of the demo song against separating it as a whole, and the share of one core::

python -m tests.benchmarks.live [--delays 0.2 0.5 1 2 4] [--model_path checkpoints/vocals.pth ...]
python -m tests.benchmarks.live --write     # of all shipped models and presets, into checkpoints/live_delays.json
"""

import argparse
import json
from pathlib import Path

import torch

from separator.api import SHIPPED_MODEL
from separator.export.delays import DELAYS, DEMO_SONG, SHIPPED_DELAYS, hash_models, measure_delays
from separator.shipped import PRESETS, find_preset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delays", type=float, nargs="+", default=DELAYS, help="in seconds")
    parser.add_argument("--model_path", type=Path, nargs="+", default=[SHIPPED_MODEL])
    parser.add_argument("--song_dir", type=Path, default=DEMO_SONG)
    parser.add_argument("--write", action="store_true", help="measure the shipped models, and keep the figures")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.write:
        write_shipped_delays()
        return
    print("| delay s | SDR dB | against the whole song dB | share of one core % |")
    print("|--------:|-------:|--------------------------:|--------------------:|")
    for price in measure_delays(options.model_path, options.delays, options.song_dir):
        row = f"{price.delay_seconds:7g} | {price.sdr_db:6.2f} | {price.change_db:+25.2f} | {100 * price.cores:19.0f}"
        print(f"| {row} |", flush=True)


def write_shipped_delays() -> None:
    single = [[path] for path in sorted(SHIPPED_DELAYS.parent.glob("*.pth")) if path.name != "best_model.pth"]
    joined = [paths for paths in map(find_preset, PRESETS) if len(paths) > 1]
    prices = {hash_models(paths): [price.describe() for price in measure_delays(paths)] for paths in [*single, *joined]}
    SHIPPED_DELAYS.write_text(json.dumps(prices, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
