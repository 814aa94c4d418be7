"""Separates a queue of songs in one background thread, with progress and cancellation.

No widgets here: ``ui/separate/tab.py`` draws the state of a ``SeparationJob``.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import gradio as gr

from separator.api import Separator
from separator.audio import probe, refuse_unwritable
from separator.errors import Cancelled, SeparatorError
from separator.runtime import give_back_memory
from separator.studio.job_record import make_record
from separator.studio.reaper import REAPER_SUFFIX
from separator.studio.stem_mp4 import STEM_SUFFIX, refuse_stems
from ui.jobs.fair_queue import Ticket
from ui.limits import check_length
from ui.model_registry import ModelRegistry
from ui.safety import make_job_folder, sanitize_name
from ui.separate.downloads import LOSSY, choose_stem_suffix, convert_stem, make_playable, write_project, write_zip
from ui.settings import PageSettings

if TYPE_CHECKING:
    from separator.analysis.song import SongAnalysis

RowState = Literal["waiting", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True)
class Options:
    """Output options of a queue."""

    suffix: str = ".wav"
    bits: int | None = None
    """16, 24 or 32 (float); None keeps the song's own depth."""
    strict_band: bool = False
    tta: bool = False
    archive: bool = True
    """Also pack the stems of all songs into one file."""


@dataclass
class SongRow:
    """One row of the queue: input, state, progress and output files."""

    path: Path
    title: str
    seconds: float = 0.0
    sample_rate: int = 44100
    state: RowState = "waiting"
    fraction: float = 0.0
    stage: str = ""
    message: str = ""
    mixture: Path | None = None
    """Lossless copy of the song for the player."""
    stems: dict[str, Path] = field(default_factory=dict)
    """Stem -> lossless file for the player."""
    downloads: dict[str, Path] = field(default_factory=dict)
    """Stem -> file in the chosen format."""
    files: list[Path] = field(default_factory=list)
    """All that a visitor takes away."""
    record: dict[str, Any] = field(default_factory=dict)
    """How the files were made, the content of job.json."""
    loudest: dict[str, float] = field(default_factory=dict)
    """Stem -> its peak (1.0 is full scale), for the stems that the format had to clip."""
    missing_seconds: float = 0.0
    """How much of the song was damaged or cut off."""
    found: "SongAnalysis | None" = None
    """What a Reaper project already needed to be found."""
    analysis: dict[str, Any] | None = None
    """What ``analyse_song`` found, once it has."""


def make_rows(
    paths: Sequence[str | Path], max_minutes: float | None = None, request: gr.Request | None = None
) -> list[SongRow]:
    """A waiting row per uploaded file; one that cannot be read or is too long is there as failed."""
    songs = [SongRow(Path(path), sanitize_name(Path(path).stem)) for path in paths]
    for song in songs:
        try:
            info = probe(song.path)
            song.seconds, song.sample_rate = info.seconds, info.sample_rate
            sentence = check_length(song.path, info.seconds, max_minutes, request)
        except SeparatorError as error:
            sentence = str(error)
        if sentence:
            song.state, song.message = "failed", sentence
    return songs


def create_job(
    settings: PageSettings,
    registry: ModelRegistry,
    paths: Sequence[str | Path],
    models: Sequence[str],
    options: Options,
    request: gr.Request | None = None,
) -> "SeparationJob":
    """A job for these songs in a folder of its own, not yet started; raises CheckpointError for models not there."""
    songs, found = make_rows(paths, settings.max_minutes, request), registry.find_paths(models)
    load = partial(registry.load, models, strict_band=options.strict_band, tta=options.tta)
    return SeparationJob(songs, found, load, options, make_job_folder(settings.work))


