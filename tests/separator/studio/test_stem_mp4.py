"""Stem files: five streams and the atom as players expect them, in the order and at the length of the stems."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from separator.audio import read, write
from separator.audio.reader import AudioStream
from separator.audio.tags import SongTags, read_tags
from separator.errors import AudioError, ConfigError
from separator.studio.stem_mp4 import read_stem_atom, refuse_stems, write_stem_mp4

RATE = 44100
ORDER = ("drums", "bass", "other", "vocals")
TAGS = SongTags(("노래",), ("A",), ("B",), b"\xff\xd8\xff", "image/jpeg")


@pytest.fixture
def stem_file(tmp_path: Path, tone: Callable[..., Tensor], ffmpeg: Callable[..., None]) -> Path:
    """Two seconds of four tones, an octave apart in the order of the streams, and their sum."""
    tones = {name: 0.2 * tone(2 * RATE, 220.0 * 2**n) for n, name in enumerate(ORDER)}
    stems = {name: tmp_path / f"{name}.wav" for name in ("vocals", "drums", "bass", "other")}
    for name, path in stems.items():
        write(path, tones[name], RATE)
    write(tmp_path / "mixture.wav", torch.stack(list(tones.values())).sum(dim=0), RATE)
    path = tmp_path / "노래.stem.m4a"
    write_stem_mp4(path, tmp_path / "mixture.wav", stems, TAGS)
    return path


def test_ffprobe_finds_five_aac_streams_and_the_tags(stem_file: Path) -> None:
    command = ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", str(stem_file)]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    streams = [stream for stream in found["streams"] if stream["codec_type"] == "audio"]
    assert [stream["codec_name"] for stream in streams] == ["aac"] * 5
    assert [(stream["sample_rate"], stream["channels"]) for stream in streams] == [("44100", 2)] * 5
    assert [stream["disposition"]["default"] for stream in streams] == [1, 0, 0, 0, 0]
    assert [stream["tags"]["handler_name"] for stream in streams] == ["mixture", *ORDER]
    assert found["format"]["tags"]["title"] == "노래"
    assert read_tags(stem_file) == TAGS


def test_the_atom_names_the_stems_in_their_order(stem_file: Path) -> None:
    content = read_stem_atom(stem_file)
    assert content is not None
    assert [stem["name"] for stem in content["stems"]] == ["Drums", "Bass", "Other", "Vocals"]
    assert content["version"] == 1
    assert not content["mastering_dsp"]["compressor"]["enabled"]


@pytest.mark.slow
def test_streams_are_the_stems_and_begin_together(stem_file: Path, tmp_path: Path) -> None:
    for number, name in enumerate(("mixture", *ORDER)):
        with AudioStream(stem_file, stream=number) as stream:
            found = torch.cat(list(stream.blocks(1 << 16)), dim=1)[:, : 2 * RATE]
        true = read(tmp_path / f"{name}.wav")[0][:, : found.shape[1]]
        inner = slice(RATE // 2, RATE)
        error = (found - true)[:, inner].square().sum() / true[:, inner].square().sum()
        assert error < 1e-3, name


def test_stempeg_reads_the_five_streams(stem_file: Path) -> None:
    stempeg = pytest.importorskip("stempeg")
    audio, rate = stempeg.read_stems(str(stem_file))
    assert (audio.shape[0], audio.shape[2], rate) == (5, 2, RATE)
    inner = audio[:, RATE // 2 : RATE]  # AAC smears the sudden beginning and end
    assert np.square(inner[0] - inner[1:].sum(axis=0)).sum() < 1e-3 * np.square(inner[0]).sum()


def test_anything_but_four_stems_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="make vocals, accompaniment; choose the preset 4stems"):
        refuse_stems(["vocals", "accompaniment"])
    monkeypatch.setenv("PATH", "")
    with pytest.raises(AudioError, match=r"ffmpeg, which encodes \.stem.m4a files, is not installed"):
        refuse_stems(ORDER)


def test_what_is_no_stem_file_has_no_atom(tmp_path: Path, ffmpeg: Callable[..., None], noise) -> None:
    write(tmp_path / "a.wav", noise(RATE), RATE)
    ffmpeg("-i", tmp_path / "a.wav", tmp_path / "a.m4a")
    assert read_stem_atom(tmp_path / "a.wav") is read_stem_atom(tmp_path / "a.m4a") is None
