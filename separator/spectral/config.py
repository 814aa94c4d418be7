"""The STFT of a model, and the checks of a config that comes from a file."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from separator.errors import ConfigError

LIMITS = {"sample_rate": 768_000, "n_fft": 65_536, "hop_length": 32_768}
"""The most of each whole number: far above any use, so that a config from elsewhere cannot ask for all memory."""
MOST_LAYERS = 12
"""The most numbers that one setting may list."""


@dataclass(frozen=True)
class StftConfig:
    """The grid of times and frequencies that a model works on."""

    sample_rate: int = 22050
    """Hz of the waveform whose spectrogram the network takes."""
    n_fft: int = 1024
    """Samples in one window (46 ms at 22.05 kHz)."""
    hop_length: int = 256
    """Samples from one frame to the next (11.6 ms at 22.05 kHz)."""

    def __post_init__(self) -> None:
        refuse_absurd(self, LIMITS)
        problems = []
        if self.sample_rate <= 0:
            problems.append(f"sample_rate is {self.sample_rate}; it must be a positive number of Hz")
        if self.n_fft < 16 or self.n_fft % 2:
            problems.append(f"n_fft is {self.n_fft}; it must be an even number of samples, 16 or more")
        if not 0 < self.hop_length <= self.n_fft // 2:
            problems.append(f"hop_length is {self.hop_length}; it must be 1 to n_fft / 2 = {self.n_fft // 2} samples")
        if problems:
            raise ConfigError("; ".join(problems) + ".")

    @property
    def n_bins(self) -> int:
        """Frequency bins F, the one at half the sample rate included."""
        return self.n_fft // 2 + 1

    @property
    def frames_per_second(self) -> float:
        return self.sample_rate / self.hop_length

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "StftConfig":
        """Raises ConfigError for an unknown key or a value that cannot work."""
        refuse_unknown_keys(cls, values)
        return cls(**values)


def refuse_unknown_keys(cls: type, values: Mapping[str, Any]) -> None:
    """Raises ConfigError naming every key that is no field of the dataclass ``cls``."""
    known = {f.name for f in fields(cls)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ConfigError(f"{cls.__name__} has no {', '.join(unknown)}; it has {', '.join(sorted(known))}.")


def refuse_absurd(config: object, limits: Mapping[str, int]) -> None:
    """Raises ConfigError naming every field that is no whole number, or no tuple of them, or above its limit."""
    problems = []
    for name, most in limits.items():
        value = getattr(config, name, 0)
        numbers = value if isinstance(value, tuple) else (value,)
        if len(numbers) > MOST_LAYERS:
            problems.append(f"{name} has {len(numbers)} numbers; it may have {MOST_LAYERS} at most")
        elif not all(type(number) is int and abs(number) <= most for number in numbers):
            problems.append(f"{name} must be a whole number, {most} at most")
    if problems:
        raise ConfigError("; ".join(problems) + ".")
