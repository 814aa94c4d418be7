"""The decoded cache: every audio file once, as mono 16-bit samples at the model's rate, read back in excerpts.

An entry is two files named after a hash of the source's path, size and modification time: `<key>.pcm` holds the samples
and `<key>.json`, written last, what is known of them. Excerpts are read with one seek and one read instead of a memory
map: a map of each of 25,000 files would exhaust the open files, and its pages count as the process's memory.
"""

import hashlib
import json
import os
import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from separator.errors import AudioError, Cancelled, DatasetError
from separator.files import PART_NAME, atomic_write, explain_os_error, remove_leftovers
from separator.progress import Progress
from training.data.cached_audio import (
    FULL_SCALE,
    Audio,
    CachedAudio,
    Difference,
    Entry,
    bandwidth_hz,
    rms_profile,
)
from training.data.decode import decode
from training.data.layouts.song import Song, split_stream

FORMAT_VERSION = 3
MOST_WORKERS = 8
"""Default limit: each brings torch's own threads along, and the disk is soon the limit."""
MOST_UNREADABLE = 50
"""Where so many files in a row cannot be decoded and none before them could, the others are not tried: each bad file
costs a tenth of a second, as ffmpeg tries it as well."""

KEY_DIGITS = 24
OWN_NAME = re.compile(rf"[0-9a-f]{{{KEY_DIGITS}}}\.(pcm|json)")
"""What the files of an entry are called."""


@dataclass(frozen=True)
class UnreadableFile:
    """A file that could not be decoded, and why."""

    path: Path
    message: str


