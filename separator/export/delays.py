"""What a live delay costs: SDR of a song separated as a stream, beside the same song separated as a whole."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from separator.api import Separator
from separator.audio import read
from separator.errors import ConfigError
from separator.files import hash_file
from separator.inference.compile import load_for_inference
from separator.live import LiveSeparator
from separator.metrics import sdr
from separator.model.joined import load_joined
from separator.shipped import shipped_folder

DEMO_SONG = shipped_folder("assets") / "demo"
DELAYS = (0.2, 0.5, 1.0, 2.0, 4.0)
"""In seconds."""
BLOCK_SAMPLES = 1024
SHIPPED_DELAYS = shipped_folder("checkpoints") / "live_delays.json"
"""Prices of the shipped models and presets, by ``hash_models``: ``python -m tests.benchmarks.live --write``."""


@dataclass(frozen=True)
class LiveDelay:
    """A delay and its price."""

    delay_seconds: float
    sdr_db: float
    """Mean over the targets."""
    change_db: float
    """Against the whole song, separated at once."""
    cores: float
    """Seconds of processor time per second of audio."""

    def describe(self) -> dict[str, float]:
        """What is stored with the model: ``cores`` is of this machine."""
        return {key: round(value, 3) for key, value in asdict(self).items() if key != "cores"}


def find_shipped_delays(paths: Sequence[Path]) -> list[dict[str, float]] | None:
    """The prices of a shipped model, or of several as one, which need not be measured again; None for any other."""
    if not SHIPPED_DELAYS.is_file() or not all(path.is_file() for path in paths):
        return None
    prices: dict[str, Any] = json.loads(SHIPPED_DELAYS.read_text(encoding="utf-8"))
    return prices.get(hash_models(paths))


def hash_models(paths: Sequence[Path]) -> str:
    """The SHA-256 of each file, joined by ``+``."""
    return "+".join(map(hash_file, paths))


def measure_delays(
    paths: Sequence[Path], delays: Sequence[float] = DELAYS, song_dir: Path | str = DEMO_SONG
) -> list[LiveDelay]:
    """Prices of some delays in seconds, of a model or of several as one, on a folder with ``mixture.*`` and a file per
    stem.

    Raises ConfigError where the folder has no mixture, or the true stem of none of the model's targets.
    """
    model = load_for_inference(paths[0]) if len(paths) == 1 else load_joined(paths)
    folder = Path(song_dir)
    song = next(folder.glob("mixture.*"), None)
    if song is None:
        raise ConfigError(f"{folder} has no mixture, so no delay can be measured on it.")
    mixture, rate = read(song)
    found = {target: next(folder.glob(f"{target}.*"), None) for target in model.config.targets}
    references = {target: read(path)[0] for target, path in found.items() if path is not None}
    if not references:
        raise ConfigError(f"{folder} has no true stem of {', '.join(found)}, so no delay can be measured on it.")

    def score(stems: dict[str, Tensor]) -> float:
        return sum(float(sdr(reference, stems[name])) for name, reference in references.items()) / len(references)

    offline_db = score(Separator([model], "cpu").separate(mixture, rate))
    prices = []
    for delay in delays:
        live = LiveSeparator(model, delay, sample_rate=rate, channels=len(mixture), device="cpu")
        started = time.process_time()
        stems = separate_as_stream(live, mixture)
        cores = (time.process_time() - started) * rate / mixture.shape[1]
        sdr_db = score(stems)
        prices.append(LiveDelay(delay, sdr_db, sdr_db - offline_db, cores))
    return prices


def separate_as_stream(live: LiveSeparator, song: Tensor) -> dict[str, Tensor]:
    """The stems of a song ``(C, N)`` that goes through in blocks, brought back to its own time."""
    padded = F.pad(song, (0, live.latency_samples))
    parts = [live.push(block) for block in padded.split(BLOCK_SAMPLES, dim=1)]
    return {stem: torch.cat([part[stem] for part in parts], dim=1)[:, live.latency_samples :] for stem in live.stems}
