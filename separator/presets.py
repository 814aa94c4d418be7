"""Which stems models make together, and which preset makes the stems that are asked for."""

from collections.abc import Sequence

from separator.errors import ConfigError
from separator.model.checkpoint import describe
from separator.shipped import PRESETS, find_preset


def name_stems(targets: Sequence[str]) -> tuple[str, ...]:
    """The targets, then what they leave over: the ``accompaniment`` of vocals, what is ``other`` than vocals, drums and
    bass, or the ``rest``."""
    is_full = {"vocals", "drums", "bass"} <= set(targets) and "other" not in targets
    left_over = "accompaniment" if tuple(targets) == ("vocals",) else "other" if is_full else "rest"
    return (*targets, left_over)


def read_preset_stems(name: str) -> tuple[str, ...]:
    """The stems that a preset makes, by the records of its models. Raises ConfigError, CheckpointError."""
    return name_stems([target for path in find_preset(name) for target in describe(path).targets])


def choose_preset(stems: Sequence[str]) -> str:
    """The first preset that makes all of ``stems``. Raises ConfigError where none does, CheckpointError."""
    made = {}
    for name in PRESETS:
        made[name] = read_preset_stems(name)
        if set(stems) <= set(made[name]):
            return name
    listed = "; ".join(f"{name} makes {', '.join(own)}" for name, own in made.items())
    raise ConfigError(f"No shipped models make {', '.join(stems)} together: {listed}.")
