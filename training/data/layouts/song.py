"""What a recognised data folder is: a list of songs, each a handful of files that add up to a mixture."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SplitName = Literal["train", "valid", "test"]

ACCOMPANIMENT = "accompaniment"
"""The stem name for everything but the vocals."""

CONTAINER_SUFFIX = ".stem.mp4"
"""Of a file with one audio stream per stem."""

FOUR_STEMS = frozenset({"vocals", "drums", "bass", "other"})
"""The stems that make up a whole song in the MUSDB18 convention."""

OWN_LAYOUTS = ("plain", "stem folders", "CSV list")
INSTRUMENTAL = FOUR_STEMS - {"vocals"}


@dataclass(frozen=True)
class Song:
    """One song on disk; nothing is read until the cache decodes it."""

    name: str
    folder: Path
    stems: dict[str, tuple[Path, ...]]
    """Stem name to the files whose sum it is; stems may share files ("other" holds "guitar"). See `has` for absence."""
    mixture: Path | None
    """None where the mixture is the sum of the stems."""
    artist: str | None
    split: SplitName | None
    """The part its data set assigns it to; None where the data set has no split of its own."""
    source: str
    """The layout it came from: one of `OWN_LAYOUTS`, "musdb18hq", "musdb18", "moisesdb" or "slakh2100"."""

    def has(self, *targets: str) -> bool:
        """Whether this song has true audio of a target, or of any of several.

        Where it has not: in MoisesDB and Slakh2100 the instrument does not play; in one's own songs it is unknown.
        """
        return any(self.stems.get(target) for target in targets)

    @property
    def is_own(self) -> bool:
        """Whether it was arranged by its user, rather than by a published data set."""
        return self.source in OWN_LAYOUTS

    def lacks(self, target: str) -> bool:
        """Whether it is known that `target` does not play in this song; where a song neither has nor lacks it, its
        other stems may hold it.

        So it is in MoisesDB and Slakh2100, and for the vocals of a plain folder with drums, bass and other alone. A
        bass line, on the other hand, is often found within "other".
        """
        is_instrumental = target == "vocals" and self.mixture is None and self.stems.keys() >= INSTRUMENTAL
        return not self.has(target) and (not self.is_own or is_instrumental)

    def rest(self, *targets: str) -> tuple[Path, ...]:
        """The files whose sum is the song without `targets`.

        Empty where the other stems are not there: then the rest is the mixture minus the targets.
        """
        there = {target for target in targets if self.has(target)}
        if "vocals" in targets and ACCOMPANIMENT in self.stems and there <= {"vocals"}:
            return self.stems[ACCOMPANIMENT]
        if self.mixture is not None and not self.stems.keys() >= FOUR_STEMS:
            return ()  # some of its instruments may have no file of their own
        return tuple(path for paths in self.parts(*targets).values() for path in paths)

    def parts(self, *targets: str) -> dict[str, tuple[Path, ...]]:
        """The stems besides `targets`, as fine as they come, no file in two of them: for remixing several songs."""
        used = {path for target in targets for path in self.stems.get(target, ())}
        parts = {}
        for stem, paths in sorted(self.stems.items(), key=lambda item: len(item[1])):
            own = tuple(path for path in paths if path not in used)
            if own and stem not in (*targets, ACCOMPANIMENT):
                parts[stem] = own
                used.update(own)
        return parts

    def files(self) -> tuple[Path, ...]:
        """Every audio file of the song, each once."""
        stems = [path for paths in self.stems.values() for path in paths]
        return tuple(dict.fromkeys([*([self.mixture] if self.mixture else []), *stems]))


@dataclass(frozen=True)
class DataFolder:
    """A recognised data folder, with remarks for its user."""

    root: Path
    layout: str
    songs: tuple[Song, ...]
    licence: str | None = None
    citation: str | None = None
    notes: tuple[str, ...] = ()
    """What was left out or guessed, one sentence each."""


@dataclass(frozen=True)
class Terms:
    """Under which terms a data set may be used, and how to cite it."""

    licence: str
    citation: str


def stream_path(container: Path, stream: str) -> Path:
    """The path of one named stream inside a file that holds several, as if the file were a folder of them."""
    return container / stream


def split_stream(path: Path) -> tuple[Path, str | None]:
    """The file a path of `stream_path` lies in, and the stream's name; (path, None) of an ordinary file."""
    inside = path.parent.name.lower().endswith(CONTAINER_SUFFIX)
    return (path.parent, path.name) if inside else (path, None)


def without_files(songs: Iterable[Song], unusable: Iterable[Path]) -> list[Song]:
    """The songs that need none of some files, such as those the cache could not decode."""
    unusable = set(unusable)
    return [song for song in songs if unusable.isdisjoint(song.files())]
