"""How much it matters where a song is cut: the difference between stems cut every 12 and every 18 seconds::

    python -m tests.benchmarks.seams --song_dir DATA/valid [--model_path checkpoints/vocals.pth ...]

Of these cuts every other one is half a segment away from one of the others. In dB below the stem, so higher is better.
"""

import argparse
import math
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from separator.api import SHIPPED_MODEL, Separator
from separator.inference.overlap_add import Segmentation
from separator.metrics import sdr
from separator.model import CRNN, load_model
from training.evaluation.song_audio import find_scored_songs, load_song

SECONDS = 12.0


def seam_db(model: CRNN, song: Tensor, sample_rate: int) -> float:
    """How far below a stem of a song ``(C, N)`` the difference lies that other cuts make; infinite if there is none."""
    fold, target = model.config.fold, model.config.targets[0]
    hop = 2 * fold * round(SECONDS * model.config.stft.frames_per_second / (2 * fold))
    segmentation = Segmentation.for_model(model.config)
    one, other = (
        Separator([model], "cpu", segmentation=replace(segmentation, hop=length)).separate(song, sample_rate)[target]
        for length in (hop, hop * 3 // 2)
    )
    return math.inf if one.equal(other) else float(sdr(one, other))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--song_dir", type=Path, required=True)
    parser.add_argument("--model_path", type=Path, action="append")
    options = parser.parse_args()
    paths = options.model_path or [SHIPPED_MODEL]
    models = [load_model(path) for path in paths]
    print("| song |", " | ".join(path.name for path in paths), "|\n|---|" + "---|" * len(paths))
    for song in find_scored_songs(options.song_dir, "vocals")[0]:
        mixture, rate = load_song(song, "vocals").mixture
        if mixture.shape[1] < 2 * SECONDS * rate:
            continue
        levels = [seam_db(model, mixture, rate) for model in models]
        print(f"| {song.name} |", " | ".join(f"{level:.1f}" for level in levels), "|", flush=True)


if __name__ == "__main__":
    main()
