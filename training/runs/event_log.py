"""A run's event file: appended by the process that trains, and read by others while it grows."""

import json
import os
from pathlib import Path

from training.runs.events import Event, parse_event


class EventFile:
    """A listener that appends events to a file, whose folder is there."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    def __call__(self, event: Event) -> None:
        """Append an event, on a line of its own even where a crash has cut the last one short."""
        with self.path.open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    file.write(b"\n")
            file.write(json.dumps(event.to_dict(), ensure_ascii=False).encode() + b"\n")


class EventLog:
    """Reads what has been appended to an event file since the last time."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._end = 0
        """Of the last whole line that was read."""
        self._last_line = b""

    def read(self) -> tuple[bool, list[Event]]:
        """Whether the file was read from its start, as the first time, and the events of its new whole lines.

        It is read anew if the last line is not where it was: the file was cut, replaced or removed.
        """
        read = self._read_from(self._end - len(self._last_line))
        if not read.startswith(self._last_line):
            self._end, self._last_line = 0, b""
            read = self._read_from(0)
        is_anew = not self._last_line
        whole = read[len(self._last_line) : read.rfind(b"\n") + 1]
        if whole:
            self._end += len(whole)
            self._last_line = whole[whole.rfind(b"\n", 0, -1) + 1 :]
        events = (parse_event(line) for line in whole.split(b"\n"))
        return is_anew, [event for event in events if event is not None]

    def _read_from(self, start: int) -> bytes:
        try:
            with self.path.open("rb") as file:
                file.seek(start)
                return file.read()
        except FileNotFoundError:
            return b""


def read_events(path: Path | str) -> list[Event]:
    """All events of a file."""
    return EventLog(path).read()[1]
