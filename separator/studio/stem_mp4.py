"""Native Instruments' Stems: one MP4 file with the mixture and four stems, which DJ programs play.

Five AAC streams, the mixture first and the only one enabled, and an atom ``moov/udta/stem`` of JSON that names and
colours the stems. As in the files of other programs the sound is 44.1 kHz stereo, and the stems are drums, bass, other
and vocals in this order where they are called so. The format has four stems, no fewer: models that make another number
are refused, as stempeg does. Format: https://www.native-instruments.com/en/specials/stems/
"""

import json
import shutil
import struct
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from separator.audio.tags import SongTags, write_tags
from separator.errors import AudioError, ConfigError
from separator.files import atomic_write, explain_os_error

STEM_SUFFIX = ".stem.m4a"
N_STEMS = 4
_ORDER = ("drums", "bass", "other", "vocals")
_COLORS = ("#009E73", "#D55E00", "#CC79A7", "#56B4E9")
_SAMPLE_RATE = 44100
_BITS_PER_SECOND = 256_000
# Both off: what is heard is the sum of the stems, as they are.
_MASTERING = {
    "compressor": {
        "enabled": False,
        "ratio": 3,
        "output_gain": 0.5,
        "release": 0.3,
        "attack": 0.003,
        "input_gain": 0.5,
        "threshold": 0,
        "hp_cutoff": 300,
        "dry_wet": 50,
    },
    "limiter": {"enabled": False, "release": 0.05, "threshold": 0, "ceiling": -0.35},
}


def refuse_stems(stems: Iterable[str]) -> None:
    """Raises ConfigError unless there are four stems, AudioError where ffmpeg, which encodes them, is missing."""
    stems = list(stems)
    if len(stems) != N_STEMS:
        raise ConfigError(
            f"A {STEM_SUFFIX} file holds a song and four stems, but these models make {', '.join(stems)}; choose the "
            "preset 4stems, or models of three targets."
        )
    if shutil.which("ffmpeg") is None:
        raise AudioError(
            f"ffmpeg, which encodes {STEM_SUFFIX} files, is not installed. Install it (apt install ffmpeg, brew "
            "install ffmpeg, winget install ffmpeg), or write WAV, FLAC, OGG or MP3."
        )


def write_stem_mp4(path: Path, mixture: Path, stems: Mapping[str, Path], tags: SongTags) -> None:
    """Encode a song and its four stems, files of the same length, into one file with the song's tags.

    Raises ConfigError, AudioError as :func:`refuse_stems`, and where the file cannot be written.
    """
    refuse_stems(stems)
    names = sorted(stems, key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))
    try:
        with atomic_write(path) as part:
            _encode([mixture, *(stems[name] for name in names)], names, part)
            _insert_atom(part, describe_stems(names))
            write_tags(part, tags, ".m4a")
    except OSError as error:
        raise AudioError(f"Could not write {path}: {explain_os_error(error, path)}.") from error


def describe_stems(names: Iterable[str]) -> dict[str, Any]:
    """The content of the atom for stems in this order."""
    stems = [{"name": name.capitalize(), "color": color} for name, color in zip(names, _COLORS, strict=True)]
    return {"version": 1, "mastering_dsp": _MASTERING, "stems": stems}


def read_stem_atom(path: Path) -> dict[str, Any] | None:
    """The content of a file's ``moov/udta/stem``; None where there is none."""
    data = path.read_bytes()
    start, end = 0, len(data)
    for kind in (b"moov", b"udta", b"stem"):
        found = next((atom for atom in _list_atoms(data, start, end) if atom[0] == kind), None)
        if found is None:
            return None
        _, start, end = found
    content: dict[str, Any] = json.loads(data[start:end])
    return content


def _encode(files: list[Path], names: list[str], path: Path) -> None:
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-protocol_whitelist", "file"]
    for file in files:
        command += ["-i", f"file:{file}"]
    for number, name in enumerate(["mixture", *names]):
        command += ["-map", f"{number}:a:0", f"-metadata:s:a:{number}", f"title={name}"]
        command += [f"-metadata:s:a:{number}", f"handler_name={name}"]
        command += [f"-disposition:a:{number}", "0" if number else "default"]
    command += ["-map_metadata", "-1", "-c:a", "aac", "-b:a", str(_BITS_PER_SECOND)]
    command += ["-ar", str(_SAMPLE_RATE), "-ac", "2", "-f", "ipod", f"file:{path}"]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        reason = (done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"])[-1]
        raise AudioError(f"ffmpeg could not encode the stems (ffmpeg: {reason}).")


def _insert_atom(path: Path, content: dict[str, Any]) -> None:
    """Append a ``stem`` atom to ``moov/udta``. ``moov`` is the last atom of what ffmpeg writes: no sound is moved."""
    data = json.dumps(content).encode()
    stem = struct.pack(">I4s", 8 + len(data), b"stem") + data
    with path.open("r+b") as file:
        start, end = _find_last_atom(file)
        file.seek(start)
        moov = file.read(end - start)
        udta = next((atom for atom in _list_atoms(moov, 8, len(moov)) if atom[0] == b"udta"), None)
        inside = moov[udta[1] : udta[2]] if udta else b""
        others = moov[8 : udta[1] - 8] + moov[udta[2] :] if udta else moov[8:]
        body = others + struct.pack(">I4s", 8 + len(inside) + len(stem), b"udta") + inside + stem
        file.seek(start)
        file.write(struct.pack(">I4s", 8 + len(body), b"moov") + body)


def _find_last_atom(file: Any) -> tuple[int, int]:
    """Where the file's last atom, ``moov``, begins and ends."""
    end = file.seek(0, 2)
    position, start, kind = 0, 0, b""
    while position < end:
        start = position
        file.seek(position)
        size, kind = struct.unpack(">I4s", file.read(8))
        position += struct.unpack(">Q", file.read(8))[0] if size == 1 else size or end - position
    assert kind == b"moov", "ffmpeg writes moov last unless it is asked for something else"
    return start, end


def _list_atoms(data: bytes, start: int, end: int) -> list[tuple[bytes, int, int]]:
    """Kind, begin and end of the content of each atom in ``data[start:end]``."""
    atoms = []
    while start + 8 <= end:
        size, kind = struct.unpack(">I4s", data[start : start + 8])
        head = 8
        if size == 1:
            (size,), head = struct.unpack(">Q", data[start + 8 : start + 16]), 16
        size = size or end - start
        if size < head:
            break
        atoms.append((kind, start + head, min(start + size, end)))
        start += size
    return atoms
