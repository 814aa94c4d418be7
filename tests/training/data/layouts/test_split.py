from collections.abc import Callable
from pathlib import Path

import pytest

from separator.errors import DatasetError
from training.data.layouts import Song, split_songs
from training.data.layouts.song import SplitName


def song(name: str, artist: str | None = None, split: SplitName | None = None) -> Song:
    return Song(name, Path("/data") / name, {}, None, artist, split, "plain")


def test_the_same_seed_splits_the_same_way_and_another_does_not() -> None:
    songs = [song(f"title {chr(65 + index)}") for index in range(26)]
    first = split_songs(songs, 0.2, seed=1)
    assert split_songs(songs[::-1], 0.2, seed=1)[1] == first[1][::-1]
    assert len(first[1]) == 5
    assert split_songs(songs, 0.2, seed=2) != first
    assert {item.name for part in first for item in part} == {item.name for item in songs}


def test_a_new_song_leaves_the_others_where_they_are() -> None:
    songs = [song(f"title {chr(65 + index)}") for index in range(20)]
    before = {item.name for item in split_songs(songs, 0.2)[1]}
    after = {item.name for item in split_songs([*songs, song("new")], 0.2)[1]}
    assert len(before & after) >= 3


@pytest.mark.parametrize("name", ["{artist} - {number}", "{artist}_{number}", "{artist}_{number}.Title"])
def test_songs_of_one_artist_stay_together(name: str) -> None:
    songs = [song(name.format(artist=f"band{index % 6}", number=index)) for index in range(24)]
    train, valid = split_songs(songs, 0.2)
    assert {item.name[:5] for item in train}.isdisjoint({item.name[:5] for item in valid})
    assert 4 <= len(valid) <= 8


def test_numbered_songs_of_one_series_are_no_artist() -> None:
    train, valid = split_songs([song(f"song_{index}") for index in range(10)], 0.2)
    assert (len(train), len(valid)) == (8, 2)


def test_a_split_that_comes_with_the_data_is_kept() -> None:
    songs = [song("a", split="train"), song("b", split="valid"), song("c", split="test"), song("d", split="train")]
    train, valid = split_songs(songs, 0.5)
    assert [item.name for item in train] == ["a", "d"]
    assert [item.name for item in valid] == ["b"]


def test_where_only_training_songs_are_there_some_validate() -> None:
    songs = [song(name, split="train") for name in "abcdefghij"] + [song("z", split="test")]
    train, valid = split_songs(songs, 0.2)
    assert (len(train), len(valid)) == (8, 2)
    assert "z" not in {item.name for item in [*train, *valid]}


def test_a_folder_to_validate_on_leaves_all_others_for_training(
    tmp_path: Path, write_sound: Callable[..., Path]
) -> None:
    for stem in ("vocals", "accompaniment"):
        write_sound(tmp_path / "theirs" / f"{stem}.wav", 0.1)
    train, valid = split_songs([song("a"), song("b"), song("c", split="test")], valid_dir=tmp_path)
    assert [item.name for item in train] == ["a", "b"]
    assert [item.name for item in valid] == ["theirs"]


def test_an_album_of_one_artist_can_be_trained_on() -> None:
    train, valid = split_songs([song(f"Somebody - Song {index}") for index in range(5)], 0.2)
    assert (len(train), len(valid)) == (4, 1)


def test_two_artists_are_one_on_each_side() -> None:
    train, valid = split_songs([song("A - 1"), song("A - 2"), song("A - 3"), song("B - 1"), song("B - 2")], 0.1)
    assert {item.name[0] for item in train} == {"A"}
    assert {item.name[0] for item in valid} == {"B"}


def test_one_song_alone_cannot_be_split() -> None:
    with pytest.raises(DatasetError, match=r"1 song\(s\) cannot be split.*--val_dir"):
        split_songs([song("only")])
