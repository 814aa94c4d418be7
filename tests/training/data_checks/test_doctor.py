import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from separator.errors import AudioError, SeparatorError
from training.data import cache
from training.data.cache import MOST_UNREADABLE, Cache
from training.data_checks import doctor
from training.data_checks.doctor import examine
from training.data_checks.report import Finding, Report, Severity

WriteSound = Callable[..., Path]
Melody = Callable[..., np.ndarray]


@pytest.fixture
def data(tmp_path: Path, write_sound: WriteSound) -> Path:
    """Six healthy songs of four seconds, by six artists."""
    for index in range(6):
        for stem in ("vocals", "accompaniment"):
            write_sound(tmp_path / "data" / f"Artist {index} - Song" / f"{stem}.wav", 4.0)
    return tmp_path / "data"


@pytest.fixture
def check(data: Path, tmp_path: Path) -> Callable[..., Report]:
    def run(**settings: object) -> Report:
        return examine([data], ("vocals",), Cache(tmp_path / "cache", 22050), workers=1, **settings)  # type: ignore[arg-type]

    return run


def findings(report: Report, severity: Severity) -> list[Finding]:
    return [finding for finding in report.findings if finding.severity == severity]


def only_warning(report: Report) -> Finding:
    (warning,) = findings(report, "warning")
    assert report.can_start
    assert warning.what_to_do
    return warning


def test_healthy_songs_need_no_doctor(check: Callable[..., Report]) -> None:
    report = check()
    assert report.findings == ()
    assert report.can_start
    assert (report.splits["train"].songs, report.splits["valid"].songs) == (5, 1)
    assert report.songs == 6
    assert report.hours == pytest.approx(6 * 4 / 3600)
    assert report.splits["train"].stem_hours["vocals"] == pytest.approx(5 * 4 / 3600)
    assert report.splits["train"].silent_share == 0
    assert report.lines()[-1] == "training can start"
    assert json.loads(json.dumps(report.to_dict()))["can_start"] is True


def test_the_caches_size_is_told_before_and_nothing_after(check: Callable[..., Report]) -> None:
    assert check().cache_bytes_needed == 12 * 4 * 22050 * 2
    assert check().cache_bytes_needed == 0


def test_damaged_files_are_named_and_their_songs_left_out(data: Path, check: Callable[..., Report]) -> None:
    (data / "Artist 1 - Song" / "vocals.wav").write_text("lyrics")
    report = check()
    file_finding, song_finding = findings(report, "warning")
    assert "vocals.wav" in file_finding.what
    assert song_finding.what == "1 song(s) with damaged files, left out: Artist 1 - Song"
    assert report.can_start
    assert report.songs == 5


def test_a_truncated_file_is_named(data: Path, check: Callable[..., Report]) -> None:
    path = data / "Artist 1 - Song" / "vocals.wav"
    path.write_bytes(path.read_bytes()[:-20000])
    warnings = [finding.what for finding in findings(check(), "warning")]
    assert warnings[0] == f"{path} lacks 0.5 s of what its header states: damaged or cut off"
    assert "differ in length" in warnings[1]


def test_a_silent_target_is_named(data: Path, check: Callable[..., Report]) -> None:
    soundfile.write(data / "Artist 2 - Song" / "vocals.wav", np.zeros(4 * 22050), 22050)
    report = check()
    assert "whose vocals is silent throughout: Artist 2 - Song" in only_warning(report).what
    assert max(split.silent_share for split in report.splits.values()) > 0.19


def test_a_quiet_song_is_not_taken_for_a_silent_one(data: Path, check: Callable[..., Report]) -> None:
    for path in data.rglob("*.wav"):
        soundfile.write(path, 1e-3 * soundfile.read(path)[0], 22050, subtype="FLOAT")
    report = check()
    assert report.findings == ()
    assert report.splits["train"].silent_share == 0


def test_clipping_is_named(data: Path, check: Callable[..., Report], melody: Melody) -> None:
    soundfile.write(data / "Artist 2 - Song" / "vocals.wav", 20 * melody(4.0), 22050)
    assert "clipped in more than 0.1%" in only_warning(check()).what