class SeparationJob:
    """Separates a list of songs one after the other; an error ends only its song."""

    def __init__(
        self,
        songs: Sequence[SongRow],
        models: Sequence[Path],
        load: Callable[[], Separator],
        options: Options,
        folder: Path,
    ) -> None:
        self.songs, self.models = list(songs), list(models)
        self.finished = threading.Event()
        self.archive: Path | None = None
        self.message = ""
        """Why the archive could not be written; empty otherwise."""
        self._load, self._options, self._folder = load, options, folder
        self._cancel = threading.Event()
        self._states = threading.Lock()
        """So that no row begins while all are cancelled."""
        self._started: float | None = None

    def start(self, ticket: Ticket | None = None) -> None:
        """Start a thread, which first waits for ``ticket``."""
        target = partial(ticket.run, self.run, self._cancel.is_set) if ticket else self.run
        threading.Thread(target=target, name="separation", daemon=True).start()

    def cancel(self) -> None:
        """Mark unfinished rows as cancelled at once; the thread ends at its next block of audio."""
        with self._states:
            self._cancel.set()
            for song in self.songs:
                if song.state in ("waiting", "running"):
                    song.state = "cancelled"

    @property
    def cancelled(self) -> bool:
        return self._cancel.is_set()

    @property
    def has_started(self) -> bool:
        """Whether the slot was granted."""
        return self._started is not None

    @property
    def seconds(self) -> float:
        """Of audio that is to be separated."""
        return sum(song.seconds for song in self.songs if song.state == "waiting")

    @property
    def fraction(self) -> float:
        """Share of the whole queue that is done, in seconds of audio."""
        total = sum(song.seconds for song in self.songs) or 1.0
        return min(1.0, sum(song.seconds * song.fraction for song in self.songs) / total)

    @property
    def eta_seconds(self) -> float | None:
        """Seconds left at the pace so far; None below 2 %."""
        done = self.fraction
        if self._started is None or done <= 0.02:
            return None
        return (time.monotonic() - self._started) * (1 - done) / done

    def run(self) -> None:
        """Work through the queue in this thread."""
        self._started = time.monotonic()
        try:
            for song in self.songs:
                self._attempt(song)
            if self._options.archive and not self.cancelled:
                self._pack()
        finally:
            give_back_memory()
            self.finished.set()

    def _attempt(self, song: SongRow) -> None:
        """Separate a song that waits; its row tells how that ended."""
        with self._states:
            if song.state != "waiting":
                return
            song.state = "running"
        try:
            self._separate(song)
            song.state, song.fraction = ("cancelled" if self.cancelled else "done"), 1.0
        except Cancelled:
            song.state = "cancelled"
        except SeparatorError as error:
            song.state, song.message, song.fraction = "failed", str(error), 1.0
        except Exception as error:
            logging.getLogger(__name__).exception("separating %s failed", song.title)
            song.state, song.message, song.fraction = "failed", f"{type(error).__name__}: {error}", 1.0

    def _separate(self, song: SongRow) -> None:
        folder = self._folder / f"{self.songs.index(song) + 1:02d}"
        folder.mkdir()
        info = probe(song.path)
        if self._options.suffix in LOSSY:
            refuse_unwritable(f"{song.title}{self._options.suffix}", info.sample_rate, info.channels)
        song.stage = "model"
        separator = self._load()
        if self._options.suffix == STEM_SUFFIX:
            refuse_stems(separator.stems)
        song.mixture = make_playable(song.path, folder / f"{song.title} - mixture.flac")
        suffix = choose_stem_suffix(self._options.suffix)
        made = separator.separate_to(
            song.path,
            {stem: folder / f"{song.title} - {stem}{suffix}" for stem in separator.stems},
            bits=None if self._options.suffix in LOSSY else self._options.bits,
            progress=partial(self._record_progress, song),
            cancel=self._cancel.is_set,
        )
        song.stems = {stem: file.path for stem, file in made.items()}
        song.missing_seconds = max(file.missing_seconds for file in made.values())
        song.loudest = {stem: file.peak for stem, file in made.items() if file.clips}
        song.downloads = {stem: convert_stem(path, self._options.suffix) for stem, path in song.stems.items()}
        if self._options.suffix == REAPER_SUFFIX:
            from separator.analysis.song import analyse_stems  # takes a second to import

            song.found = analyse_stems(song.stems)
        project = write_project(self._options.suffix, song.title, song.path, song.mixture, song.stems, song.found)
        holds_all = project is not None and self._options.suffix == STEM_SUFFIX
        song.files = [*(() if holds_all else song.downloads.values()), *([project] if project else [])]
        song.record = self._make_record(song, separator)

    @staticmethod
    def _record_progress(song: SongRow, fraction: float, stage: str) -> None:
        song.fraction, song.stage = min(fraction, 0.99), stage

    def _make_record(self, song: SongRow, separator: Separator) -> dict[str, Any]:
        chosen = self._options
        settings = {"format": chosen.suffix[1:], "bits": chosen.bits, "strict_band": chosen.strict_band}
        settings |= {"tta": chosen.tta, "device": separator.device.type}
        made_by = dict(zip(self.models, separator.targets_by_model, strict=True))
        return make_record(song.path, made_by, settings, song.files)

    def _pack(self) -> None:
        done = [song for song in self.songs if song.state == "done"]
        if not done:
            return
        archive = self._folder / (
            f"{done[0].title} - stems.zip" if len(done) == 1 else f"{len(done)} songs - stems.zip"
        )
        folders = [(f"{number:02d} {song.title}", song.files, song.record) for number, song in enumerate(done, 1)]
        try:
            write_zip(archive, folders)
            self.archive = archive
        except OSError as error:
            self.message = f"The stems are there, but not packed: {error.strerror or error}."
