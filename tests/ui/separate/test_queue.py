"""The queue of the Separate tab, without a page."""

import errno
import json
import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import numpy as np
import pytest
import soundfile

from separator.api import Separator
from separator.audio.convert import convert
from separator.audio.tags import SongTags, read_tags, write_tags
from separator.shipped import shipped_folder
from separator.studio.stem_mp4 import read_stem_atom
from tests.serving import write_song
from ui.model_registry import ModelRegistry
from ui.separate.queue import Options, SeparationJob, make_rows
from ui.separate.tab import MY_MODELS, SeparateHandlers, draw_command
from ui.separate.view import draw_outcome, render_queue, render_status
from ui.settings import PageSettings

# Gradio leaves its event loops to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

VISITOR = cast(Any, SimpleNamespace(session_hash="a page", headers={"accept-language": "en"}))
"""as much of a request as the tab reads."""
MODELS = [shipped_folder("checkpoints") / "vocals.pth"]


@pytest.fixture(scope="module")
def load(checkpoints: Path) -> Callable[[], Separator]:
    separator = Separator.from_checkpoints([checkpoints / "vocals.pth"], "cpu")
    return lambda: separator


@pytest.fixture
def handle(checkpoints: Path, tmp_path: Path) -> SeparateHandlers:
    settings = PageSettings(checkpoints=checkpoints, work=tmp_path / "work", on_space=False)
    return SeparateHandlers(settings, ModelRegistry(checkpoints))


def finished(songs: list[Path], load: Callable[[], Separator], folder: Path, **options: object) -> SeparationJob:
    job = SeparationJob(make_rows(songs), MODELS, load, Options(**options), folder)  # type: ignore[arg-type]
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
    assert names[0] == "01 a/a - vocals.wav" and len(names) == 6
    assert names[2] == "01 a/job.json"


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


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".flac", ".mp3", ".ogg"])
def test_downloads_carry_the_tags_of_their_song(load: Callable[[], Separator], tmp_path: Path, suffix: str) -> None:
    song = convert(write_song(tmp_path / "song.wav"), tmp_path / "song.flac")
    tags = SongTags(("Title",), ("Artist",), ("Album",))
    write_tags(song, tags, ".flac")
    (tmp_path / "job").mkdir()
    (row,) = finished([song], load, tmp_path / "job", suffix=suffix).songs
    assert [read_tags(path) for path in row.downloads.values()] == [tags] * len(row.stems)


def test_a_song_that_browsers_cannot_decode_exactly_is_unpacked(load: Callable[[], Separator], tmp_path: Path) -> None:
    waveform, rate = soundfile.read(write_song(tmp_path / "song.wav"))
    soundfile.write(tmp_path / "song.ogg", waveform, rate)
    (tmp_path / "job").mkdir()
    (row,) = finished([tmp_path / "song.ogg"], load, tmp_path / "job").songs
    assert row.mixture is not None and row.mixture.suffix == ".flac"
    assert len(soundfile.read(row.mixture)[0]) == len(waveform)


@pytest.mark.slow
def test_cancel_marks_every_row_at_once_and_leaves_no_stem(load: Callable[[], Separator], tmp_path: Path) -> None:
    songs = [write_song(tmp_path / "long.wav", seconds=300), write_song(tmp_path / "next.wav")]
    (tmp_path / "job").mkdir()
    job = SeparationJob(make_rows(songs), MODELS, load, Options(), tmp_path / "job")
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
    (song,) = make_rows([write_song(tmp_path / "song.wav", seconds=3)], max_minutes=0.04)
    assert song.state == "failed"
    assert "public page" in song.message
    korean = cast(Any, SimpleNamespace(headers={"accept-language": "ko-KR,ko;q=0.9"}))
    (song,) = make_rows([song.path], 0.04, korean)
    assert "공개 페이지" in song.message, "in the language of the visitor"


