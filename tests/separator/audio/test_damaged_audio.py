"""Files with wrong, missing, doubled or hostile headers: nothing is lost without a warning, no other file is read."""

import shutil
import struct
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from separator.audio import probe, read, refuse_unwritable, write
from separator.errors import AudioError

RATE = 44100
Ffmpeg = Callable[..., None]


@pytest.fixture
def song(tmp_path: Path, noise: Callable[..., Tensor]) -> Path:
    """Eight seconds, the first four of them silent: what an encoder of variable bitrate makes small."""
    path = tmp_path / "song.wav"
    write(path, torch.cat([torch.zeros(2, 4 * RATE), noise(4 * RATE)], dim=1), RATE, bits=16)
    return path


@pytest.fixture
def without_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    yield


def seconds_of(path: Path) -> float:
    waveform, rate = read(path)
    return waveform.shape[1] / rate


@pytest.mark.parametrize("bitrate", [["-q:a", "2"], ["-abr", "1", "-b:a", "128k"]])
def test_an_mp3_without_a_header_is_read_whole(tmp_path: Path, song: Path, ffmpeg: Ffmpeg, bitrate: list[str]) -> None:
    path = tmp_path / "a.mp3"
    ffmpeg("-i", song, *bitrate, "-write_xing", "0", path)
    assert seconds_of(path) == pytest.approx(8.0, abs=0.06)
    assert probe(path).seconds == pytest.approx(8.0, abs=0.06)


def test_an_mp3_with_a_header_has_no_padding(tmp_path: Path, song: Path, ffmpeg: Ffmpeg) -> None:
    ffmpeg("-i", song, "-b:a", "256k", tmp_path / "a.mp3")
    back, original = read(tmp_path / "a.mp3")[0], read(song)[0]
    assert back.shape == original.shape
    lags = torch.fft.irfft(torch.fft.rfft(original[0]) * torch.fft.rfft(back[0]).conj())
    assert int(lags.argmax()) == 0


@pytest.mark.parametrize("second", [["-ar", "44100"], ["-ar", "32000"], ["-ac", "1"]])
def test_joined_mp3s_are_read_to_the_end(tmp_path: Path, song: Path, ffmpeg: Ffmpeg, second: list[str]) -> None:
    ffmpeg("-i", song, tmp_path / "a.mp3")
    ffmpeg("-i", song, *second, tmp_path / "b.mp3")
    joined = tmp_path / "joined.mp3"
    joined.write_bytes((tmp_path / "a.mp3").read_bytes() + (tmp_path / "b.mp3").read_bytes())
    assert seconds_of(joined) == pytest.approx(16.0, abs=0.1)


@pytest.mark.parametrize("share", [0.0, 0.3])
@pytest.mark.parametrize("junk", [bytes(3000), np.random.default_rng(0).bytes(3000)], ids=["zeros", "noise"])
def test_junk_in_an_mp3_ends_nothing(tmp_path: Path, song: Path, ffmpeg: Ffmpeg, junk: bytes, share: float) -> None:
    path = tmp_path / "a.mp3"
    ffmpeg("-i", song, path)
    data = path.read_bytes()
    place = int(share * len(data))
    path.write_bytes(data[:place] + junk + data[place:])
    assert seconds_of(path) == pytest.approx(8.0, abs=0.1)


def test_a_wrong_mp3_header_is_not_believed(tmp_path: Path, song: Path, ffmpeg: Ffmpeg) -> None:
    path = tmp_path / "a.mp3"
    ffmpeg("-i", song, path)
    data = bytearray(path.read_bytes())
    place = max(data.find(b"Info"), data.find(b"Xing")) + 8
    data[place : place + 4] = (100).to_bytes(4, "big")  # frames: 2.6 s
    path.write_bytes(data)
    assert seconds_of(path) == pytest.approx(8.0, abs=0.1)


def test_an_mp3_without_ffmpeg_warns_that_it_may_go_on(tmp_path: Path, song: Path, without_ffmpeg: None) -> None:
    write(tmp_path / "a.mp3", read(song)[0], RATE)
    with pytest.warns(UserWarning, match=r"a\.mp3: may go on .* Install ffmpeg"):
        assert seconds_of(tmp_path / "a.mp3") == 8.0


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.ogg", "libvorbis"), ("a.opus", "libopus"), ("a.oga", "flac")],
    ids=["vorbis", "opus", "flac"],
)
def test_every_link_of_a_chained_ogg_is_read(tmp_path: Path, song: Path, ffmpeg: Ffmpeg, name: str, codec: str) -> None:
    path = tmp_path / name
    ffmpeg("-i", song, "-c:a", codec, path)
    path.write_bytes(2 * path.read_bytes())
    assert seconds_of(path) == pytest.approx(16.0, abs=0.02)


