"""job.json: how stems were made, so that they can be made again, and archives that carry it."""

import json
import platform
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import separator
from separator.audio.reader import probe
from separator.audio.tags import read_tags
from separator.errors import AudioError
from separator.files import atomic_write, explain_os_error, hash_file

RECORD_NAME = "job.json"
_PACKAGES = ("torch", "torchaudio", "openvino", "numpy", "soundfile")


def make_record(
    song: Path, models: Mapping[Path, Sequence[str]], settings: Mapping[str, Any], files: Iterable[Path], **more: Any
) -> dict[str, Any]:
    """The content of job.json: song, models (file -> targets) with hashes, settings, files, versions, and ``more`` as
    it is.

    Raises AudioError for a song that cannot be read.
    """
    info = probe(song)
    return {
        "program": {"name": "Sori", "version": separator.__version__},
        "versions": {"python": platform.python_version()} | _list_versions(),
        "song": {
            "file": song.name,
            "sha256": hash_file(song),
            "seconds": round(info.seconds, 3),
            "sample_rate": info.sample_rate,
            "channels": info.channels,
        }
        | read_tags(song).describe(),
        "models": [
            {"file": path.name, "sha256": hash_file(path), "targets": list(targets)} for path, targets in models.items()
        ],
        "settings": dict(settings),
        "files": [path.name for path in files],
    } | more


def format_record(record: Mapping[str, Any]) -> str:
    """The text of job.json; what is in a name but not in Unicode is escaped."""
    text = json.dumps(record, indent=2, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n"


def write_archive(path: Path, files: Sequence[Path], record: Mapping[str, Any]) -> None:
    """Pack files, without their folders, and job.json into a zip. Raises AudioError where it cannot be written."""
    try:
        with atomic_write(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as bundle:
            for file in files:  # audio hardly packs any smaller
                bundle.write(file, file.name)
            bundle.writestr(RECORD_NAME, format_record(record))
    except OSError as error:
        raise AudioError(f"Could not write {path}: {explain_os_error(error, path)}.") from error


def _list_versions() -> dict[str, str]:
    """Package -> version of those that are installed."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
