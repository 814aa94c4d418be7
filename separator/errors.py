"""Every error that Sori raises on purpose, in one tree.

    SeparatorError                     catch this one to catch them all
    ├── AudioError                     a file or waveform that cannot be read, written or separated
    ├── ConfigError                    a setting that cannot work; lists every problem at once
    ├── CheckpointError                a model file that is missing, damaged, foreign or too new
    ├── DatasetError                   a folder of songs that cannot be trained on or scored
    ├── TrainingBusyError              a training is already running
    ├── BusyError                      the page has too much to do already
    └── Cancelled                      stopped by the user; nothing was left half done

The library raises these; only the edges (a command, the page) show them. Each message names what was given, what was
expected and what to do. Anything else that escapes is a bug and keeps its traceback.
"""


class SeparatorError(Exception):
    """The root: something the person at the keyboard can understand and mend."""


class AudioError(SeparatorError):
    """A file or waveform cannot be read, written or separated."""


class ConfigError(SeparatorError):
    """One or more settings cannot work."""


class CheckpointError(SeparatorError):
    """A model file is missing, damaged, foreign or from a newer version."""


class DatasetError(SeparatorError):
    """A folder of songs cannot be used."""


class TrainingBusyError(SeparatorError):
    """A training is already running in this process."""


class BusyError(SeparatorError):
    """The page has too much to do already, or too much from one visitor."""


class Cancelled(SeparatorError):
    """Stopped by the user; nothing was left half done."""
