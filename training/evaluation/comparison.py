"""Two or more estimates of one reference, scored alike: who wins, by how much and how surely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from separator.audio import read
from separator.errors import ConfigError
from training.evaluation.alignment import Sound, align_all
from training.evaluation.bootstrap import Interval, sdr_difference
from training.evaluation.scoring import Score, score_aligned
from training.evaluation.song_audio import find_mixture_beside


@dataclass(frozen=True)
class Estimate:
    """A file, the name it goes by, its waveform (C, N) and its score."""

    name: str
    path: Path
    waveform: Tensor
    score: Score


@dataclass(frozen=True)
class Comparison:
    """Estimates of one reference, best first, all at one rate and length."""

    reference_path: Path
    reference: Tensor
    sample_rate: int
    mixture: str | None
    """What the mixture was made of; None where there was none, and hence no Clean."""
    estimates: tuple[Estimate, ...]

    def lead(self, other: Estimate) -> Interval:
        """How many dB of SDR the best estimate is ahead of another."""
        return sdr_difference(self.estimates[0].score.error_per_second, other.score.error_per_second)

    @property
    def winner(self) -> str | None:
        """The best one's name, if the interval of its lead over the second leaves out zero; None for one alone."""
        if len(self.estimates) < 2:
            return None
        low = self.lead(self.estimates[1]).low
        return self.estimates[0].name if low is not None and low > 0 else None

    def verdict(self) -> str:
        """One sentence per estimate that is behind, such as "A is better than B by 0.8 dB [0.5, 1.1]"."""
        if self.estimates[0].score.sdr_db is None:
            return "the reference is silent: nothing to compare"
        best = self.estimates[0].name
        return "; ".join(_verdict(best, other.name, self.lead(other)) for other in self.estimates[1:])

    def to_dict(self) -> dict[str, Any]:
        """The whole report, ready for JSON."""
        leads = {other.name: asdict(self.lead(other)) for other in self.estimates[1:]}
        return {
            "reference": str(self.reference_path),
            "mixture": self.mixture,
            "winner": self.winner,
            "verdict": self.verdict(),
            "ahead_db": leads,
            "estimates": [
                {"name": estimate.name, "file": str(estimate.path)} | estimate.score.to_dict()
                for estimate in self.estimates
            ],
        }


def _verdict(best: str, other: str, lead: Interval) -> str:
    within = "" if lead.low is None else f" [{lead.low:.1f}, {lead.high:.1f}]"
    if lead.low is not None and lead.low > 0:
        return f"{best} is better than {other} by {lead.value:.1f} dB{within}"
    return f"no sure winner between {best} and {other}: {lead.value:.1f} dB{within}"


def compare_files(
    reference_path: str | Path,
    estimate_paths: Sequence[str | Path],
    names: Sequence[str] = (),
    mixture_path: str | Path | None = None,
    *,
    fix_offset: bool = False,
    bss: bool = False,
) -> Comparison:
    """Score two or more files against one reference.

    Args:
        names: what to call them (default: the files' names).
        mixture_path: default: the song beside the reference, where there is one.
        fix_offset: shift estimates that are late or early into place.
        bss: also run BSSEval; needs the mixture.

    Raises:
        AudioError: a file cannot be read. ConfigError: too few files, or names that do not fit.
    """
    paths = [Path(path) for path in estimate_paths]
    called = _names(paths, names)
    reference = Sound(*read(reference_path))
    mixture, made_of = _mixture(Path(reference_path), mixture_path)
    aligned = align_all(reference, [Sound(*read(path)) for path in paths], mixture, fix_offset=fix_offset)
    estimates = [
        Estimate(name, path, pair.estimate, score_aligned(pair, bss))
        for name, path, pair in zip(called, paths, aligned, strict=True)
    ]
    ranked = sorted(estimates, key=lambda estimate: estimate.score.sdr_db or 0.0, reverse=True)
    return Comparison(Path(reference_path), aligned[0].reference, reference.sample_rate, made_of, tuple(ranked))


def _names(paths: Sequence[Path], names: Sequence[str]) -> list[str]:
    if len(paths) < 2:
        raise ConfigError(f"a comparison needs at least two estimates; given {len(paths)}")
    called = list(names) or [path.stem for path in paths]
    if not names and len(set(called)) < len(called):
        called = [f"{path.parent.name}/{path.stem}" for path in paths]
    if not all(name.strip() for name in called):
        raise ConfigError("a name of an estimate is empty; give each one, or leave --names out")
    if len(called) != len(paths) or len(set(called)) < len(called):
        raise ConfigError(f"{len(paths)} estimates need as many different names; given {', '.join(called)}")
    return called


def _mixture(reference_path: Path, mixture_path: str | Path | None) -> tuple[Sound | None, str | None]:
    if mixture_path is not None:
        return Sound(*read(mixture_path)), f"mixture = {Path(mixture_path).name}"
    return find_mixture_beside(reference_path) or (None, None)
