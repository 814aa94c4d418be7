"""Separates a queue of songs in one background thread, with progress and cancellation.

No widgets here: ``ui/separate/tab.py`` draws the state of a ``SeparationJob``.
"""

import logging
import threading
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import gradio as gr

from separator.api import Separator
from separator.audio import probe, refuse_unwritable
from separator.audio.convert import convert
from separator.errors import Cancelled, SeparatorError
from separator.runtime import give_back_memory
from ui.jobs.fair_queue import Ticket
from ui.limits import check_length
from ui.model_registry import ModelRegistry
from ui.safety import make_job_folder, sanitize_name
from ui.settings import PageSettings

LOSSLESS, LOSSY = (".wav", ".flac"), (".mp3", ".ogg")
# What browsers decode without delay or loss; anything else is unpacked to FLAC before the player gets it.
PLAYABLE = {("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("FLAC", "PCM_16"), ("FLAC", "PCM_24")}

RowState = Literal["waiting", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True)
class Options:
    """Output options of a queue."""

    suffix: str = ".wav"
    bits: int | None = None
    """16, 24 or 32 (float); None keeps the song's own depth."""
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
    loudest: dict[str, float] = field(default_factory=dict)
    """Stem -> its peak (1.0 is full scale), for the stems that the format had to clip."""
    missing_seconds: float = 0.0
    """How much of the song was damaged or cut off."""
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
    *,
    strict_band: bool,
    tta: bool,
    request: gr.Request | None = None,
) -> "SeparationJob":
    """A job for these songs in a folder of its own, not yet started; raises CheckpointError for models not there."""
    registry.find_paths(models)
    load = partial(registry.load, models, strict_band=strict_band, tta=tta)
    return SeparationJob(make_rows(paths, settings.max_minutes, request), load, options, make_job_folder(settings.work))


class SeparationJob:
    """Separates a list of songs one after the other; an error ends only its song."""

    def __init__(self, songs: Sequence[SongRow], load: Callable[[], Separator], options: Options, folder: Path) -> None:
        self.songs = list(songs)
        self.finished = threading.Event()
        self.archive: Path | None = None
        self.message = ""
        """Why the archive could not be written; empty otherwise."""
        self._load, self._options, self._folder = load, options, folder
        self._cancel = threading.Event()
        self._started: float | None = None

    def start(self, ticket: Ticket | None = None) -> None:
        """Start a thread, which first waits for ``ticket``."""
        target = partial(ticket.run, self.run, self._cancel.is_set) if ticket else self.run
        threading.Thread(target=target, name="separation", daemon=True).start()

    def cancel(self) -> None:
        """Mark unfinished rows as cancelled at once; the thread ends at its next block of audio."""
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
                if song.state == "waiting" and not self.cancelled:
                    self._attempt(song)
            if self._options.archive and not self.cancelled:
                self._pack()
        finally:
            give_back_memory()
            self.finished.set()

    def _attempt(self, song: SongRow) -> None:
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
        refuse_unwritable(f"{song.title}{self._options.suffix}", info.sample_rate, info.channels)
        song.stage = "model"
        separator = self._load()
        song.mixture = make_playable(song.path, folder / f"{song.title} - mixture.flac")
        lossless = self._options.suffix in LOSSLESS
        suffix = self._options.suffix if lossless else ".flac"
        made = separator.separate_to(
            song.path,
            {stem: folder / f"{song.title} - {stem}{suffix}" for stem in separator.stems},
            bits=self._options.bits if lossless else None,
            progress=partial(self._record_progress, song),
            cancel=self._cancel.is_set,
        )
        song.stems = {stem: file.path for stem, file in made.items()}
        song.missing_seconds = max(file.missing_seconds for file in made.values())
        song.loudest = {stem: file.peak for stem, file in made.items() if file.clips}
        song.downloads = {stem: self._convert_stem(path) for stem, path in song.stems.items()}

    @staticmethod
    def _record_progress(song: SongRow, fraction: float, stage: str) -> None:
        song.fraction, song.stage = min(fraction, 0.99), stage

    def _convert_stem(self, path: Path) -> Path:
        if path.suffix == self._options.suffix:
            return path
        return convert(path, path.with_suffix(self._options.suffix))

    def _pack(self) -> None:
        done = [song for song in self.songs if song.state == "done"]
        if not done:
            return
        archive = self._folder / (
            f"{done[0].title} - stems.zip" if len(done) == 1 else f"{len(done)} songs - stems.zip"
        )
        try:
            self._write_zip(done, archive)
            self.archive = archive
        except OSError as error:
            archive.unlink(missing_ok=True)
            self.message = f"The stems are there, but not packed: {error.strerror or error}."

    @staticmethod
    def _write_zip(songs: Sequence[SongRow], archive: Path) -> None:
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as bundle:  # audio hardly packs any smaller
            for number, song in enumerate(songs, 1):
                for path in song.downloads.values():
                    bundle.write(path, f"{number:02d} {song.title}/{path.name}")


def make_playable(path: Path, lossless: Path) -> Path:
    """``path`` itself if every browser decodes it to the sample, else its copy made at ``lossless``."""
    info = probe(path)
    return path if (info.format, info.subtype) in PLAYABLE else convert(path, lossless)
