"""Decoding, through an ffmpeg process, of compressed audio and of the sound of videos.

Nothing is encoded here. Arguments go to the process as a list, never through a shell, and only containers that hold
their own sound are opened: a playlist (HLS, DASH, concat, SDP, ...) could name any file of this computer.
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

_CONTAINERS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,dtshd,eac3,flac,flv,iff,loas,matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,ogg,"
    "tak,tta,voc,w64,wav,wv"
)
_INPUT = ["-protocol_whitelist", "file", "-format_whitelist", _CONTAINERS]
_SUBTYPE_OF_BITS = {16: "PCM_16", 24: "PCM_24", 32: "PCM_32"}


def probe_fields(path: Path) -> dict[str, Any]:
    """ffprobe's description of the first audio stream: the fields of ``separator.audio.reader.AudioInfo``, as a dict.

    The number of samples is worked out from the duration that the file states, so it may be off by a codec's padding;
    where it states none (MP3 without a Xing header, unfinished recordings) its packets are added up. Raises AudioError
    when ffmpeg is missing or finds no audio.
    """
    entries = "stream=sample_rate,channels,codec_name,duration,bits_per_raw_sample:format=duration,format_name"
    found, messages = _ffprobe(path, entries)
    stream: dict[str, Any] = next(iter(found.get("streams", [])), {})
    rate, channels = int(stream.get("sample_rate", 0)), int(stream.get("channels", 0))
    if min(rate, channels) < 1:
        raise AudioError(f"{path.name} is not audio that libsndfile or ffmpeg can read{_format_reason(messages)}.")
    codec = stream.get("codec_name", "unknown").upper()
    seconds = stream.get("duration") or found["format"].get("duration")
    if seconds is None or b"Estimating duration from bitrate" in messages:
        seconds = _sum_packet_seconds(path)
    return {
        "sample_rate": rate,
        "channels": channels,
        "n_samples": round(float(seconds) * rate),
        "subtype": _SUBTYPE_OF_BITS.get(int(stream.get("bits_per_raw_sample") or 0), codec),
        "format": found["format"]["format_name"].upper(),
    }


def _ffprobe(path: Path, entries: str) -> tuple[dict[str, Any], bytes]:
    """What it found, empty where it failed, and its messages."""
    command = [
        _find_executable("ffprobe", path),
        "-v",
        "warning",
        *_INPUT,
        "-select_streams",
        "a:0",
        "-show_entries",
        entries,
    ]
    done = subprocess.run([*command, "-of", "json", f"file:{path}"], capture_output=True, check=False)
    return ({} if done.returncode else json.loads(done.stdout or b"{}")), done.stderr


def _sum_packet_seconds(path: Path) -> float:
    packets = _ffprobe(path, "packet=duration_time")[0].get("packets", [])
    return sum(float(packet.get("duration_time", 0.0)) for packet in packets)


def is_installed() -> bool:
    """Whether both programs of ffmpeg are there."""
    return all(shutil.which(name) for name in ("ffmpeg", "ffprobe"))


class FfmpegDecoder:
    """Float32 samples of one of a file's audio streams (the first), to the file's end and past damaged places.

    What changes its rate, or between mono and stereo, in the middle is converted to the rate and channels given.
    """

    def __init__(self, path: Path, sample_rate: int, channels: int, stream: int = 0) -> None:
        self._path = path
        self._bytes_per_frame = 4 * channels
        self._channels = channels
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        command = [_find_executable("ffmpeg", path), "-nostdin", "-v", "error", *_INPUT, "-i", f"file:{path}"]
        command += ["-map", f"0:a:{stream}", "-ar", str(sample_rate)]
        if channels <= 2:  # of three channels -ac would make 2.1, of quadraphony 4.0
            command += ["-ac", str(channels)]
        command += ["-c:a", "pcm_f32le", "-f", "f32le", "pipe:1"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._messages)
        self._any = False

    def read(self, n_samples: int) -> NDArray[np.float32]:
        """The next samples, ``(n, C)``; fewer only at the end. Raises AudioError where nothing decodes."""
        assert self._process.stdout is not None
        data = self._process.stdout.read(n_samples * self._bytes_per_frame)
        whole = len(data) - len(data) % self._bytes_per_frame
        if not whole and not self._any and self._process.wait():
            self._messages.seek(0)
            raise AudioError(f"ffmpeg could not decode {self._path.name}{_format_reason(self._messages.read())}.")
        self._any = True
        return np.frombuffer(bytearray(data[:whole]), np.float32).reshape(-1, self._channels)

    def close(self) -> None:
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process.terminate()
        self._process.wait()
        self._messages.close()


def _find_executable(name: str, path: Path) -> str:
    found = shutil.which(name)
    if found is None:
        raise AudioError(
            f"{path.name} is not audio that libsndfile can read, and {name}, which reads more kinds of file, is not "
            "installed. Install ffmpeg (apt install ffmpeg, brew install ffmpeg, winget install ffmpeg), or convert "
            "the file to WAV, FLAC, OGG or MP3."
        )
    return found


def _format_reason(messages: bytes) -> str:
    lines = messages.decode("utf-8", "replace").strip().splitlines()
    return f" (ffmpeg: {lines[-1].rsplit(': ', 1)[-1]})" if lines else ""
