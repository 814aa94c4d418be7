"""How long the page takes to draw a training of a day after one new event::

    python -m tests.benchmarks.event_log [--hours 24]

Makes a run folder with the events that a training writes: a heartbeat every three seconds, an epoch and its preview
every minute. Then draws it as the page's timer does, but for the browser. Exit code 1 unless the bar is met.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from training.config import TrainConfig
from training.runs.event_log import EventFile
from training.runs.events import EpochDone, Event, Preparing, PreviewWritten, Started, StepDone, Validating
from training.runs.folder import RunFolder
from ui.model_registry import ModelRegistry
from ui.settings import PageSettings
from ui.train.data_check import DataChecks
from ui.train.handlers import OUTPUTS, TrainHandlers
from ui.train.run_manager import RunManager

BAR_MS = 10.0
HEARTBEAT_SECONDS, EPOCH_SECONDS = 3, 60
DRAWS = 50
VISITOR: Any = SimpleNamespace(headers={"accept-language": "en"})


def make_events(hours: float) -> Iterator[Event]:
    """Those of a training that has just been going on for so long."""
    seconds = int(hours * 3600)
    begun, per_epoch = time.time() - seconds, EPOCH_SECONDS // HEARTBEAT_SECONDS
    yield Preparing(time=begun, fraction=0.0, stage="looking for songs")
    yield Started(
        time=begun, epochs=10_000, steps_per_epoch=100, target="vocals", targets=["vocals"], n_weights=10**6,
        device="cpu", precision="32-true", world_size=1, train_songs=90, valid_songs=10, left_out=[],
        floor_sdr_db=-6.0, floor_loss=0.1, oracle_sdr_db=9.0, oracle_loss=0.01,
        target_floor_sdr_db={"vocals": -6.0}, target_oracle_sdr_db={"vocals": 9.0},
    )  # fmt: skip
    for n in range(1, seconds // HEARTBEAT_SECONDS + 1):
        now, epoch, in_epoch = begun + n * HEARTBEAT_SECONDS, n // per_epoch, n % per_epoch
        loss = 0.1 / (1 + n / 10_000)
        if in_epoch:
            step = 100 * n // per_epoch
            yield StepDone(time=now, epoch=epoch + 1, step=step, epoch_step=step % 100, loss=loss)
            continue
        yield Validating(time=now, epoch=epoch)
        yield PreviewWritten(time=now, epoch=epoch, path=f"previews/epoch_{epoch:04d}.wav", sdr_db=5.0)
        yield EpochDone(
            time=now, epoch=epoch, step=100 * epoch, train_loss=loss, valid_loss=loss, valid_sdr_db=9 - 90 * loss,
            target_sdr_db={"vocals": 9 - 90 * loss}, learning_rate=1e-3, seconds=55.0, eta_seconds=3600.0,
            audio_seconds_per_second=170.0, data_wait_share=0.01, skipped_steps=0, memory_mb=900.0, is_best=True,
            patience=15, best_loss=loss, best_epoch=epoch, bad_epochs=0,
        )  # fmt: skip


def make_run(folder: Path, hours: float) -> RunFolder:
    run = RunFolder(folder)
    run.create(TrainConfig(data_dir=("songs",), run_name=folder.name))
    events = list(make_events(hours))
    lines = (json.dumps(event.to_dict()) + "\n" for event in events)
    run.events_file.write_text("".join(lines), encoding="utf-8")
    names = [f"epoch_{event.epoch:04d}" for event in events if isinstance(event, PreviewWritten)]
    for name in ("mixture", "reference", *names):
        (run.path / "previews" / f"{name}.wav").touch()
    return run


def time_draws(folder: Path, hours: float) -> tuple[float, list[float]]:
    """Milliseconds of the first draw, and of each draw after one more event."""
    settings = PageSettings(checkpoints=folder, practice=folder / "practice", cache=folder / "cache")
    run = make_run(folder / "day", hours)
    write = EventFile(run.events_file)
    handlers = TrainHandlers(settings, ModelRegistry(folder), RunManager(settings), DataChecks(settings), ["target"])
    seen: dict[str, int] = {}
    took = []
    for n in range(DRAWS + 1):
        if n:
            write(StepDone(epoch=10**6, step=10**8 + n, epoch_step=n, loss=0.01))
        begun = time.perf_counter()
        drawn = dict(zip(OUTPUTS, handlers.draw("day", "", "vocals", seen, VISITOR), strict=True))
        took.append(1000 * (time.perf_counter() - begun))
        assert drawn["live"]["run"] == "day"  # it was drawn, not skipped
        seen = drawn["seen"]
    return took[0], took[1:]


def main() -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        first, others = time_draws(Path(folder), arguments.hours)
        n_bytes = (Path(folder) / "day" / "events.jsonl").stat().st_size
    median = statistics.median(others)
    print(f"events of {arguments.hours:g} hours, {n_bytes / 1e6:.1f} MB: the first draw takes {first:.0f} ms")
    print(f"a draw after one more event: {median:.1f} ms (largest of {DRAWS}: {max(others):.1f}); bar {BAR_MS:g} ms")
    return 0 if median < BAR_MS else 1


if __name__ == "__main__":
    sys.exit(main())
