"""How sure a mean or a difference is: bootstrap intervals, seeded so that a report is the same each time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_N_RESAMPLES = 2000
_LEVEL = 0.95
_BLOCK_SECONDS = 5  # neighbouring seconds of a song resemble each other: they are drawn together


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval; `low` and `high` are None for a single value."""

    value: float
    low: float | None
    high: float | None

    def __str__(self) -> str:
        within = "" if self.low is None else f" [{self.low:.2f}, {self.high:.2f}]"
        return f"{self.value:.2f}{within}"


def mean_interval(values: Sequence[float]) -> Interval:
    """The mean and its percentile bootstrap interval (Efron 1979) over values drawn anew, such as songs."""
    return _interval(values, lambda drawn: drawn.mean(-1))


def median_interval(values: Sequence[float]) -> Interval:
    """The median (between the two middle values) and its percentile bootstrap interval."""
    return _interval(values, lambda drawn: drawn.quantile(0.5, dim=-1))


def _interval(values: Sequence[float], statistic: Callable[[Tensor], Tensor]) -> Interval:
    if not values:
        raise ValueError("an interval needs at least one value")
    observed = torch.tensor(values, dtype=torch.float64)
    if len(observed) == 1:
        return Interval(float(observed), None, None)
    drawn = torch.randint(len(observed), (_N_RESAMPLES, len(observed)), generator=_generator())
    return _percentiles(float(statistic(observed)), statistic(observed[drawn]))


def sdr_difference(errors_a: Sequence[float], errors_b: Sequence[float]) -> Interval:
    """How many dB of SDR A is ahead of B on one song, from the error energy of each of their seconds.

    As the reference is the same, the difference of two SDRs is `10 log10(Σ errors of B / Σ errors of A)`. Paired
    block bootstrap (Künsch 1989): both lose and gain the same stretches of 5 s in each draw.
    """
    n = min(len(errors_a), len(errors_b))
    a, b = (torch.tensor(errors[:n], dtype=torch.float64) for errors in (errors_a, errors_b))
    observed = float(_db(b.sum(), a.sum()))
    block = min(_BLOCK_SECONDS, n)
    if n < 2 * block:
        return Interval(observed, None, None)
    starts = torch.randint(n - block + 1, (_N_RESAMPLES, -(-n // block), 1), generator=_generator())
    drawn = (starts + torch.arange(block)).flatten(1)
    return _percentiles(observed, _db(b[drawn].sum(-1), a[drawn].sum(-1)))


def _db(numerator: Tensor, denominator: Tensor) -> Tensor:
    tiny = 1e-12  # two perfect estimates do not differ
    return (10 * torch.log10((numerator + tiny) / (denominator + tiny))).clamp(-100, 100)


def _percentiles(observed: float, resampled: Tensor) -> Interval:
    edges = resampled.new_tensor([(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    low, high = resampled.quantile(edges).tolist()
    return Interval(observed, low, high)


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)
