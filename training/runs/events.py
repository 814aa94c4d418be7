"""The events of a training: JSON objects, one a line, appended by the loop and read by whatever shows a run."""

import json
import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Event = dict[str, Any]
Listener = Callable[[Event], None]

HEARTBEAT_SECONDS = 3.0
HEARTBEAT_EVENTS = ("step", "validating")
"""Heartbeats; safe to drop."""
TERMINAL = ("finished", "stopped", "failed")
"""The last event of a run, unless it is resumed."""


class EventFile:
    """A listener that appends events to a file; numbers that JSON cannot hold become null."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._end_cut_line()

    def __call__(self, event: Event) -> None:
        line = json.dumps({k: _plain(v) for k, v in event.items()}, ensure_ascii=False)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def _end_cut_line(self) -> None:
        """End a line that a crash cut short, so that the next event starts its own."""
        with self.path.open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    file.write(b"\n")


class EventBus:
    """Passes every event to all listeners."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self.listeners = listeners
        self._last_times: dict[str, float] = {}

    def emit(self, type_: str, **values: Any) -> None:
        self._last_times[type_] = time.monotonic()
        event = make_event(type_, **values)
        for listener in self.listeners:
            listener(event)

    def emit_heartbeat(self, type_: str, **values: Any) -> None:
        """Emit an event, unless one of its type was emitted within the last ``HEARTBEAT_SECONDS``."""
        if time.monotonic() - self._last_times.get(type_, -math.inf) > HEARTBEAT_SECONDS:
            self.emit(type_, **values)


def make_event(type_: str, **values: Any) -> Event:
    """An event with the current time."""
    return {"type": type_, "time": time.time(), **values}


def read_events(path: Path | str) -> list[Event]:
    """All whole lines of an event file; a line that is still being written, or was cut by a crash, is left out."""
    path = Path(path)
    if not path.is_file():
        return []
    events = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and "type" in event:
            events.append(event)
    return events


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(number) for name, number in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
