import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from training.data.cache import Cache
from training.data.layouts import find_songs, split_songs
from training.data.layouts.musdb import STREAMS, VALIDATION_SONGS

WriteSound = Callable[..., Path]

TRAIN = ("A Classic Education - NightOwl", "ANiMAL - Rockshow", "Young Griffo - Pennies", "Music Delta - Rock")
TEST = ("AM Contra - Heart Peripheral",)


@pytest.fixture
def musdb18hq(tmp_path: Path, write_sound: WriteSound) -> Path:
    for split, names in (("train", TRAIN), ("test", TEST)):
        for name in names:
            for stem in STREAMS:
                write_sound(tmp_path / "musdb18hq" / split / name / f"{stem}.wav", 0.1, 44100, channels=2)
    return tmp_path / "musdb18hq"


def test_the_community_validates_on_fourteen_songs() -> None:
    assert len(VALIDATION_SONGS) == 14


def test_the_hq_folder_is_recognised_and_split_as_everyone_does(musdb18hq: Path) -> None:
    found = find_songs(musdb18hq)
    assert found.layout == "musdb18hq"
    assert "non-commercial" in (found.licence or "")
    assert "3338373" in (found.citation or "")
    train, valid = split_songs(found.songs)
    assert {song.name for song in train} == {"A Classic Education - NightOwl", "Music Delta - Rock"}
    assert {song.name for song in valid} == {"ANiMAL - Rockshow", "Young Griffo - Pennies"}
    assert train[0].artist == "A Classic Education"


def test_the_rest_is_the_sum_of_the_other_stems(musdb18hq: Path) -> None:
    song = find_songs(musdb18hq).songs[0]
    assert {path.stem for path in song.rest("vocals")} == {"drums", "bass", "other"}
    assert song.parts("drums").keys() == {"vocals", "bass", "other"}


def test_one_half_of_it_is_recognised_too(musdb18hq: Path) -> None:
    assert find_songs(musdb18hq / "train").layout == "musdb18hq"


def test_own_songs_with_the_same_stems_are_not_taken_for_it(tmp_path: Path, write_sound: WriteSound) -> None:
    for stem in STREAMS:
        write_sound(tmp_path / "my song" / f"{stem}.wav", 0.1)
    found = find_songs(tmp_path)
    assert found.layout == "plain"
    assert found.licence is None


def test_a_song_with_a_missing_stem_is_left_out(musdb18hq: Path) -> None:
    (musdb18hq / "train" / "Music Delta - Rock" / "bass.wav").unlink()
    found = find_songs(musdb18hq)
    assert "Music Delta - Rock" not in {song.name for song in found.songs}
    assert any("Music Delta - Rock" in note and "bass" in note for note in found.notes)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
def test_the_streams_of_a_stem_file_are_decoded_each_by_itself(tmp_path: Path, write_sound: WriteSound) -> None:
    sources = [write_sound(tmp_path / "made" / f"{stem}.wav", 2.0, 44100, channels=2) for stem in STREAMS]
    path = tmp_path / "musdb18" / "train" / "ANiMAL - Rockshow.stem.mp4"
    path.parent.mkdir(parents=True)
    inputs = [argument for source in sources for argument in ("-i", str(source))]
    maps = [argument for index in range(len(STREAMS)) for argument in ("-map", f"{index}:a")]
    subprocess.run(["ffmpeg", "-v", "error", *inputs, *maps, "-c:a", "aac", "-b:a", "256k", str(path)], check=True)

    (song,) = find_songs(tmp_path / "musdb18").songs
    assert (song.name, song.split, song.source) == ("ANiMAL - Rockshow", "valid", "musdb18")
    cache = Cache(tmp_path / "cache", 22050)
    assert cache.prepare([song.files()]) == []
    for stem, source in zip(STREAMS, sources, strict=True):
        paths = song.stems.get(stem) or (song.mixture,)
        true = cache.load([source]).read(0, 44100)
        coded = cache.load([path for path in paths if path]).read(0, 44100)
        assert np.square(coded - true).sum() < 0.01 * np.square(true).sum(), stem
