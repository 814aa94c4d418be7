"""Run folders written by hand: as a training in another process would leave them."""

import json
import time
from pathlib import Path
from typing import Any

from training.config import TrainConfig
from training.runs.folder import RunFolder

STARTED = {
    "type": "started", "epochs": 50, "steps_per_epoch": 10, "target": "vocals", "n_weights": 1000, "device": "cpu",
    "precision": "32-true", "train_songs": 3, "valid_songs": 1, "floor_sdr_db": -2.0, "oracle_sdr_db": 12.0,
    "floor_loss": 0.5, "oracle_loss": 0.1,
}  # fmt: skip


def epoch(number: int, **values: Any) -> dict[str, Any]:
    """An epoch event; the loss falls with each."""
    event = {
        "type": "epoch", "epoch": number, "step": 10 * number, "train_loss": 1 / number, "valid_loss": 1.5 / number,
        "valid_sdr_db": 0.1 * number, "learning_rate": 1e-3, "seconds": 5.0, "eta_seconds": 100.0,
        "audio_seconds_per_second": 8.0, "data_wait_share": 0.02, "skipped_steps": 0, "memory_mb": 900.0,
        "best_epoch": number, "best_loss": 1.5 / number, "bad_epochs": 0, "patience": 15,
    }  # fmt: skip
    return event | values


def step(number: int) -> dict[str, Any]:
    return {"type": "step", "epoch": 1 + number // 10, "step": number, "loss": 1 / (1 + number)}


def write_run(folder: Path, *events: dict[str, Any], age_seconds: float = 0.0) -> RunFolder:
    """A run whose last event is so many seconds old."""
    run = RunFolder(folder)
    run.create(TrainConfig(data_dir=("songs",), run_name=folder.name))
    moment = time.time() - age_seconds - len(events)
    lines = [json.dumps({"time": moment + n, **event}) for n, event in enumerate(events, start=1)]
    run.events_file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return run
