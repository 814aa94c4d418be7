"""What happens in a training, one JSON object per line, appended: written by the loop, read by everyone who watches."""

import json
import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Event = dict[str, Any]
Listener = Callable[[Event], None]

BEATS = ("step", "validating")
"""Signs of life, for those who watch; whoever missed them has missed nothing."""
TERMINAL = ("finished", "stopped", "failed")
"""After one of these nothing follows, unless the run is resumed."""


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
        """A crash may have cut the last line short; the next event must not be glued to it."""
        with self.path.open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    file.write(b"\n")


class Announcer:
    """Tells every listener what happens."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self.listeners = listeners

    def __call__(self, type_: str, **values: Any) -> None:
        event = make_event(type_, **values)
        for listener in self.listeners:
            listener(event)


def make_event(type_: str, **values: Any) -> Event:
    """An event of now."""
    return {"type": type_, "time": time.time(), **values}


def read_events(path: Path | str) -> list[Event]:
    """All whole lines of an event file; a last line that is still being written, or was cut by a crash, is left out."""
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
