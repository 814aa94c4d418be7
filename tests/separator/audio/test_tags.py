"""Tags: read as other programs write them, written so that other programs read them, and the audio left as it is."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import mutagen
import pytest
import soundfile
import torch
from mutagen.id3 import APIC, TIT2, TPE1
from torch import Tensor

from separator.api import Separator
from separator.audio import write
from separator.audio.tags import SongTags, read_tags, write_tags
from separator.model import CRNN

RATE = 44100
# One white pixel.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8ffff3f0005fe02fe0def46b8"
    "0000000049454e44ae426082"
)
TAGS = SongTags(("노래",), ("One", "Two"), ("Album",), PNG, "image/png")


@pytest.fixture
def write_sound(tmp_path: Path, noise: Callable[..., Tensor], ffmpeg: Callable[..., None]) -> Callable[[str], Path]:
    """A second of noise as a file of this suffix, without tags."""

    def make(suffix: str) -> Path:
        path = tmp_path / f"sound{suffix}"
        write(tmp_path / "sound.wav", noise(RATE), RATE)
        if suffix == ".m4a":
            ffmpeg("-i", tmp_path / "sound.wav", "-bitexact", path)
        else:
            write(path, noise(RATE), RATE)
        return path

    return make


@pytest.mark.parametrize("suffix", [".mp3", ".flac", ".ogg", ".m4a"])
def test_written_tags_are_read_back_from_every_format(write_sound: Callable[[str], Path], suffix: str) -> None:
    path = write_sound(suffix)
    assert read_tags(path) == SongTags()
    write_tags(path, TAGS, suffix)
    assert read_tags(path) == TAGS


@pytest.mark.parametrize("suffix", [".mp3", ".flac", ".ogg", ".m4a"])
def test_ffprobe_finds_the_tags_and_the_cover(write_sound: Callable[[str], Path], suffix: str) -> None:
    path = write_sound(suffix)
    write_tags(path, TAGS, suffix)
    command = ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", str(path)]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    tags = found["format"].get("tags") or found["streams"][0]["tags"]
    tags = {name.lower(): text for name, text in tags.items()}
    assert (tags["title"], tags["album"]) == ("노래", "Album")
    assert [stream["codec_name"] for stream in found["streams"]][1:] == ["png"]


@pytest.mark.parametrize("suffix", [".mp3", ".flac", ".ogg"])
def test_tags_leave_the_samples_as_they_are(write_sound: Callable[[str], Path], suffix: str) -> None:
    path = write_sound(suffix)
    before = soundfile.read(path)[0]
    write_tags(path, TAGS, suffix)
    assert (soundfile.read(path)[0] == before).all()


def test_wav_is_read_but_not_written(write_sound: Callable[[str], Path]) -> None:
    path = write_sound(".wav")
    before = path.read_bytes()
    write_tags(path, TAGS, ".wav")
    assert path.read_bytes() == before
    song = mutagen.File(path)
    song.add_tags()
    song.tags.add(TIT2(text=["A"]))
    song.tags.add(TPE1(text=["B"]))
    song.tags.add(APIC(mime="image/jpeg", type=0, desc="back", data=b"back"))
    song.tags.add(APIC(mime="image/png", type=3, desc="front", data=PNG))
    song.save()
    assert read_tags(path) == SongTags(("A",), ("B",), (), PNG, "image/png")


def test_what_is_no_song_has_no_tags(tmp_path: Path, write_sound: Callable[[str], Path]) -> None:
    (tmp_path / "text.mp3").write_text("la la la")
    assert read_tags(tmp_path / "text.mp3") == read_tags(tmp_path / "none.flac") == SongTags()
    path = write_sound(".ogg")
    song = mutagen.File(path)
    song["metadata_block_picture"] = ["no picture"]
    song.save()
    assert read_tags(path) == SongTags()


@pytest.mark.slow
@pytest.mark.usefixtures("torch_only")
def test_stems_carry_the_tags_of_their_song(
    tiny_model: CRNN, write_sound: Callable[[str], Path], tmp_path: Path
) -> None:
    song = write_sound(".flac")
    write_tags(song, TAGS, ".flac")
    outputs = {"vocals": tmp_path / "v.MP3", "accompaniment": tmp_path / "a.ogg"}
    Separator([tiny_model], "cpu").separate_to(song, outputs)
    assert [read_tags(path) for path in outputs.values()] == [TAGS, TAGS]
    Separator([tiny_model], "cpu").separate_to(song, {"vocals": tmp_path / "v.flac"})
    assert read_tags(tmp_path / "v.flac") == TAGS
    total = soundfile.read(tmp_path / "v.flac")[0]
    assert torch.from_numpy(total).isfinite().all() and len(total) == RATE