def test_nothing_is_packed_unless_asked(load: Callable[[], Separator], tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    job = finished([write_song(tmp_path / "a.wav")], load, tmp_path / "job", archive=False)
    assert job.songs[0].state == "done" and job.archive is None
    assert not list((tmp_path / "job").rglob("*.zip"))


def test_a_full_disk_costs_the_archive_and_no_stem(
    load: Callable[[], Separator], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "write", full)
    (tmp_path / "job").mkdir()
    job = finished([write_song(tmp_path / "a.wav")], load, tmp_path / "job")
    assert job.songs[0].state == "done" and job.archive is None
    assert "No space left on device" in render_status(job, VISITOR)
    assert not list((tmp_path / "job").rglob("*.zip")), "half an archive is of no use"
    *_, files, archive = draw_outcome(job)
    assert len(files) == 2 and archive.value is None and not archive.visible


@pytest.mark.slow
def test_cancel_hands_over_the_songs_that_are_done(handle: SeparateHandlers, tmp_path: Path) -> None:
    songs = [write_song(tmp_path / "a.wav"), write_song(tmp_path / "long.wav", seconds=600)]
    run = handle.run_queue([str(song) for song in songs], MY_MODELS, ["vocals.pth"], ".wav", 0, False, False, VISITOR)
    job = next(job for _ in run if (job := handle.jobs.get(VISITOR)) and job.songs[0].state == "done")
    handle.cancel(VISITOR)
    *_, (_, _, results, _, mixer, column, files, archive) = run
    assert handle.jobs.get(VISITOR) is None
    assert [song.state for song in job.songs] == ["done", "cancelled"]
    assert [song.title for song in results] == ["a"]
    assert mixer is not None and column.visible
    assert [Path(file).name for file in files] == ["a - vocals.wav", "a - accompaniment.wav"]
    assert archive.value is None and not archive.visible
    assert job.finished.wait(30)


@pytest.mark.slow
def test_cancel_of_what_had_not_begun_leaves_the_results_alone(handle: SeparateHandlers, tmp_path: Path) -> None:
    handle.cancel(VISITOR)  # nothing runs
    song = str(write_song(tmp_path / "a.wav", seconds=600))
    run = handle.run_queue([song], MY_MODELS, ["vocals.pth"], ".wav", 0, False, False, VISITOR)
    next(run)
    handle.cancel(VISITOR)
    *_, (status, queue, *outcome) = run
    assert "Cancelled" in status and "cancelled" in queue
    assert outcome == [gr.skip()] * 6


def test_nothing_waits_without_a_song_or_a_model(handle: SeparateHandlers, song: Path) -> None:
    assert "Waiting" in handle.validate_form([str(song)], MY_MODELS, ["vocals.pth"], ".wav", 32, VISITOR)
    for songs, models, reason in (([], ["vocals.pth"], "no song"), ([str(song)], [], "none was chosen")):
        with pytest.raises(gr.Error, match=reason):
            handle.validate_form(songs, MY_MODELS, models, ".wav", 0, VISITOR)


@pytest.mark.slow
def test_a_preset_needs_no_model(handle: SeparateHandlers, song: Path) -> None:
    assert "Waiting" in handle.validate_form([str(song)], "4stems", [], ".wav", 0, VISITOR)
    *_, (_, _, results, *_) = handle.run_queue([str(song)], "4stems", [], ".wav", 0, False, False, VISITOR)
    assert list(results[0].stems) == ["vocals", "drums", "bass", "other"]
    assert draw_command(["a/song.mp3"], "4stems", ["vocals.pth"]).endswith("--input_path song.mp3 --preset 4stems")
    assert draw_command([], MY_MODELS, ["vocals.pth"]).endswith("--model_path checkpoints/vocals.pth")


def test_a_depth_that_the_format_lacks_is_refused_first(handle: SeparateHandlers, song: Path) -> None:
    with pytest.raises(gr.Error, match="FLAC is written with 16, 24 bits, not 32"):
        handle.validate_form([str(song)], MY_MODELS, ["vocals.pth"], ".flac", 32, VISITOR)
    assert "Waiting" in handle.validate_form(
        [str(song)], MY_MODELS, ["vocals.pth"], ".mp3", 32, VISITOR
    )  # depth is for lossless ones


@pytest.mark.parametrize(
    ("host", "is_here"),
    [("127.0.0.1:7860", True), ("localhost", True), ("[::1]:7860", True), ("192.168.0.7:7860", False), ("", False)],
)
def test_privacy_is_promised_only_at_the_serving_computer(handle: SeparateHandlers, host: str, is_here: bool) -> None:
    visitor = cast(Any, SimpleNamespace(session_hash="a page", headers={"accept-language": "en", "host": host}))
    assert ("stays on this computer" in handle.show_hint(visitor)) == is_here


@pytest.mark.filterwarnings("ignore:.*are missing:UserWarning")  # for the terminal
def test_a_cut_off_song_is_separated_and_its_loss_shown(load: Callable[[], Separator], tmp_path: Path) -> None:
    song = write_song(tmp_path / "song.wav")
    song.write_bytes(song.read_bytes()[: song.stat().st_size // 2])
    (tmp_path / "job").mkdir()
    job = finished([song], load, tmp_path / "job")
    assert job.songs[0].state == "done"
    assert "s of this file are damaged or cut off" in render_queue(job.songs, VISITOR)


def test_a_format_that_cannot_hold_a_song_is_refused_first(load: Callable[[], Separator], tmp_path: Path) -> None:
    soundfile.write(tmp_path / "surround.wav", np.zeros((4000, 6)), 44100)
    (tmp_path / "job").mkdir()
    job = finished([tmp_path / "surround.wav"], load, tmp_path / "job", suffix=".mp3")
    assert "cannot write 6 channels at 44100 Hz as MP3" in job.songs[0].message
    assert not job.songs[0].stems


@pytest.mark.filterwarnings("ignore:.*above full scale:UserWarning")  # for the terminal
def test_clipped_stems_are_reported(load: Callable[[], Separator], tmp_path: Path) -> None:
    rate = 44100
    square = np.sign(np.sin(2 * np.pi * 220 * np.arange(2 * rate) / rate))
    soundfile.write(tmp_path / "loud.wav", 1.9 * square, rate, subtype="FLOAT")
    (tmp_path / "job").mkdir()
    job = finished([tmp_path / "loud.wav"], load, tmp_path / "job", suffix=".flac")
    assert job.songs[0].loudest
    assert "dB above full scale" in render_queue(job.songs, VISITOR)
    (tmp_path / "again").mkdir()
    job = finished([tmp_path / "loud.wav"], load, tmp_path / "again", suffix=".wav")
    assert "above full scale" not in render_queue(job.songs, VISITOR)


@pytest.mark.slow
def test_a_preview_that_comes_late_leaves_a_running_job_alone(handle: SeparateHandlers, song: Path) -> None:
    run = handle.run_queue([str(song)], MY_MODELS, ["vocals.pth"], ".wav", 0, False, False, VISITOR)
    next(run)
    status, queue, picture = handle.draw_preview([str(song)], VISITOR)
    assert (status, queue) == (gr.skip(), gr.skip())
    assert picture is not None
    run.close()


@pytest.mark.slow
def test_a_damaged_song_does_not_hide_the_next_ones_picture(handle: SeparateHandlers, tmp_path: Path) -> None:
    whole = write_song(tmp_path / "a.flac", seconds=3)
    (tmp_path / "cut.flac").write_bytes(whole.read_bytes()[:4000])
    _, queue, picture = handle.draw_preview([str(tmp_path / "cut.flac"), str(whole)], VISITOR)
    assert "could not decode" in queue
    assert picture is not None


@pytest.mark.slow
def test_files_for_other_programs_hold_what_the_mixer_plays(
    checkpoints: Path, tmp_path: Path, ffmpeg: Callable[..., None]
) -> None:
    song = write_song(tmp_path / "song.wav", seconds=5)
    models = [checkpoints / "vocals.pth", checkpoints / "rhythm.pth"]
    separator = Separator.from_checkpoints(models, "cpu")
    (tmp_path / "job").mkdir()
    for suffix in (".stem.m4a", ".rpp"):
        job = SeparationJob(make_rows([song]), models, lambda: separator, Options(suffix), tmp_path / "job")
        job.run()
        (row,) = job.songs
        assert row.state == "done", row.message
        assert {path.suffix for path in row.stems.values()} == {".wav"}
        assert job.archive is not None
        with zipfile.ZipFile(job.archive) as bundle:
            record = json.loads(bundle.read("01 song/job.json"))
        assert record["files"] == [path.name for path in row.files]
        assert [model["targets"] for model in record["models"]] == [["vocals"], ["drums", "bass"]]
        assert record["settings"]["format"] == suffix[1:]
        if suffix == ".rpp":
            project = row.files[-1].read_text()
            assert all(path.name in project for path in row.stems.values()) and len(row.files) == 5
        else:
            stems = [entry["name"] for entry in (read_stem_atom(row.files[0]) or {})["stems"]]
            assert stems == ["Drums", "Bass", "Other", "Vocals"] and len(row.files) == 1
        shutil.rmtree(tmp_path / "job" / "01")


def test_a_format_of_four_stems_refuses_two_before_work(load: Callable[[], Separator], tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    (row,) = finished([write_song(tmp_path / "a.wav")], load, tmp_path / "job", suffix=".stem.m4a").songs
    assert row.state == "failed" and "choose the preset 4stems" in row.message
