"""Which stems models make together, and which preset makes the stems that are asked for."""

from collections.abc import Sequence

from separator.errors import ConfigError
from separator.inference.output import name_stems
from separator.model.checkpoint import describe
from separator.shipped import PRESETS, find_preset


def read_preset_stems(name: str) -> tuple[str, ...]:
    """The stems that a preset makes, by the records of its models. Raises ConfigError, CheckpointError."""
    return name_stems(tuple(target for path in find_preset(name) for target in describe(path).targets))


def choose_preset(stems: Sequence[str]) -> str:
    """The first preset that makes all of ``stems``. Raises ConfigError where none does, CheckpointError."""
    made = {}
    for name in PRESETS:
        made[name] = read_preset_stems(name)
        if set(stems) <= set(made[name]):
            return name
    listed = "; ".join(f"{name} makes {', '.join(own)}" for name, own in made.items())
    raise ConfigError(f"No shipped models make {', '.join(stems)} together: {listed}.")
