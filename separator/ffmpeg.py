"""Decoding, through an ffmpeg process, what libsndfile cannot read: m4a, aac, wma, the first sound of a video.

Nothing is encoded here. Arguments go to the process as a list, never through a shell.
"""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from separator.errors import AudioError

_SUBTYPE_OF_BITS = {16: "PCM_16", 24: "PCM_24", 32: "PCM_32"}


def probe_fields(path: Path) -> dict[str, Any]:
    """What ffprobe says of the first audio stream: the fields of ``separator.audio.AudioInfo``, as a dict.

    The number of samples is worked out from the duration that the file states, so it may be off by a codec's padding;
    a recording that was never finished states none, and is searched for its last packet. Raises AudioError when ffmpeg
    is missing or finds no audio.
    """
    entries = "stream=sample_rate,channels,codec_name,duration,bits_per_raw_sample:format=duration,format_name"
    found, messages = _ffprobe(path, entries)
    stream: dict[str, Any] = next(iter(found.get("streams", [])), {})
    rate, channels = int(stream.get("sample_rate", 0)), int(stream.get("channels", 0))
    if min(rate, channels) < 1:
        raise AudioError(f"{path.name} is not audio that libsndfile or ffmpeg can read{_reason(messages)}.")
    codec = stream.get("codec_name", "unknown").upper()
    seconds = stream.get("duration") or found["format"].get("duration") or _last_packet_seconds(path)
    return {
        "sample_rate": rate,
        "channels": channels,
        "n_samples": round(float(seconds) * rate),
        "subtype": _SUBTYPE_OF_BITS.get(int(stream.get("bits_per_raw_sample") or 0), codec),
        "format": found["format"]["format_name"].upper(),
    }


def _ffprobe(path: Path, entries: str) -> tuple[dict[str, Any], bytes]:
    """What it found, empty where it failed, and what it said."""
    command = [_executable("ffprobe", path), "-v", "error", "-select_streams", "a:0", "-show_entries", entries]
    answer = subprocess.run([*command, "-of", "json", f"file:{path}"], capture_output=True, check=False)
    return ({} if answer.returncode else json.loads(answer.stdout or b"{}")), answer.stderr


def _last_packet_seconds(path: Path) -> float:
    packets = _ffprobe(path, "packet=pts_time")[0].get("packets", [])
    return max((float(packet.get("pts_time", 0.0)) for packet in packets), default=0.0)


class FfmpegDecoder:
    """Float32 samples of one of a file's audio streams (the first), at its own rate, from an offset on."""

    def __init__(self, path: Path, channels: int, offset_seconds: float = 0.0, stream: int = 0) -> None:
        self._path = path
        self._bytes_per_frame = 4 * channels
        self._channels = channels
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        seek = ["-ss", f"{offset_seconds:.9f}"] if offset_seconds else []
        command = [_executable("ffmpeg", path), "-nostdin", "-v", "error", *seek, "-i", f"file:{path}"]
        command += ["-map", f"0:a:{stream}", "-ac", str(channels), "-c:a", "pcm_f32le", "-f", "f32le", "pipe:1"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._messages)
        self._any = False

    def read(self, n_samples: int) -> NDArray[np.float32]:
        """The next samples, ``(n, C)``; fewer than asked only at the end. Raises AudioError where nothing decodes."""
        assert self._process.stdout is not None
        data = self._process.stdout.read(n_samples * self._bytes_per_frame)
        whole = len(data) - len(data) % self._bytes_per_frame
        if not whole and not self._any and self._process.wait():
            self._messages.seek(0)
            raise AudioError(f"ffmpeg could not decode {self._path.name}{_reason(self._messages.read())}.")
        self._any = True
        return np.frombuffer(bytearray(data[:whole]), np.float32).reshape(-1, self._channels)

    def close(self) -> None:
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process.terminate()
        self._process.wait()
        self._messages.close()


def _executable(name: str, path: Path) -> str:
    found = shutil.which(name)
    if found is None:
        raise AudioError(
            f"{path.name} is not audio that libsndfile can read, and {name}, which reads more kinds of file, is not "
            "installed. Install ffmpeg (apt install ffmpeg, brew install ffmpeg, winget install ffmpeg), or convert "
            "the file to WAV, FLAC, OGG or MP3."
        )
    return found


def _reason(messages: bytes) -> str:
    lines = messages.decode("utf-8", "replace").strip().splitlines()
    return f" (ffmpeg: {lines[-1].rsplit(': ', 1)[-1]})" if lines else ""
