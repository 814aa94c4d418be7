"""What a recognised data folder is: a list of songs, each a handful of files that add up to a mixture."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SplitName = Literal["train", "valid", "test"]

ACCOMPANIMENT = "accompaniment"
"""The stem name for everything but the vocals."""

FOUR_STEMS = frozenset({"vocals", "drums", "bass", "other"})
"""The stems that make up a whole song in the MUSDB18 convention."""


@dataclass(frozen=True)
class Song:
    """One song on disk; nothing is read until the cache decodes it."""

    name: str
    folder: Path
    stems: dict[str, tuple[Path, ...]]
    """Stem name to the files whose sum it is. A name that is missing is silent in this song, or not known."""
    mixture: Path | None
    """None where the mixture is the sum of the stems."""
    artist: str | None
    split: SplitName | None
    """The part its data set assigns it to; None where the data set has no split of its own."""
    source: str
    """The layout it came from: "plain", "musdb18hq", "musdb18", "moisesdb", "slakh2100"."""

    def has(self, target: str) -> bool:
        """Whether this song has true audio of `target`."""
        return bool(self.stems.get(target))

    def rest(self, target: str) -> tuple[Path, ...]:
        """The files whose sum is the song without `target`.

        Empty where only the mixture tells: then the rest is the mixture minus the target.
        """
        if target == "vocals" and ACCOMPANIMENT in self.stems:
            return self.stems[ACCOMPANIMENT]
        if self.mixture is not None and not self.stems.keys() >= FOUR_STEMS:
            return ()  # some of its instruments may have no file of their own
        return tuple(path for stem in self.parts(target) for path in self.stems[stem])

    def parts(self, target: str) -> tuple[str, ...]:
        """The stems besides `target` that do not overlap it or one another, for remixing several songs."""
        return tuple(stem for stem in self.stems if stem not in (target, ACCOMPANIMENT))

    def files(self) -> tuple[Path, ...]:
        """Every audio file of the song, each once."""
        stems = [path for paths in self.stems.values() for path in paths]
        return tuple(dict.fromkeys([*([self.mixture] if self.mixture else []), *stems]))


@dataclass(frozen=True)
class DataFolder:
    """A recognised data folder, with what its user ought to know about it."""

    root: Path
    layout: str
    songs: tuple[Song, ...]
    licence: str | None = None
    citation: str | None = None
    notes: tuple[str, ...] = ()
    """What was left out or guessed, one sentence each."""
