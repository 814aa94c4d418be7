"""What the dataset doctor found: findings with what to do, the songs by split and stem, as text lines and as a dict."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from training.data.layouts.paths import abbreviate

Severity = Literal["error", "warning", "note"]

MARKS: dict[Severity, str] = {"error": "✗", "warning": "!", "note": "·"}


@dataclass(frozen=True)
class Finding:
    """One thing worth knowing; an error means that training cannot start."""

    severity: Severity
    what: str
    what_to_do: str = ""


@dataclass(frozen=True)
class FolderSummary:
    """A data folder as it was recognised."""

    root: str
    layout: str
    songs: int
    weight: float
    licence: str | None
    citation: str | None


@dataclass(frozen=True)
class SplitSummary:
    """The songs of one side of the split."""

    songs: int
    hours: float
    stem_hours: dict[str, float]
    """Of each stem that at least one song has."""
    silent_share: float
    """Share of the time in which all targets are silent."""


@dataclass(frozen=True)
class Report:
    """The doctor's findings."""

    target: str
    """The stems to learn, with commas between them."""
    findings: tuple[Finding, ...]
    folders: tuple[FolderSummary, ...]
    splits: dict[str, SplitSummary] = field(default_factory=dict)
    """By "train" and "valid"; empty where it did not come to a split."""
    cache_bytes_needed: int = 0
    """What decoding the rest adds to the cache."""
    disk_bytes_free: int = 0
    memory_bytes: int | None = None
    """Main memory; None where the system has no such figure."""
    epoch_seconds: float | None = None
    """Expected time of one epoch, if it was probed."""

    @property
    def songs(self) -> int:
        """Songs that can be used."""
        return sum(split.songs for split in self.splits.values())

    @property
    def hours(self) -> float:
        """Hours of music in these songs."""
        return sum(split.hours for split in self.splits.values())

    @property
    def can_start(self) -> bool:
        """Whether training can start on this data."""
        return not any(finding.severity == "error" for finding in self.findings)

    def lines(self) -> list[str]:
        """The report as lines of text, the verdict last."""
        lines = [_folder_line(folder) for folder in self.folders]
        for name, split in self.splits.items():
            stems = ", ".join(f"{stem} {hours:.2f} h" for stem, hours in sorted(split.stem_hours.items()))
            lines.append(f"{name}: {split.songs} songs, {split.hours:.2f} h ({stems})")
            lines.append(f"  {self.target} is silent {split.silent_share:.0%} of the time")
        lines.append(self._resources_line())
        for finding in sorted(self.findings, key=lambda finding: list(MARKS).index(finding.severity)):
            lines.append(f"{MARKS[finding.severity]} {finding.what}")
            lines += [f"  → {finding.what_to_do}"] if finding.what_to_do else []
        return [*lines, "training can start" if self.can_start else "training cannot start"]

    def to_dict(self) -> dict[str, Any]:
        """The report as plain dicts, lists, strings and numbers."""
        return {**asdict(self), "songs": self.songs, "hours": self.hours, "can_start": self.can_start}

    def _resources_line(self) -> str:
        parts = [
            f"cache needs {gigabytes(self.cache_bytes_needed)} more, {gigabytes(self.disk_bytes_free)} of disk are free"
        ]
        if self.memory_bytes is not None:
            parts.append(f"{gigabytes(self.memory_bytes)} of memory")
        if self.epoch_seconds is not None:
            parts.append(f"about {self.epoch_seconds:.0f} s an epoch")
        return "; ".join(parts)


def make_songs_finding(severity: Severity, names: list[str], what: str, what_to_do: str = "") -> list[Finding]:
    """One finding about some songs, if there are any; `what` follows "3 song(s)"."""
    return [Finding(severity, f"{len(names)} song(s) {what}: {abbreviate(names)}", what_to_do)] if names else []


def gigabytes(n_bytes: int) -> str:
    """A number of bytes as text."""
    return f"{n_bytes / 1e9:.2f} GB" if n_bytes < 10e9 else f"{n_bytes / 1e9:.0f} GB"


def _folder_line(folder: FolderSummary) -> str:
    weight = f", weight {folder.weight:g}" if folder.weight != 1 else ""
    licence = f"\n  licence: {folder.licence}" if folder.licence else ""
    citation = f"\n  cite: {folder.citation}" if folder.citation else ""
    return f"{folder.root}: {folder.layout}, {folder.songs} songs{weight}{licence}{citation}"
