from collections.abc import Callable
from pathlib import Path

import pytest

from separator.errors import DatasetError
from training.data.cache import Cache
from training.data.layouts import find_songs
from training.data_checks.doctor import examine
from training.evaluation.song_audio import find_mixture_beside, find_scored_songs

WriteSound = Callable[..., Path]


@pytest.fixture
def by_stem(tmp_path: Path, write_sound: WriteSound) -> Path:
    for name in ("Ann - One", "Bob - Two", "Cid - Three"):
        for stem in ("Vocals", "drums", "bass"):
            write_sound(tmp_path / "data" / stem / f"{name}.wav", 4.0)
    return tmp_path / "data"


def test_files_of_one_name_in_stem_folders_are_a_song(by_stem: Path) -> None:
    found = find_songs(by_stem)
    song = found.songs[0]
    assert (found.layout, [s.name for s in found.songs]) == ("stem folders", ["Ann - One", "Bob - Two", "Cid - Three"])
    assert (song.artist, song.mixture, song.split) == ("Ann", None, None)
    assert song.stems["vocals"] == (by_stem / "Vocals" / "Ann - One.wav",)
    assert set(song.rest("vocals")) == {by_stem / "drums" / "Ann - One.wav", by_stem / "bass" / "Ann - One.wav"}
    assert len({s.folder for s in found.songs}) == 3


def test_a_mixture_folder_holds_the_mixtures(by_stem: Path, write_sound: WriteSound) -> None:
    mixture = write_sound(by_stem / "mix" / "Ann - One.flac")
    assert [song.mixture for song in find_songs(by_stem).songs] == [mixture, None, None]


def test_stem_folders_may_lie_below_splits(by_stem: Path) -> None:
    (by_stem / "train").mkdir()
    for stem in ("Vocals", "drums", "bass"):
        (by_stem / stem).rename(by_stem / "train" / stem)
    assert {song.split for song in find_songs(by_stem).songs} == {"train"}
    assert {song.split for song in find_songs(by_stem / "train").songs} == {None}


def test_songs_called_like_stems_are_still_songs(tmp_path: Path, write_sound: WriteSound) -> None:
    for song in ("Other", "Voice"):
        for stem in ("mixture", "vocals", "kick"):
            write_sound(tmp_path / song / f"{stem}.wav")
    assert find_songs(tmp_path).layout == "plain"


def test_a_file_in_one_stem_folder_only_is_named(by_stem: Path, write_sound: WriteSound) -> None:
    write_sound(by_stem / "drums" / "loop.wav")
    found = find_songs(by_stem)
    assert len(found.songs) == 3
    assert "1 file(s) in one stem's folder only, left out: loop" in found.notes[0]


def test_stem_folders_without_a_common_name_tell_what_to_do(tmp_path: Path, write_sound: WriteSound) -> None:
    for name in ("vocals/a", "vocals/b", "other/c", "other/d"):
        write_sound(tmp_path / f"{name}.wav")
    with pytest.raises(DatasetError, match=r"left out: a, b, c, d; .*--target_dir and --rest_dir"):
        find_songs(tmp_path)


def test_the_doctor_examines_stem_folders(by_stem: Path, tmp_path: Path) -> None:
    (by_stem / "Vocals" / "Bob - Two.wav").unlink()
    report = examine([by_stem], ("vocals",), Cache(tmp_path / "cache", 22050), workers=1)
    assert [f.what for f in report.findings] == ["1 song(s) without vocals, left out: Bob - Two"]
    assert "to the folder vocals" in report.findings[0].what_to_do
    assert (report.can_start, report.songs) == (True, 2)


def test_stem_folders_can_be_scored(by_stem: Path) -> None:
    songs, _ = find_scored_songs(by_stem, "vocals")
    assert len(songs) == 3
    assert find_mixture_beside(by_stem / "Vocals" / "Ann - One.wav") is None, "three stems may not be all of them"
    for name in ("Ann - One", "Bob - Two", "Cid - Three"):
        (by_stem / "other").mkdir(exist_ok=True)
        (by_stem / "other" / f"{name}.wav").write_bytes((by_stem / "bass" / f"{name}.wav").read_bytes())
    beside = find_mixture_beside(by_stem / "Vocals" / "Ann - One.wav")
    assert beside is not None and beside[1].count("Ann - One") == 4
