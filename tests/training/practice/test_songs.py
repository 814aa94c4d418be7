"""Practice songs: true stems, the same bytes from the same seed, and a folder that survives an interruption."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from separator.errors import DatasetError
from training.practice.songs import RECIPE_FILE, compose, make_practice_songs
from training.practice.synthesis import SAMPLE_RATE
from training.practice.synthesis.mixing import STEMS

SECONDS = 5.0
FILES = [f"{name}.wav" for name in (*STEMS, "mixture")]


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_practice_songs(tmp_path_factory.mktemp("data") / "연습 songs", n_songs=2, seconds=SECONDS, seed=3)


def songs_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir())


def test_each_song_is_complete_stereo_16_bit_44100_hz(practice: Path) -> None:
    assert len(songs_of(practice)) == 2
    for song in songs_of(practice):
        assert sorted(path.name for path in song.iterdir()) == sorted(FILES)
        for name in FILES:
            info = soundfile.info(song / name)
            assert (info.samplerate, info.channels, info.subtype) == (SAMPLE_RATE, 2, "PCM_16")
            assert info.frames == SECONDS * SAMPLE_RATE


def test_stems_add_up_to_the_mixture_to_the_last_bit(practice: Path) -> None:
    for song in songs_of(practice):
        stems = [soundfile.read(song / f"{name}.wav", dtype="int16")[0].astype(int) for name in STEMS]
        mixture = soundfile.read(song / "mixture.wav", dtype="int16")[0].astype(int)
        np.testing.assert_array_equal(sum(stems), mixture)
        assert 0.5 * 32_768 < np.abs(mixture).max() < 0.95 * 32_768
        for stem in stems:
            assert np.sqrt(np.mean((stem / 32_768) ** 2)) > 0.01
            assert abs(np.mean(stem / 32_768)) < 1e-3


@pytest.mark.slow
def test_same_seed_same_bytes_other_seed_other_song(practice: Path) -> None:
    again, other = compose(1, SECONDS, seed=3), compose(1, SECONDS, seed=4)
    for name in (*STEMS, "mixture"):
        stored = soundfile.read(songs_of(practice)[1] / f"{name}.wav", dtype="int16")[0].T
        np.testing.assert_array_equal(again[name], stored)
        assert not np.array_equal(other[name], stored)


def test_songs_of_one_seed_differ_in_every_stem(practice: Path) -> None:
    for name in STEMS:
        first, second = (soundfile.read(song / f"{name}.wav")[0].mean(axis=1) for song in songs_of(practice))
        assert abs(np.corrcoef(first, second)[0, 1]) < 0.2


def test_a_second_call_completes_an_interrupted_one(
    practice: Path, tmp_path: Path, leftover: Callable[[Path], Path]
) -> None:
    folder = Path(shutil.copytree(practice, tmp_path / "copy"))
    first, second = songs_of(folder)
    before = (first / "mixture.wav").stat().st_mtime_ns
    # What a kill leaves behind: the song under its working name, with some of its files.
    (second / "mixture.wav").unlink()
    second.rename(leftover(second))
    reports: list[tuple[float, str]] = []
    make_practice_songs(folder, 2, SECONDS, seed=3, progress=lambda *report: reports.append(report))
    assert reports == [(1.0, second.name)]
    assert (first / "mixture.wav").stat().st_mtime_ns == before
    assert (second / "mixture.wav").read_bytes() == (practice / second.name / "mixture.wav").read_bytes()
    assert not list(folder.glob("*.part")) and not list(folder.glob(".*.part"))


def test_a_folder_of_other_things_is_refused_and_left_alone(practice: Path, tmp_path: Path) -> None:
    (tmp_path / "holiday.txt").write_text("mine")
    with pytest.raises(DatasetError, match="not practice songs"):
        make_practice_songs(tmp_path, 1, 1.0)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.txt"]
    with pytest.raises(DatasetError, match="other practice songs"):
        make_practice_songs(practice, 2, SECONDS, seed=4)
    assert json.loads((practice / RECIPE_FILE).read_text(encoding="utf-8"))["seed"] == 3


@pytest.mark.parametrize("wrong", [{"n_songs": 0}, {"seconds": 0.5}])
def test_impossible_numbers_are_refused_before_work_begins(tmp_path: Path, wrong: dict[str, float]) -> None:
    with pytest.raises(DatasetError, match="ask for 1 or more"):
        make_practice_songs(tmp_path / "songs", **wrong)
    assert not (tmp_path / "songs").exists()