def test_a_stem_of_another_rate_is_fine_and_noted(
    data: Path, check: Callable[..., Report], write_sound: WriteSound
) -> None:
    write_sound(data / "Artist 2 - Song" / "vocals.wav", 4.0, 48000)
    report = check()
    assert findings(report, "warning") == []
    assert any("different sample rates" in finding.what for finding in findings(report, "note"))


def test_recordings_without_a_top_are_noted(data: Path, check: Callable[..., Report], write_sound: WriteSound) -> None:
    for stem in ("vocals", "accompaniment"):
        write_sound(data / "Artist 2 - Song" / f"{stem}.wav", 4.0, 16000)
    (note,) = findings(check(), "note")
    assert "practically nothing above 8.8 kHz: Artist 2 - Song" in note.what


def test_a_mixture_of_other_music_is_named(data: Path, check: Callable[..., Report], melody: Melody) -> None:
    folder = data / "Artist 2 - Song"
    total = sum(soundfile.read(folder / f"{stem}.wav")[0] for stem in ("vocals", "accompaniment"))
    soundfile.write(folder / "mixture.wav", total, 22050)
    assert check().findings == ()
    soundfile.write(folder / "mixture.wav", np.roll(total, 2000), 22050)
    assert "mixture is not the sum" in only_warning(check()).what


def test_very_short_songs_are_named(data: Path, check: Callable[..., Report], write_sound: WriteSound) -> None:
    for stem in ("vocals", "accompaniment"):
        write_sound(data / "Artist 2 - Song" / f"{stem}.wav", 1.0)
    assert "shorter than 3 s" in only_warning(check()).what


def test_songs_without_the_target_are_left_out(data: Path, check: Callable[..., Report]) -> None:
    (data / "Artist 2 - Song" / "vocals.wav").rename(data / "Artist 2 - Song" / "drums.wav")
    report = check()
    assert only_warning(report).what == "1 song(s) without vocals, left out: Artist 2 - Song"
    assert report.songs == 5


def test_a_target_without_songs_is_an_error_listing_the_stems(data: Path, tmp_path: Path) -> None:
    report = examine([data], ("tuba",), Cache(tmp_path / "cache", 22050))
    (error,) = findings(report, "error")
    assert error.what == "no song has tuba; the stems found are: vocals"
    assert not report.can_start
    assert not (tmp_path / "cache").exists()  # nothing was decoded in vain


def test_an_unknown_folder_is_an_error_and_one_song_too(tmp_path: Path, data: Path, write_sound: WriteSound) -> None:
    report = examine([tmp_path / "nowhere"], ("vocals",), Cache(tmp_path / "cache", 22050))
    assert "no data folder" in findings(report, "error")[0].what
    assert report.lines()[-1] == "training cannot start"
    for folder in sorted(data.iterdir())[1:]:
        shutil.rmtree(folder)
    report = examine([data], ("vocals",), Cache(tmp_path / "cache", 22050))
    assert "cannot be split" in findings(report, "error")[0].what


def test_a_validation_song_that_is_also_trained_on_is_named(data: Path, check: Callable[..., Report]) -> None:
    valid = data.parent / "valid"
    shutil.copytree(data / "Artist 3 - Song", valid / "Another name")
    report = check(valid_dir=valid)
    what = only_warning(report).what
    assert "the validation song Another name shares" in what
    assert "the training song Artist 3 - Song" in what
    assert report.splits["train"].songs == 6


