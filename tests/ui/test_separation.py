"""The queue of the Separate tab, without a page."""

import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from separator.api import Separator
from tests.serving import write_song
from ui.separation import Options, SeparationJob, songs_from


@pytest.fixture(scope="module")
def load(checkpoints: Path) -> Callable[[], Separator]:
    separator = Separator.from_checkpoints([checkpoints / "vocals.pth"], "cpu")
    return lambda: separator


def finished(songs: list[Path], load: Callable[[], Separator], folder: Path, **options: object) -> SeparationJob:
    job = SeparationJob(songs_from(songs), load, Options(**options), folder)  # type: ignore[arg-type]
    job.run()
    return job


def test_goes_on_after_a_song_that_fails(load: Callable[[], Separator], tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_text("no music")
    songs = [write_song(tmp_path / "a.wav"), tmp_path / "bad.wav", write_song(tmp_path / "b.wav", seed=1)]
    (tmp_path / "job").mkdir()
    job = finished(songs, load, tmp_path / "job")
    assert [song.state for song in job.songs] == ["done", "failed", "done"]
    assert "bad.wav" in job.songs[1].message
    assert job.archive is not None
    names = zipfile.ZipFile(job.archive).namelist()
    assert names[0] == "01 a/a - vocals.wav" and len(names) == 4


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".ogg"])
def test_every_format_has_lossless_stems_for_the_player(
    load: Callable[[], Separator], tmp_path: Path, suffix: str
) -> None:
    song = write_song(tmp_path / "song.wav")
    (tmp_path / "job").mkdir()
    (row,) = finished([song], load, tmp_path / "job", suffix=suffix).songs
    assert row.state == "done", row.message
    assert {path.suffix for path in row.downloads.values()} == {suffix}
    stems = [soundfile.read(path)[0] for path in row.stems.values()]
    np.testing.assert_allclose(sum(stems), soundfile.read(song)[0], atol=2**-14)


def test_a_song_that_browsers_cannot_decode_exactly_is_unpacked(load: Callable[[], Separator], tmp_path: Path) -> None:
    waveform, rate = soundfile.read(write_song(tmp_path / "song.wav"))
    soundfile.write(tmp_path / "song.ogg", waveform, rate)
    (tmp_path / "job").mkdir()
    (row,) = finished([tmp_path / "song.ogg"], load, tmp_path / "job").songs
    assert row.mixture is not None and row.mixture.suffix == ".flac"
    assert len(soundfile.read(row.mixture)[0]) == len(waveform)


def test_cancel_marks_every_row_at_once_and_leaves_no_stem(load: Callable[[], Separator], tmp_path: Path) -> None:
    songs = [write_song(tmp_path / "long.wav", seconds=300), write_song(tmp_path / "next.wav")]
    (tmp_path / "job").mkdir()
    job = SeparationJob(songs_from(songs), load, Options(), tmp_path / "job")
    job.start()
    while job.songs[0].fraction == 0 and not job.finished.is_set():
        time.sleep(0.01)
    job.cancel()
    assert [song.state for song in job.songs] == ["cancelled", "cancelled"]
    assert job.finished.wait(30)
    assert [song.state for song in job.songs] == ["cancelled", "cancelled"]
    assert not [path for path in (tmp_path / "job").rglob("*") if path.is_file()]


def test_an_unexpected_error_is_a_sentence_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Separator:
        raise RuntimeError("the card fell out")

    (tmp_path / "job").mkdir()
    job = finished([write_song(tmp_path / "song.wav")], broken, tmp_path / "job")
    assert job.songs[0].message == "RuntimeError: the card fell out"
    assert job.finished.is_set() and job.archive is None
    assert "Traceback" in caplog.text, "a bug keeps its traceback in the log"


def test_songs_beyond_a_spaces_limit_are_refused(tmp_path: Path) -> None:
    (song,) = songs_from([write_song(tmp_path / "song.wav", seconds=3)], max_minutes=0.04)
    assert song.state == "failed"
    assert "public page" in song.message


def test_nothing_is_packed_unless_asked(load: Callable[[], Separator], tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    job = finished([write_song(tmp_path / "a.wav")], load, tmp_path / "job", archive=False)
    assert job.songs[0].state == "done" and job.archive is None
    assert not list((tmp_path / "job").rglob("*.zip"))