class Cache:
    """A folder of decoded audio; several processes may fill and read it at once."""

    def __init__(self, folder: Path | str, sample_rate: int) -> None:
        self.folder = Path(folder)
        self.sample_rate = sample_rate

    def load(self, paths: Iterable[Path]) -> CachedAudio:
        """The sum of some files, decoding those that are not in the cache yet.

        Raises:
            AudioError: a file cannot be decoded.
            DatasetError: the cache cannot be written.
        """
        return CachedAudio([(self._samples_path(path), self._entry(path)) for path in paths], self.sample_rate)

    def load_song(self, song: Song, *targets: str) -> tuple[list[Audio], Audio]:
        """The (targets, rest) of a song; the rest is the mixture minus the targets where no other stems are there.

        A target that the song does not have is empty.

        Raises:
            AudioError, DatasetError: as `load`.
        """
        wanted: list[Audio] = [self.load(song.stems.get(target, ())) for target in targets]
        rest = song.rest(*targets)
        if rest or song.mixture is None:
            return wanted, self.load(rest)
        files = dict.fromkeys(path for target in targets for path in song.stems.get(target, ()))
        return wanted, Difference(self.load([song.mixture]), self.load(files))

    def prepare(
        self,
        groups: Iterable[Sequence[Path]],
        workers: int | None = None,
        progress: Progress | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> list[UnreadableFile]:
        """Decode every file of some groups of files that is not in the cache yet.

        Stopping at any moment loses at most the files that were being decoded; the next call goes on from there.

        Returns:
            The files that could not be decoded, for the caller to leave out and name.

        Raises:
            DatasetError: the cache cannot be written, e.g. the disk is full; or none of the first files is audio.
            Cancelled: `cancel()` was true.
        """
        self._make_folder()
        paths = list(dict.fromkeys(path for group in groups for path in group))
        bad: list[UnreadableFile] = []
        with ThreadPoolExecutor(workers or min(MOST_WORKERS, os.cpu_count() or 1)) as pool:
            futures = {pool.submit(self._entry, path): path for path in paths}
            try:
                for done, future in enumerate(as_completed(futures), start=1):
                    if cancel is not None and cancel():
                        raise Cancelled("the cache is not complete; the next start goes on from here")
                    path = futures[future]
                    try:
                        future.result()
                    except AudioError as error:
                        bad.append(UnreadableFile(path, str(error)))
                        if len(bad) == done == MOST_UNREADABLE:
                            raise DatasetError(_none_readable_message(bad, len(paths))) from error
                    if progress is not None:
                        progress(done / len(paths), f"decoding {path.parent.name}/{path.name}")
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return sorted(bad, key=lambda item: item.path)

    def entry(self, path: Path) -> Entry | None:
        """What is known of a file; None if it is not in the cache."""
        return self._read_entry(path)

    def missing(self, paths: Iterable[Path]) -> list[Path]:
        """Those of the files that are not in the cache yet."""
        return [path for path in paths if self._read_entry(path) is None]

    def is_intact(self, path: Path) -> bool:
        """Whether a file's samples in the cache are those that were once written (a checksum)."""
        entry = self._read_entry(path)
        return entry is not None and zlib.crc32(self._samples_path(path).read_bytes()) == entry.crc32

    def _entry(self, path: Path) -> Entry:
        entry = self._read_entry(path)
        return entry if entry is not None else self._decode(path)

    def _read_entry(self, path: Path) -> Entry | None:
        try:
            fields = json.loads(self._info_path(path).read_text(encoding="utf-8"))
            entry = Entry(**{**fields, "rms": np.asarray(fields["rms"], dtype=np.float32)})
            whole = self._samples_path(path).stat().st_size == 2 * entry.n_samples
        except (OSError, ValueError, TypeError, KeyError):
            return None  # absent, or damaged: decoded again
        return entry if whole else None

    def _decode(self, path: Path) -> Entry:
        decoded = decode(path, self.sample_rate)
        waveform = decoded.waveform
        peak = float(np.abs(waveform).max())
        scale = max(1.0, peak)
        samples = np.clip(np.round(waveform * (FULL_SCALE / scale)), -FULL_SCALE, FULL_SCALE - 1).astype("<i2")
        entry = Entry(
            source=str(path.absolute()),
            source_rate=decoded.source_rate,
            channels=decoded.channels,
            n_samples=len(samples),
            scale=scale,
            peak=peak,
            clipped_share=decoded.clipped_share,
            missing_seconds=decoded.missing_seconds,
            bandwidth_hz=bandwidth_hz(waveform, self.sample_rate),
            crc32=zlib.crc32(samples.tobytes()),
            rms=rms_profile(waveform, self.sample_rate),
        )
        self._write(self._samples_path(path), samples.tobytes())
        self._write(self._info_path(path), json.dumps({**asdict(entry), "rms": entry.rms.tolist()}).encode())
        return entry

    def _write(self, path: Path, content: bytes) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as part:
                part.write_bytes(content)
        except OSError as error:
            reason = explain_os_error(error, path)
            raise DatasetError(
                f"cannot write to the cache {self.folder}: {reason}; give another folder with --cache_dir"
            ) from error

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatasetError(f"cannot make the cache folder {self.folder}: {error.strerror}") from error
        remove_leftovers(self.folder)

    def _samples_path(self, path: Path) -> Path:
        return self.folder / f"{self._key(path)}.pcm"

    def _info_path(self, path: Path) -> Path:
        return self.folder / f"{self._key(path)}.json"

    def _key(self, path: Path) -> str:
        try:
            stat = split_stream(path)[0].stat()
        except OSError as error:
            raise AudioError(f"cannot read {path}: {error.strerror}") from error
        identity = f"{FORMAT_VERSION}|{self.sample_rate}|{path.absolute()}|{stat.st_size}|{stat.st_mtime_ns}"
        return hashlib.sha256(identity.encode(errors="surrogateescape")).hexdigest()[:KEY_DIGITS]


def _none_readable_message(bad: Sequence[UnreadableFile], n_files: int) -> str:
    left = f", so the other {n_files - len(bad)} were not tried" if n_files > len(bad) else ""
    return f"none of the first {len(bad)} files can be decoded{left}; one of them: {bad[0].message}"


def remove_cache(folder: Path | str) -> int:
    """Delete a cache and return how many bytes that freed. Foreign files in the folder are left alone."""
    folder, freed = Path(folder), 0
    for path in list(folder.iterdir()) if folder.is_dir() else ():
        if OWN_NAME.fullmatch(path.name) or PART_NAME.fullmatch(path.name):
            freed += path.stat().st_size
            path.unlink()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    return freed