def test_too_small_a_disk_is_an_error_before_anything_is_decoded(
    check: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    (error,) = findings(check(), "error")
    assert "0.00 GB are free" in error.what
    assert "--cache_dir" in error.what_to_do


def test_little_memory_is_a_warning(check: Callable[..., Report], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "memory_bytes", lambda: 1_000_000_000)
    assert "1.00 GB of memory" in only_warning(check()).what


def test_loose_audio_is_decoded_too(check: Callable[..., Report], tmp_path: Path) -> None:
    (tmp_path / "loose").mkdir()
    (tmp_path / "loose" / "a.mp3").write_text("no music")
    assert "a.mp3" in only_warning(check(loose_dirs=[tmp_path / "loose"])).what


def test_songs_of_estimates_are_decoded_too(
    check: Callable[..., Report], tmp_path: Path, write_sound: WriteSound
) -> None:
    write_sound(tmp_path / "soft" / "song" / "vocals.wav", 4.0)
    (tmp_path / "soft" / "song" / "accompaniment.mp3").write_text("no music")
    assert "accompaniment.mp3" in only_warning(check(soft_dirs=[tmp_path / "soft"])).what


@pytest.mark.parametrize("setting", ["loose_dirs", "soft_dirs"])
def test_a_missing_further_folder_is_an_error_of_the_report(
    check: Callable[..., Report], tmp_path: Path, setting: str
) -> None:
    (error,) = findings(check(**{setting: [tmp_path / "gone"]}), "error")
    assert "gone" in error.what


def test_songs_for_testing_are_not_decoded(tmp_path: Path, write_sound: WriteSound) -> None:
    for split, name in (("train", "A - One"), ("train", "B - Two"), ("test", "C - Three")):
        for stem in ("mixture", "vocals", "drums", "bass", "other"):
            write_sound(tmp_path / "musdb" / split / name / f"{stem}.wav", 4.0)
    cache = Cache(tmp_path / "cache", 22050)
    assert examine([tmp_path / "musdb"], ("vocals",), cache).can_start
    missing = cache.missing(sorted((tmp_path / "musdb").rglob("*.wav")))
    assert {path.parent.name for path in missing} == {"C - Three"}


def test_a_probe_that_fails_is_told_with_the_rest(data: Path, tmp_path: Path) -> None:
    def probe() -> float:
        raise SeparatorError("the GPU has too little memory")

    report = examine([data], ("vocals",), Cache(tmp_path / "cache", 22050), probe_epoch=probe)
    assert not report.can_start
    assert [error.what for error in findings(report, "error")] == [
        "a few steps of training were tried, and failed: the GPU has too little memory"
    ]
    assert report.songs == 6


def test_an_epochs_time_is_probed_only_where_training_can_start(data: Path, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 22050)
    assert "about 12 s an epoch" in "\n".join(examine([data], ("vocals",), cache, probe_epoch=lambda: 12.0).lines())
    assert examine([data], ("tuba",), cache, probe_epoch=lambda: 12.0).epoch_seconds is None


def test_licence_citation_weight_and_notes_are_shown(tmp_path: Path, data: Path, write_sound: WriteSound) -> None:
    write_sound(data / "no song" / "vocals.wav")
    for name in ("ANiMAL - Rockshow", "Young Griffo - Pennies", "Music Delta - Rock"):
        for stem in ("mixture", "vocals", "drums", "bass", "other"):
            write_sound(tmp_path / "musdb" / "train" / name / f"{stem}.wav", 0.1)
    text = "\n".join(
        examine([data, f"{tmp_path / 'musdb'}=0.5"], ("vocals",), Cache(tmp_path / "cache", 22050)).lines()
    )
    assert "musdb18hq, 3 songs, weight 0.5" in text
    assert "licence: for academic, non-commercial use" in text
    assert "cite: Rafii" in text
    assert "left out: no song" in text


def test_a_folder_of_broken_files_is_told_by_its_first_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def refuse(path: Path, *_: object) -> None:
        tried.append(path)
        raise AudioError(f"{path.name} is not audio")

    monkeypatch.setattr(doctor, "probe", refuse)
    monkeypatch.setattr(cache, "decode", refuse)
    for number in range(2 * MOST_UNREADABLE):
        (tmp_path / "data" / f"{number}").mkdir(parents=True)
        (tmp_path / "data" / f"{number}" / "vocals.wav").write_text("no music")
        (tmp_path / "data" / f"{number}" / "mixture.wav").write_text("no music")
    report = examine([tmp_path / "data"], ("vocals",), Cache(tmp_path / "cache", 22050), workers=1)
    (error,) = findings(report, "error")
    assert f"none of the first {MOST_UNREADABLE} files" in error.what and "is not audio" in error.what
    # For the disk, the first ones of 200 files; for the cache, of which threads run ahead, none twice.
    assert len(tried) <= MOST_UNREADABLE + 4 * MOST_UNREADABLE
