"""The run folder: the interface between a training and everything that shows it."""

from training.runs.console import Console, describe_event
from training.runs.events import HEARTBEAT_EVENTS, TERMINAL, Event, EventBus, EventFile, Listener, make_event
from training.runs.folder import SILENT_SECONDS, RunFolder, RunStatus, list_runs

__all__ = [
    "HEARTBEAT_EVENTS",
    "SILENT_SECONDS",
    "TERMINAL",
    "Console",
    "Event",
    "EventBus",
    "EventFile",
    "Listener",
    "RunFolder",
    "RunStatus",
    "describe_event",
    "list_runs",
    "make_event",
]
