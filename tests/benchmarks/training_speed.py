"""Speed of training: seconds of audio per second, and the share of time spent waiting for data::

    python -m tests.benchmarks.training_speed [--steps 20] [--workers 1] [--device auto] [--presets default small plain]
    torchrun --nproc_per_node=2 -m tests.benchmarks.training_speed          # beside the first: scaling

Trains on noise in a temporary folder; what the network hears does not change its speed. The second epoch counts, since
the first pays for what is done once. Beside each preset stands how fast its batches alone are made, by one process, and
its multiply-adds per second of audio. The bar: under 5 % of the time waiting, on two cores and on a GPU.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from separator.runtime import keep_freed_memory
from tests.benchmarks.multiply_adds import multiply_adds_per_second
from training.config import PRESETS, TrainConfig
from training.data.remix import Excerpts
from training.data.training_data import TrainingData, load_training_data
from training.loop.fabric import make_fabric
from training.loop.trainer import Trainer
from training.runs.events import EpochDone
from training.runs.folder import RunFolder

RATE = 22050
SONG_SECONDS = 60
EXCERPTS = 48


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--presets", nargs="+", default=list(PRESETS))
    options = parser.parse_args()
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_songs(folder / "songs")
        config = TrainConfig(
            data_dir=(str(folder / "songs"),), cache_dir=str(folder / "cache"), val_split=0.25, valid_excerpts=1,
            steps_per_epoch=options.steps, epochs=2, batch_size=options.batch_size, workers=options.workers,
            device=options.device,
        )  # fmt: skip
        data = load_training_data(config, RATE)
        made = excerpts_per_second(data, config) * config.segment_seconds
        say("| preset | audio s/s | waiting for data | batches alone, audio s/s | billion multiply-adds | device |")
        say("|---|---|---|---|---|---|")
        for preset in options.presets:
            epoch = second_epoch(config.replace(preset=preset), data, folder / preset)
            cost = multiply_adds_per_second(PRESETS[preset](("vocals",))) / 1e9
            say(
                f"| {preset} | {epoch['audio_seconds_per_second']:.1f} | {epoch['data_wait_share']:.1%} "
                f"| {made:.0f} | {cost:.2f} | {make_fabric(config).device} |"
            )


def say(line: str) -> None:
    """Print, of several processes in the first one."""
    if os.environ.get("RANK", "0") == "0":
        print(line, flush=True)


def make_songs(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for song in range(4):
        (folder / f"song {song}").mkdir(parents=True)
        for stem in ("vocals", "other"):
            noise = 0.1 * rng.standard_normal(SONG_SECONDS * RATE)
            soundfile.write(folder / f"song {song}" / f"{stem}.wav", noise, RATE)


def excerpts_per_second(data: TrainingData, config: TrainConfig) -> float:
    """How fast one process makes excerpts, all augmentations on."""
    excerpts = Excerpts(data, config, RATE)
    excerpts[0]
    begun = time.perf_counter()
    for index in range(EXCERPTS):
        excerpts[index]
    return EXCERPTS / (time.perf_counter() - begun)


def second_epoch(config: TrainConfig, data: TrainingData, folder: Path) -> EpochDone:
    """What is told of the second epoch."""
    epochs: list[EpochDone] = []
    folder.mkdir()
    Trainer(config, data, RunFolder(folder), [lambda e: epochs.append(e) if isinstance(e, EpochDone) else None]).fit()
    return epochs[-1]


if __name__ == "__main__":
    main()
