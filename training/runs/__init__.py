"""The run folder: the interface between a training and everything that shows it."""

from training.runs.console import Console, describe_event
from training.runs.event_log import EventFile, EventLog
from training.runs.events import HEARTBEATS, TERMINAL, Event, EventBus, Listener
from training.runs.folder import RunFolder, list_runs
from training.runs.history import SILENT_SECONDS, RunHistory, RunStatus

__all__ = [
    "HEARTBEATS",
    "SILENT_SECONDS",
    "TERMINAL",
    "Console",
    "Event",
    "EventBus",
    "EventFile",
    "EventLog",
    "Listener",
    "RunFolder",
    "RunHistory",
    "RunStatus",
    "describe_event",
    "list_runs",
]
