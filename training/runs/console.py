"""A listener that prints: one tidy line per epoch, and a sentence at the start and the end."""

import sys
from typing import TextIO

from tqdm import tqdm

from training.runs.events import (
    Averaged,
    EpochDone,
    Event,
    Failed,
    Finished,
    Resumed,
    Started,
    StepDone,
    Stopped,
    ValidationChanged,
)

MOST_NAMES = 10


class Console:
    """Prints what a person at a terminal wants to follow; the epoch under way as a bar, where it is a terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stdout
        self._steps = 0
        self._bar: tqdm[None] | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, Started):
            self._steps = event.steps_per_epoch
        if isinstance(event, StepDone):
            self._show_step(event)
            return
        line = describe_event(event)
        if line or isinstance(event, Failed):
            self._end_bar()
        if line:
            print(line, file=self.stream, flush=True)

    def _show_step(self, event: StepDone) -> None:
        if self._bar is None:
            self._bar = tqdm(total=self._steps, file=self.stream, unit="step", leave=False, disable=None)
        self._bar.set_description(f"epoch {event.epoch}", refresh=False)
        self._bar.n = event.epoch_step
        self._bar.refresh()

    def _end_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def describe_event(event: Event) -> str:
    """The line for an event; empty for those that only machines read, and for a failure, which the command prints."""
    match event:
        case Started():
            return _start_lines(event)
        case Resumed():
            return f"going on after {event.epoch} whole epochs"
        case ValidationChanged():
            return (
                "the validation songs or the loss are not those of before: the resumed model scores "
                f"{event.valid_sdr_db:.2f} dB on them (loss {event.valid_loss:.5f}); counting starts there"
            )
        case EpochDone():
            return _epoch_line(event)
        case Averaged():
            verdict = "better, so it is the best model now" if event.is_best else "no better, so it was not kept"
            return f"average of epochs {', '.join(map(str, event.epochs))}: {event.valid_sdr_db:.2f} dB, {verdict}"
        case Finished() | Stopped():
            return event.kind if event.reason == event.kind else f"{event.kind} ({event.reason})"
    return ""


def _start_lines(event: Started) -> str:
    lines = [f"left out: {what}" for what in event.left_out[:MOST_NAMES]]
    if len(event.left_out) > MOST_NAMES:
        lines.append(f"left out: {len(event.left_out) - MOST_NAMES} more; --check lists them all")
    return "\n".join(
        [
            *lines,
            f"{event.target}: {event.n_weights / 1e6:.2f} M weights on {event.device} ({event.precision}); "
            f"{event.train_songs} songs to train on, {event.valid_songs} to validate on",
            f"the mixture itself scores {event.floor_sdr_db:.2f} dB{_by_target(event.target_floor_sdr_db)}, "
            f"the ideal mask {event.oracle_sdr_db:.2f} dB{_by_target(event.target_oracle_sdr_db)}",
        ]
    )


def _by_target(scores: dict[str, float]) -> str:
    """The scores of several targets, in brackets; of a single one nothing."""
    return f" ({', '.join(f'{target} {db:.2f}' for target, db in scores.items())})" if len(scores) > 1 else ""


def _epoch_line(event: EpochDone) -> str:
    return (
        f"epoch {event.epoch:4d}  train {event.train_loss:.5f}  valid {event.valid_loss:.5f}  "
        f"SDR {event.valid_sdr_db:6.2f} dB{_by_target(event.target_sdr_db)} "
        f"{'best' if event.is_best else '':4}  "
        f"patience {event.bad_epochs}/{event.patience}  "
        f"lr {event.learning_rate:.1e}  {event.audio_seconds_per_second:.0f} s/s  "
        f"waiting {100 * event.data_wait_share:.0f} %"
        + (f"  skipped {event.skipped_steps}" if event.skipped_steps else "")
        + (f"  left {event.eta_seconds / 60:.0f} min" if event.eta_seconds else "")
    )
