"""Events with only the values that a test is about."""

import json
import time
from typing import Any

from training.runs.events import Event, parse_event


def make_event(type_: str, **values: Any) -> Event:
    """An event as it is read from a line with some values: the others are blank."""
    event = parse_event(json.dumps({"type": type_, "time": time.time(), **values}).encode())
    assert event is not None
    return event
