"""Files in and out: every format comes back as it went, and every bad file is refused with its own sentence."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from separator.audio import AudioStream, AudioWriter, choose_subtype, probe, read, resample, to_mono, write
from separator.errors import AudioError

SECOND = 44100


@pytest.fixture
def song(tmp_path: Path, tone: Callable[..., Tensor]) -> Path:
    path = tmp_path / "song.wav"
    write(path, tone(SECOND), SECOND, bits=16)
    return path


@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "두 번째 곡 🎵 (live).wav"])
def test_lossless_to_disk_and_back_is_exact(
    tmp_path: Path, noise: Callable[..., Tensor], channels: int, name: str
) -> None:
    steps = (noise(1001, channels) * 2**15).round() / 2**15
    write(tmp_path / name, steps, 48000, bits=16)
    back, rate = read(tmp_path / name)
    assert rate == 48000
    assert torch.equal(back, steps)


@pytest.mark.parametrize(
    ("name", "bits", "step"), [("a.wav", 24, 2.0**-23), ("a.flac", 24, 2.0**-23), ("a.wav", 16, 2.0**-15)]
)
def test_pcm_is_rounded_to_the_nearest_step(
    tmp_path: Path, noise: Callable[..., Tensor], name: str, bits: int, step: float
) -> None:
    write(tmp_path / name, noise(5000), SECOND, bits)
    assert (read(tmp_path / name)[0] - noise(5000)).abs().max() <= 0.5 * step


@pytest.mark.parametrize("suffix", [".mp3", ".ogg"])
def test_lossy_formats_keep_length_and_sound(tmp_path: Path, tone: Callable[..., Tensor], suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write(path, tone(SECOND), SECOND)
    back, _ = read(path)
    assert back.shape == (2, SECOND)
    assert (back - tone(SECOND))[:, 4000:-4000].abs().max() < 0.02


@pytest.mark.usefixtures("ffmpeg")
@pytest.mark.parametrize("suffix", [".m4a", ".mkv", ".wma"])
def test_ffmpeg_reads_what_libsndfile_cannot(
    tmp_path: Path, song: Path, tone: Callable[..., Tensor], suffix: str
) -> None:
    path = tmp_path / f"-odd name 곡{suffix}"
    subprocess.run(["ffmpeg", "-v", "error", "-i", song, f"file:{path}"], check=True)
    back, rate = read(path)
    assert rate == probe(path).sample_rate == SECOND
    assert abs(back.shape[1] - SECOND) < 5000  # these codecs pad
    assert float(back[:, 9000:-9000].square().mean().sqrt()) == pytest.approx(0.5 / 2**0.5, rel=0.05)


@pytest.mark.usefixtures("ffmpeg")
def test_without_a_stated_length_the_last_packet_gives_it(tmp_path: Path, song: Path) -> None:
    path = tmp_path / "recording.webm"
    subprocess.run(["ffmpeg", "-v", "error", "-i", song, "-f", "webm", "-live", "1", path], check=True)
    assert probe(path).seconds == pytest.approx(1.0, abs=0.05)


@pytest.mark.usefixtures("ffmpeg")
def test_a_stream_without_a_rate_is_no_audio(tmp_path: Path, song: Path) -> None:
    path = tmp_path / "cut.aac"
    subprocess.run(["ffmpeg", "-v", "error", "-i", song, path], check=True)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(AudioError, match="is not audio"):
        probe(path)


@pytest.mark.usefixtures("ffmpeg")
def test_an_excerpt_through_ffmpeg_starts_where_asked(tmp_path: Path) -> None:
    clicks = torch.zeros(1, 3 * SECOND)
    clicks[:, int(1.5 * SECOND)] = 1.0
    write(tmp_path / "clicks.wav", clicks, SECOND)
    path = tmp_path / "clicks.m4a"
    subprocess.run(["ffmpeg", "-v", "error", "-i", tmp_path / "clicks.wav", "-c:a", "alac", path], check=True)
    excerpt, _ = read(path, offset_seconds=1.0, duration_seconds=1.0)
    assert excerpt.shape == (1, SECOND)
    assert abs(int(excerpt.argmax()) - SECOND // 2) <= 1


def test_without_ffmpeg_the_sentence_says_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "song.m4a").write_bytes(b"something else" * 100)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(AudioError, match="Install ffmpeg"):
        probe(tmp_path / "song.m4a")


def test_probe_describes_without_decoding(song: Path) -> None:
    info = probe(song)
    assert (info.sample_rate, info.channels, info.n_samples, info.subtype, info.format) == (
        44100,
        2,
        44100,
        "PCM_16",
        "WAV",
    )
    assert info.seconds == 1.0


def test_an_excerpt_is_the_slice(song: Path) -> None:
    whole, _ = read(song)
    part, _ = read(song, offset_seconds=0.25, duration_seconds=0.5)
    assert torch.equal(part, whole[:, 11025 : 11025 + 22050])
    assert read(song, offset_seconds=0.9, duration_seconds=5.0)[0].shape == (2, 4410)


def test_blocks_join_to_the_whole(song: Path) -> None:
    with AudioStream(song) as stream:
        blocks = list(stream.blocks(1000))
    assert [b.shape[1] for b in blocks] == [1000] * 44 + [100]
    assert torch.equal(torch.cat(blocks, dim=1), read(song)[0])


def test_bad_files_are_each_refused_with_their_own_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.mp3").write_text("la la la\n" * 500)
    write(tmp_path / "no samples.wav", torch.zeros(2, 0), SECOND)
    for name, sentence in {
        "missing.wav": "does not exist",
        "": "is a folder",
        "empty.wav": r"is empty \(0 bytes\)",
        "text.mp3": "is not audio",
        "no samples.wav": "holds no audio",
    }.items():
        with pytest.raises(AudioError, match=sentence):
            read(tmp_path / name)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_non_finite_samples_are_refused_with_their_time(tmp_path: Path, bad: float) -> None:
    waveform = torch.zeros(2, 3 * SECOND)
    waveform[1, int(2.5 * SECOND)] = bad
    write(tmp_path / "bad.wav", waveform, SECOND)
    with pytest.raises(AudioError, match=r"not a number \(NaN or infinite\) at 2\.500 s"):
        read(tmp_path / "bad.wav")


def test_a_pcm_wav_turns_float_above_full_scale(tmp_path: Path) -> None:
    path = tmp_path / "loud.wav"
    with AudioWriter(path, SECOND, 1, "PCM_16", float_above_full_scale=True) as writer:
        writer.write(torch.full((1, 1000), 0.5))
        writer.write(torch.full((1, 1000), 1.5))
    assert (writer.peak, writer.clips, probe(path).subtype) == (1.5, False, "FLOAT")
    assert torch.equal(read(path)[0], torch.tensor([[0.5] * 1000 + [1.5] * 1000]))
    assert list(tmp_path.iterdir()) == [path]


def test_clipping_is_reported_with_its_peak(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"6\.0 dB above full scale \(peak 2\.00\)"):
        write(tmp_path / "loud.flac", torch.full((1, 100), 2.0), SECOND)


def test_a_long_waveform_in_one_piece_can_be_an_ogg(tmp_path: Path) -> None:
    """libvorbis puts what it is given on the stack: from 2 million samples on it took the process down."""
    path = tmp_path / "long.ogg"
    write(path, torch.zeros(1, 3_000_000), 192_000)
    assert probe(path).n_samples == 3_000_000


def test_an_exception_leaves_an_old_file_as_it_was(tmp_path: Path, song: Path) -> None:
    before = song.read_bytes()
    with pytest.raises(KeyboardInterrupt), AudioWriter(song, SECOND, 1, "PCM_16") as writer:
        writer.write(torch.zeros(1, 1000))
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == [song]
    assert song.read_bytes() == before


def test_the_later_of_two_writers_of_a_file_wins_whole(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    with AudioWriter(path, SECOND, 1, "FLOAT") as first, AudioWriter(path, SECOND, 1, "FLOAT") as second:
        for _ in range(10):
            first.write(torch.full((1, 1000), 0.1))
            second.write(torch.full((1, 1000), 0.2))
    assert torch.equal(read(path)[0], torch.full((1, 10_000), 0.1))
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(AudioError, match="disk full"):
            write(tmp_path / "a.wav", torch.zeros(2, 10 * SECOND), SECOND)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    silence = torch.zeros(3, 10)
    for name, sentence in {
        "none/a.wav": "does not exist; create it",
        "a.m4a": "can write .wav",
        "a.mp3": "3 channels",
    }.items():
        with pytest.raises(AudioError, match=sentence):
            write(tmp_path / name, silence, SECOND)


@pytest.mark.parametrize(
    ("name", "like", "subtype"),
    [
        ("a.wav", "PCM_16", "PCM_16"),
        ("a.wav", "PCM_24", "PCM_24"),
        ("a.wav", "DOUBLE", "FLOAT"),
        ("a.wav", "MPEG_LAYER_III", "PCM_16"),
        ("a.flac", "FLOAT", "PCM_24"),
        ("a.MP3", "FLOAT", "MPEG_LAYER_III"),
    ],
)
def test_depth_follows_the_input(name: str, like: str, subtype: str) -> None:
    assert choose_subtype(name, like=like) == subtype


def test_depths_that_a_format_lacks_are_refused() -> None:
    with pytest.raises(AudioError, match="FLAC is written with 16, 24 bits, not 32"):
        choose_subtype("a.flac", 32)
    with pytest.raises(AudioError, match="MP3 has no bit depth"):
        choose_subtype("a.mp3", 16)


def test_a_wav_beyond_4_gib_is_rf64(
    tmp_path: Path, noise: Callable[..., Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "long.wav"
    waveform = (noise(3000) * 2**15).round() / 2**15
    monkeypatch.setattr("separator.audio.writer._MOST_WAV_BYTES", 16_000)
    with AudioWriter(path, SECOND, 2, "PCM_16") as writer:
        for block in waveform.split(500, dim=1):
            writer.write(block)
    assert probe(path).format == "RF64"
    assert torch.equal(read(path)[0], waveform)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("from_rate", "to_rate"), [(44100, 22050), (48000, 44100), (8000, 44100), (44100, 22051)])
def test_resampling_keeps_a_tone_in_place(tone: Callable[..., Tensor], from_rate: int, to_rate: int) -> None:
    moved = resample(tone(from_rate, 1000.0, from_rate), from_rate, to_rate)
    expected = tone(to_rate, 1000.0, to_rate)
    assert moved.shape == expected.shape
    assert (moved - expected)[:, 1000:-1000].abs().max() < 2e-3


def test_resampling_removes_what_would_alias(tone: Callable[..., Tensor]) -> None:
    assert resample(tone(SECOND, 15000.0), SECOND, 22050)[:, 1000:-1000].abs().max() < 1e-3


def test_mono_is_the_mean() -> None:
    assert torch.equal(to_mono(torch.tensor([[1.0, 0.0], [0.0, 1.0]])), torch.tensor([[0.5, 0.5]]))


def test_a_decoded_file_agrees_with_soundfile(song: Path) -> None:
    expected, _ = soundfile.read(song, dtype="float32")
    np.testing.assert_array_equal(read(song)[0].numpy().T, expected)
