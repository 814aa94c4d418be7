"""What a model is: its STFT and the sizes of its layers. Frozen, and to and from plain dicts.

Settings of training live in ``training.config``; nothing here changes after a checkpoint is written.
"""

import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar

from separator.errors import ConfigError
from separator.spectral.config import StftConfig, refuse_absurd, refuse_unknown_keys

LIMITS = {
    "input_channels": 2,
    "channels": 4096,
    "frequency_strides": 64,
    "time_strides": 64,
    "kernel_size": 31,
    "frequency_bottleneck": 4096,
    "gru_input": 8192,
    "gru_hidden": 4096,
    "gru_layers": 16,
    "local_channels": 4096,
}
"""The most of each whole number: far above any use, so that a config from elsewhere cannot ask for all memory."""
BEFORE = {"input_channels": 1, "local_channels": 0}
"""What models were before these fields came."""
MOST_LETTERS = 64
"""Of a target, which becomes part of file names."""


@dataclass(frozen=True)
class ModelConfig:
    """What the layers of every CRNN have in common; each layout adds its own in a subclass."""

    layout: ClassVar[str]
    """The name of the layout in a checkpoint."""

    targets: tuple[str, ...] = ("vocals",)
    """Names of the stems that the masks pick out of the mixture, one mask each."""
    competing: bool = False
    """Whether the masks of a place, and that of what is left, add up to 1 (a softmax); otherwise each is by itself."""
    stft: StftConfig = field(default_factory=StftConfig)
    input_channels: int = 1
    """1: the network takes the mono downmix. 2: it takes left and right, and returns one mask for both."""
    channels: tuple[int, ...] = (32, 48, 64, 96)
    """Channels after each of the four encoder layers."""
    frequency_strides: tuple[int, ...] = (4, 2, 2, 2)
    """How many bins each encoder layer folds into one."""
    time_strides: tuple[int, ...] = (1, 1, 1, 2)
    """How many frames each encoder layer folds into one; the GRU runs at the product's slower clock."""
    kernel_size: int = 3
    """Side of the convolutions, in frames and bins; odd."""
    gru_hidden: int = 192
    """Features per direction of the GRU."""
    gru_layers: int = 3
    input_power: float = 0.3
    """The network sees magnitude ** input_power, which brings loud and quiet closer together."""

    def __post_init__(self) -> None:
        for name in ("targets", "channels", "frequency_strides", "time_strides"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        refuse_absurd(self, LIMITS)
        problems = self._problems()
        if problems:
            raise ConfigError("; ".join(problems) + ".")

    def _problems(self) -> list[str]:
        problems = []
        if self.input_channels not in (1, 2):
            problems.append(f"input_channels is {self.input_channels}; it must be 1 (mono) or 2 (stereo)")
        layers = len(self.channels)
        if layers < 1 or min(self.channels) < 1:
            problems.append(f"channels is {self.channels}; it must be one positive number per layer")
        if not layers == len(self.frequency_strides) == len(self.time_strides):
            problems.append(
                f"{layers} channels, {len(self.frequency_strides)} frequency_strides and {len(self.time_strides)} "
                "time_strides; there must be as many of each as layers"
            )
        if min((*self.frequency_strides, *self.time_strides), default=0) < 1:
            problems.append("every stride must be 1 or more")
        elif (self.stft.n_fft // 2) % self.frequency_factor:
            problems.append(f"frequency_strides fold {self.frequency_factor} bins, which does not divide n_fft / 2")
        if self.kernel_size < 1 or self.kernel_size % 2 == 0:
            problems.append(f"kernel_size is {self.kernel_size}; it must be odd")
        for name in ("gru_hidden", "gru_layers"):
            if getattr(self, name) < 1:
                problems.append(f"{name} is {getattr(self, name)}; it must be 1 or more")
        if not 0 < self.input_power <= 1:
            problems.append(f"input_power is {self.input_power}; it must be above 0 and at most 1")
        return problems + target_problems("targets", self.targets)

    @property
    def frequency_factor(self) -> int:
        """Bins of the input per bin of the bottleneck."""
        return math.prod(self.frequency_strides)

    @property
    def time_factor(self) -> int:
        """Frames of the input per frame of the GRU."""
        return math.prod(self.time_strides)

    @property
    def fold(self) -> int:
        """Frames of the input that the deepest layer takes as one."""
        return self.time_factor

    def to_dict(self) -> dict[str, Any]:
        values = {"layout": self.layout, **asdict(self)}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @staticmethod
    def from_dict(values: dict[str, Any]) -> "ModelConfig":
        """The config of the layout that ``values`` name.

        Older checkpoints have the fields of all layouts, and lack those that came later.

        Raises ConfigError for an unknown layout or key, or a value that cannot work.
        """
        name = values.get("layout", CompactConfig.layout)
        layout = LAYOUTS.get(name) if isinstance(name, str) else None
        if layout is None:
            raise ConfigError(f"layout is {name!r}; it must be one of {', '.join(LAYOUTS)}.")
        foreign = {f.name for other in LAYOUTS.values() for f in fields(other)} - {f.name for f in fields(layout)}
        values = BEFORE | values
        own = {key: value for key, value in values.items() if key not in foreign | {"layout"}}
        refuse_unknown_keys(layout, own)
        return layout(**{**own, "stft": StftConfig.from_dict(values.get("stft", {}))})


@dataclass(frozen=True)
class CompactConfig(ModelConfig):
    """The layers of ``separator.model.crnn``, which fold frequency and keep most of the time."""

    layout = "compact"

    refine: bool = True
    """A residual convolution and a frequency transform below the first level (TFC-TDF, Choi et al. 2020)."""
    frequency_bottleneck: int = 4
    """The frequency transform squeezes the bins of its level by this factor."""
    gru_input: int = 256
    """Features a frame is projected to before the GRU; 0 leaves the projection out."""

    @classmethod
    def textbook(cls, targets: tuple[str, ...] = ("vocals",)) -> "CompactConfig":
        """Textbook layers: frequency halved four times, 3x3 kernels, no projection and no refinement."""
        return cls(
            targets=targets,
            channels=(8, 16, 24, 32),
            frequency_strides=(2, 2, 2, 2),
            time_strides=(1, 1, 1, 1),
            refine=False,
            gru_input=0,
            gru_hidden=128,
        )

    def _problems(self) -> list[str]:
        problems = super()._problems()
        if self.frequency_bottleneck < 1:
            problems.append(f"frequency_bottleneck is {self.frequency_bottleneck}; it must be 1 or more")
        if self.gru_input < 0:
            problems.append(f"gru_input is {self.gru_input}; it must be 0 (no projection) or more")
        return problems


@dataclass(frozen=True)
class DualPathConfig(ModelConfig):
    """The layers of ``separator.model.dual_path``, which fold time like frequency. By default the shipped vocals': wide
    kernels, a window of twice the length, two channels."""

    layout = "dual_path"

    stft: StftConfig = field(default_factory=lambda: StftConfig(n_fft=2048, hop_length=512))
    input_channels: int = 2
    channels: tuple[int, ...] = (16, 32, 64, 128)
    frequency_strides: tuple[int, ...] = (2, 2, 2, 2)
    time_strides: tuple[int, ...] = (2, 2, 2, 2)
    kernel_size: int = 5
    gru_hidden: int = 256
    input_power: float = 1.0
    local_channels: int = 160
    """Of the convolution beside the GRU layers; 0 leaves it out."""

    @classmethod
    def four_stems(cls, targets: tuple[str, ...] = ("drums", "bass", "vocals")) -> "DualPathConfig":
        """Twice the GRU layers, for several targets; their masks compete, as Spleeter's do."""
        return cls(targets, gru_layers=6, competing=True)

    @property
    def fold(self) -> int:
        """Frames of the input that the deepest layer takes as one: a local path folds two of the GRU's once more."""
        return self.time_factor * (2 if self.local_channels else 1)

    def _problems(self) -> list[str]:
        problems = super()._problems()
        if self.kernel_size < max((*self.frequency_strides, *self.time_strides), default=1):
            problems.append(f"kernel_size is {self.kernel_size}; in this layout it must reach over every stride")
        if self.local_channels < 0:
            problems.append(f"local_channels is {self.local_channels}; it must be 0 (no local path) or more")
        return problems


LAYOUTS: dict[str, type[ModelConfig]] = {
    "compact": CompactConfig,
    "dual_path": DualPathConfig,
    "unet": DualPathConfig,  # as older checkpoints call it
}


def target_problems(name: str, targets: tuple[str, ...]) -> list[str]:
    """What is wrong with the names of some stems, in a field of that name."""
    if not targets or not all(isinstance(t, str) and t.isidentifier() and len(t) <= MOST_LETTERS for t in targets):
        given = " ".join(map(repr, targets))[:MOST_LETTERS] or "empty"
        return [f"{name} is {given}; each must be one word, such as vocals"]
    return [f"{name} names a stem twice: {', '.join(targets)}"] if len(set(targets)) < len(targets) else []
