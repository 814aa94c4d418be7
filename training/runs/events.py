"""The events of a training: emitted by its loop, and written as JSON objects, one a line, for whatever shows a run.

A number that is not known is NaN here and null in the file.
"""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from types import UnionType
from typing import Any, ClassVar, get_origin

HEARTBEAT_SECONDS = 3.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something that happened at a time (Unix, seconds); this class itself is one of a newer version's kinds."""

    kind: ClassVar[str] = ""
    time: float = field(default_factory=time.time)

    def to_dict(self) -> dict[str, Any]:
        """The kind as ``type`` and the values, as JSON can hold them."""
        return {"type": self.kind} | {f.name: make_plain(getattr(self, f.name)) for f in fields(self)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Preparing(Event):
    """Audio is looked for and decoded. The first one of a start has the process that trains."""

    kind = "preparing"
    fraction: float
    stage: str
    pid: int | None = None
    pid_start: int | None = None
    host: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Started(Event):
    """What is trained on what, and the scores of the mixture itself (floor) and of the ideal mask (oracle)."""

    kind = "started"
    epochs: int
    steps_per_epoch: int
    target: str
    targets: list[str]
    n_weights: int
    device: str
    precision: str
    world_size: int
    train_songs: int
    valid_songs: int
    left_out: list[str]
    floor_sdr_db: float
    floor_loss: float
    oracle_sdr_db: float
    oracle_loss: float
    target_floor_sdr_db: dict[str, float]
    target_oracle_sdr_db: dict[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Resumed(Event):
    """A run goes on after some whole epochs."""

    kind = "resumed"
    epoch: int


@dataclass(frozen=True, kw_only=True, slots=True)
class StepDone(Event):
    """A heartbeat: a step of the epoch under way."""

    kind = "step"
    epoch: int
    step: int
    epoch_step: int
    loss: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Validating(Event):
    """A heartbeat."""

    kind = "validating"
    epoch: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Validated(Event):
    """Scores on the validation songs, and early stopping."""

    epoch: int
    valid_loss: float
    valid_sdr_db: float
    patience: int
    best_loss: float | None
    best_epoch: int
    bad_epochs: int


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochDone(Validated):
    """An epoch was trained and validated. ``eta_seconds`` is what is left of the whole training."""

    kind = "epoch"
    step: int
    train_loss: float
    target_sdr_db: dict[str, float]
    learning_rate: float
    seconds: float
    eta_seconds: float | None
    audio_seconds_per_second: float
    data_wait_share: float
    skipped_steps: int
    memory_mb: float
    is_best: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ValidationChanged(Validated):
    """The validation songs or the loss are others than before: scores are counted from here on."""

    kind = "validation_changed"


@dataclass(frozen=True, kw_only=True, slots=True)
class PreviewWritten(Event):
    """The excerpt as separated after an epoch; ``path`` is relative to the run folder."""

    kind = "preview"
    epoch: int
    path: str
    sdr_db: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Averaged(Event):
    """The average of the best epochs' models was scored."""

    kind = "averaged"
    epochs: list[int]
    valid_loss: float
    valid_sdr_db: float
    is_best: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished(Event):
    """``reason`` is "early_stopping", "epochs" or "time"."""

    kind = "finished"
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Stopped(Event):
    """It was requested."""

    kind = "stopped"
    reason: str = "stopped"


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed(Event):
    """An error ended it."""

    kind = "failed"
    message: str


HEARTBEATS = (StepDone, Validating)
"""Safe to drop."""
TERMINAL = (Finished, Stopped, Failed)
"""The last event of a run, unless it is resumed."""

Listener = Callable[[Event], None]


class EventBus:
    """Passes every event to all listeners."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self.listeners = listeners
        self._last_times: dict[type[Event], float] = {}

    def emit(self, event: Event) -> None:
        self._last_times[type(event)] = time.monotonic()
        for listener in self.listeners:
            listener(event)

    def emit_heartbeat(self, event: Event) -> None:
        """Emit an event, unless one of its kind was emitted within the last ``HEARTBEAT_SECONDS``."""
        if time.monotonic() - self._last_times.get(type(event), -math.inf) > HEARTBEAT_SECONDS:
            self.emit(event)


def parse_event(line: bytes) -> Event | None:
    """The event in a line of a file, None if it holds none. What is missing is blank: NaN, 0, empty or None."""
    try:
        values = json.loads(line.decode("utf-8", errors="replace"))
    except ValueError:
        return None
    if not isinstance(values, dict) or "type" not in values:
        return None
    kind = _KINDS.get(str(values["type"]), Event)
    found = {}
    for name, accepted, blank in _FIELDS[kind]:
        value = values.get(name)
        found[name] = value if isinstance(value, accepted) else blank
    return kind(**found)


def _describe_fields(kind: type[Event]) -> list[tuple[str, Any, Any]]:
    """Name, accepted types and blank value of every field."""
    found: list[tuple[str, Any, Any]] = []
    for f in fields(kind):
        if isinstance(f.type, UnionType):
            found.append((f.name, f.type | int, None))
        elif f.type is float:
            found.append((f.name, (float, int), math.nan))
        else:
            plain: Any = get_origin(f.type) or f.type
            found.append((f.name, plain, plain()))
    return found


_KINDS: dict[str, type[Event]] = {
    kind.kind: kind
    for kind in (
        Preparing, Started, Resumed, StepDone, Validating, EpochDone, ValidationChanged, PreviewWritten, Averaged,
        *TERMINAL,
    )
}  # fmt: skip
_FIELDS = {Event: _describe_fields(Event)} | {kind: _describe_fields(kind) for kind in _KINDS.values()}


def make_plain(value: Any) -> Any:
    """A value without numbers that JSON has not: None stands for them."""
    if isinstance(value, dict):
        return {name: make_plain(number) for name, number in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