def test_a_chained_ogg_without_ffmpeg_warns(tmp_path: Path, song: Path, without_ffmpeg: None) -> None:
    path = tmp_path / "a.ogg"
    write(path, read(song)[0], RATE)
    path.write_bytes(2 * path.read_bytes())
    with pytest.warns(UserWarning, match="may go on"):
        assert seconds_of(path) == 8.0


@pytest.mark.parametrize("total", [0, 1000])
def test_a_flac_is_read_past_a_wrong_total(tmp_path: Path, song: Path, ffmpeg: Ffmpeg, total: int) -> None:
    path = tmp_path / "a.flac"
    write(path, read(song)[0], RATE, bits=16)
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0  # the total has 36 bits, after the rate, channels and depth
    data[22:26] = total.to_bytes(4, "big")
    path.write_bytes(data)
    assert torch.equal(read(path)[0], read(song)[0])
    assert probe(path).subtype == "PCM_16"


@pytest.mark.parametrize("claim", [0, 0x7FFFF000, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_wav_from_a_pipe_is_read_whole(song: Path, ffmpeg: Ffmpeg, claim: int) -> None:
    data = bytearray(song.read_bytes())
    data[4:8] = data[40:44] = claim.to_bytes(4, "little")
    song.write_bytes(data)
    assert seconds_of(song) == 8.0


@pytest.mark.parametrize("suffix", [".wav", ".aiff", ".au", ".w64", ".rf64", ".mp3", ".flac"])
def test_a_cut_off_file_is_used_and_its_loss_named(tmp_path: Path, song: Path, ffmpeg: Ffmpeg, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    quality = ["-b:a", "128k"] if suffix == ".mp3" else []
    ffmpeg("-i", song, "-ss", "4", *(["-rf64", "always", "-f", "wav"] if suffix == ".rf64" else []), *quality, path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.warns(UserWarning, match=r"(1\.9|2\.[0-2]) of 4\.0 s are missing") as caught:
        assert seconds_of(path) == pytest.approx(2.0, abs=0.2)
    assert len(caught) == 1


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.mp3"])
def test_a_damaged_file_is_used_and_its_loss_named(tmp_path: Path, song: Path, ffmpeg: Ffmpeg, name: str) -> None:
    path = tmp_path / name
    ffmpeg("-i", song, "-ss", "4", *([] if name == "a.flac" else ["-b:a", "128k"]), path)
    data = bytearray(path.read_bytes())
    place, length = len(data) // 2, len(data) // 5
    data[place : place + length] = bytes(length)
    path.write_bytes(data)
    with pytest.warns(UserWarning, match=r"(0\.[6-9]|1\.[0-5]) of 4\.0 s are missing"):
        assert 2.4 < seconds_of(path) < 3.5


def test_a_damaged_flac_is_used_up_to_there_without_ffmpeg(
    tmp_path: Path, noise: Callable[..., Tensor], without_ffmpeg: None
) -> None:
    path = tmp_path / "a.flac"
    write(path, noise(20 * RATE), RATE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.warns(UserWarning, match=r"of 20\.0 s are missing"):
        assert 5 < seconds_of(path) < 10


@pytest.mark.parametrize("codec", ["libvorbis", "libopus"])
@pytest.mark.parametrize("layout", ["3.0", "quad", "5.1", "7.1"])
def test_surround_comes_in_the_order_of_a_wav(tmp_path: Path, ffmpeg: Ffmpeg, layout: str, codec: str) -> None:
    channels = {"3.0": 3, "quad": 4, "5.1": 6, "7.1": 8}[layout]
    sines = "|".join(f"0.3*sin(2*PI*{40 + 10 * c}*t)" for c in range(channels))
    path = tmp_path / "a.ogg"
    ffmpeg("-f", "lavfi", "-i", f"aevalsrc={sines}:s=48000:d=1:c={layout}", "-c:a", codec, "-b:a", "640k", path)
    assert loudest_hz(path) == [40 + 10 * c for c in range(channels)]
    with_second_link = tmp_path / "b.ogg"  # which libsndfile reads no more
    with_second_link.write_bytes(2 * path.read_bytes())
    assert loudest_hz(with_second_link) == loudest_hz(path)


@pytest.mark.parametrize("channels", [3, 4, 5, 6, 7, 8])
def test_surround_is_written_to_ogg_in_its_order(tmp_path: Path, ffmpeg: Ffmpeg, channels: int) -> None:
    time = torch.arange(48000) / 48000
    tones = torch.stack([0.3 * torch.sin(2 * torch.pi * (40 + 10 * c) * time) for c in range(channels)])
    write(tmp_path / "a.ogg", tones, 48000)
    ffmpeg("-i", tmp_path / "a.ogg", tmp_path / "a.wav")
    expected = [40 + 10 * c for c in range(channels)]
    assert loudest_hz(tmp_path / "a.wav") == loudest_hz(tmp_path / "a.ogg") == expected


def loudest_hz(path: Path) -> list[int]:
    waveform, rate = read(path, duration_seconds=1.0)
    spectrum = torch.fft.rfft(waveform).abs()
    return [round(int(peak) * rate / waveform.shape[1]) for peak in spectrum.argmax(dim=1)]


@pytest.mark.parametrize(
    ("name", "rate", "channels"),
    [("a.mp3", 96000, 2), ("a.mp3", 44100, 6), ("a.flac", 44100, 9), ("a.flac", 200_001, 2), ("a.ogg", 210_000, 2)],
)
def test_what_a_format_cannot_hold_is_refused_first(tmp_path: Path, name: str, rate: int, channels: int) -> None:
    with pytest.raises(AudioError, match=f"cannot write {channels} channels at {rate} Hz as .* write WAV"):
        refuse_unwritable(tmp_path / name, rate, channels)


@pytest.mark.parametrize(("rate", "channels"), [(10**9, 1), (2 * 10**9, 2), (48000, 256)])
def test_a_rate_or_width_of_no_song_is_refused(tmp_path: Path, rate: int, channels: int) -> None:
    head = struct.pack("<HHIIHH", 1, channels, rate, min(rate * channels * 2, 2**32 - 1), 2 * channels, 16)
    samples = bytes(2 * channels * 100)
    path = tmp_path / "a.wav"
    path.write_bytes(
        b"RIFF" + struct.pack("<I", 36 + len(samples)) + b"WAVEfmt " + struct.pack("<I", 16) + head
        + b"data" + struct.pack("<I", len(samples)) + samples
    )  # fmt: skip
    with pytest.raises(AudioError, match=f"states {channels} channels at {rate} Hz; at most"):
        probe(path)


PLAYLISTS = {
    "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:8,\nfile://{secret}\n#EXT-X-ENDLIST\n",
    "mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT8S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period>'
    '<AdaptationSet mimeType="audio/mp4"><Representation id="0" bandwidth="1"><BaseURL>file://{secret}</BaseURL>'
    "</Representation></AdaptationSet></Period></MPD>",
    "ffconcat": "ffconcat version 1.0\nfile '{secret}'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    "srt": "1\n00:00:00,000 --> 00:00:08,000\nfile://{secret}\n",
    "idx": "# VobSub index file, v7 (do not modify this line!)\nid: en, index: 0\n"
    "timestamp: 00:00:00:000, filepos: 0\n",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("secret", ["secret.m4a", "secret.ts", "secret.mp3"])
def test_a_playlist_reads_no_other_file(tmp_path: Path, song: Path, ffmpeg: Ffmpeg, kind: str, secret: str) -> None:
    ffmpeg("-i", song, "-t", "1", tmp_path / secret)
    for name in ("a.mp4", f"a.{kind}"):
        (tmp_path / name).write_text(PLAYLISTS[kind].format(secret=tmp_path / secret))
        with pytest.raises(AudioError, match="is not audio"):
            read(tmp_path / name)


@pytest.mark.slow
def test_no_warning_for_an_ordinary_file(tmp_path: Path, song: Path, ffmpeg: Ffmpeg) -> None:
    for name in ("a.mp3", "a.m4a", "a.ogg", "a.opus", "a.flac", "a.wma", "a.aac", "a.aiff", "a.caf", "a.mp4", "a.mka"):
        ffmpeg("-i", song, tmp_path / name)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert seconds_of(tmp_path / name) == pytest.approx(8.0, abs=0.1)
