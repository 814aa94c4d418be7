"""What the events of a run add up to: how it stands, how far it is, how good its models are."""

import math
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar, cast

from separator.files import ProcessId
from training.runs.events import (
    TERMINAL,
    EpochDone,
    Event,
    Failed,
    Finished,
    Preparing,
    PreviewWritten,
    Resumed,
    Started,
    Stopped,
    Validated,
    Validating,
    ValidationChanged,
)

SILENT_SECONDS = 120.0
"""A training without an event for so long counts as interrupted; it emits one every few seconds."""
REASONS = {"early_stopping": "no improvement any more", "time": "its time was up", "epochs": "all epochs done"}

State = Literal["empty", "running", "finished", "stopped", "failed", "interrupted"]
Kind = TypeVar("Kind", bound=Event)


@dataclass(frozen=True)
class RunStatus:
    """How a run stands, and a sentence about it."""

    state: State
    message: str


class RunHistory:
    """The sum of a run's events, to which further ones are added as they come."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.last: Event | None = None
        self.scored: Validated | None = None
        """The last scores on the validation songs."""
        self.best_sdr_db: float | None = None
        """Since the validation songs last changed; scores on others do not count."""
        self.changed: ValidationChanged | None = None
        """If the validation songs have changed at the last start."""
        self.preview_sdr_db: dict[int, float] = {}
        """By epoch."""
        self.is_preparing = True
        """Whether only decoding and scoring of the limits have happened since the last start."""
        self._latest: dict[type[Event], Event] = {}
        self._trainer: ProcessId | None = None
        for event in events:
            self.add(event)

    def add(self, event: Event) -> None:
        self.last = self._latest[type(event)] = event
        if not isinstance(event, Validating):
            self.is_preparing = isinstance(event, Preparing | Resumed)
        if isinstance(event, Preparing) and event.pid is not None:
            self._trainer = _find_local_process(event)
        elif isinstance(event, Started):
            self.changed = None
        elif isinstance(event, Validated):
            self._add_scores(event)
        elif isinstance(event, PreviewWritten):
            self.preview_sdr_db[event.epoch] = event.sdr_db

    def _add_scores(self, event: Validated) -> None:
        self.scored = event
        if isinstance(event, ValidationChanged):
            self.changed, self.best_sdr_db = event, None
        if math.isfinite(event.valid_sdr_db):
            self.best_sdr_db = max(event.valid_sdr_db, -math.inf if self.best_sdr_db is None else self.best_sdr_db)

    def get_latest(self, kind: type[Kind]) -> Kind | None:
        """The last event of a kind."""
        return cast(Kind | None, self._latest.get(kind))

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        done = self.get_latest(EpochDone)
        return done.epoch if done is not None else 0

    @property
    def trainer(self) -> ProcessId | None:
        """The process that trains, if it is one of this machine and has not ended its training."""
        return None if isinstance(self.last, TERMINAL) else self._trainer

    def status(self, now: float | None = None) -> RunStatus:
        """How the run stands: by its last event, and by how long ago that was."""
        last = self.last
        if last is None:
            return RunStatus("empty", "nothing has happened yet")
        if isinstance(last, Failed):
            return RunStatus("failed", f"failed after epoch {self.epoch}: {last.message or 'unknown reason'}")
        if isinstance(last, Stopped):
            return RunStatus("stopped", f"stopped after epoch {self.epoch}; it can be resumed")
        if isinstance(last, Finished):
            return RunStatus("finished", f"finished after epoch {self.epoch}: {REASONS.get(last.reason, last.reason)}")
        if self.trainer is not None and not self.trainer.is_alive():
            return RunStatus("interrupted", "the process that trained it has ended; it can be resumed")
        silent_for = (now or time.time()) - last.time
        if silent_for > SILENT_SECONDS:
            return RunStatus("interrupted", f"no sign of life for {_format_duration(silent_for)}; it can be resumed")
        if isinstance(last, Preparing):
            return RunStatus("running", f"getting ready: {last.stage}")
        return RunStatus("running", f"epoch {self.epoch + 1}")


def _find_local_process(start: Preparing) -> ProcessId | None:
    if start.host != socket.gethostname() or start.pid is None or start.pid_start is None:
        return None
    return ProcessId(start.pid, start.pid_start)


def _format_duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
