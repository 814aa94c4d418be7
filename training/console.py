"""A listener that prints: one tidy line per epoch, and a sentence at the start and the end."""

import sys
from typing import TextIO

from training.events import Event


class Console:
    """Prints what a person at a terminal wants to follow."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stdout

    def __call__(self, event: Event) -> None:
        line = describe_event(event)
        if line:
            print(line, file=self.stream, flush=True)


def describe_event(event: Event) -> str:
    """The line for an event; empty for those that only machines read."""
    if event["type"] == "started":
        return (
            f"{event['target']}: {event['n_weights'] / 1e6:.2f} M weights on {event['device']} ({event['precision']}); "
            f"{event['train_songs']} songs to train on, {event['valid_songs']} to validate on\n"
            f"the mixture itself scores {event['floor_sdr_db']:.2f} dB, the ideal mask {event['oracle_sdr_db']:.2f} dB"
        )
    if event["type"] == "resumed":
        return f"going on after epoch {event['epoch']}"
    if event["type"] == "epoch":
        return _epoch_line(event)
    if event["type"] == "failed":
        return f"failed: {event['message']}"
    if event["type"] in ("finished", "stopped"):
        return f"{event['type']} ({event.get('reason', '')})"
    return ""


def _epoch_line(event: Event) -> str:
    patience = f"{event['bad_epochs']}/{event['patience']}"
    eta = event.get("eta_seconds")
    return (
        f"epoch {event['epoch']:4d}  train {event['train_loss']:.5f}  valid {event['valid_loss']:.5f}  "
        f"SDR {event['valid_sdr_db']:6.2f} dB {'*' if event.get('is_best') else ' '} no better for {patience}  "
        f"lr {event['learning_rate']:.1e}  {event['audio_seconds_per_second']:.0f} s/s  "
        f"waiting {100 * event['data_wait_share']:.0f} %"
        + (f"  skipped {event['skipped_steps']}" if event["skipped_steps"] else "")
        + (f"  left {eta / 60:.0f} min" if eta else "")
    )
