from collections.abc import Callable
from pathlib import Path

import pytest

from separator.errors import DatasetError
from training.data.layouts import find_loose, find_songs, find_weighted

WriteSound = Callable[..., Path]


def test_a_song_is_a_folder_of_files_named_after_stems(tmp_path: Path, write_sound: WriteSound) -> None:
    for name in ("mixture.wav", "Vocals.FLAC", "accompaniment.ogg"):
        write_sound(tmp_path / "04 절대 - ふぉーえばー 🎵" / name)
    (song,) = find_songs(tmp_path).songs
    assert song.name == "04 절대 - ふぉーえばー 🎵"
    assert song.artist == "04 절대"
    assert song.mixture == song.folder / "mixture.wav"
    assert song.stems == {
        "vocals": (song.folder / "Vocals.FLAC",),
        "accompaniment": (song.folder / "accompaniment.ogg",),
    }
    assert song.rest("vocals") == (song.folder / "accompaniment.ogg",)
    assert song.split is None


def test_without_a_mixture_the_rest_sums_the_other_stems(tmp_path: Path, write_sound: WriteSound) -> None:
    for stem in ("vocals", "drums", "bass"):
        write_sound(tmp_path / "song" / f"{stem}.wav")
    (song,) = find_songs(tmp_path).songs
    assert song.mixture is None
    assert {path.stem for path in song.rest("vocals")} == {"drums", "bass"}
    assert {path.stem for path in song.rest("drums")} == {"vocals", "bass"}
    assert not song.has("guitar")


@pytest.mark.parametrize(
    ("stems", "lacking"),
    [
        (("drums", "bass", "other"), {"vocals"}),
        (("drums", "other", "vocals"), set()),  # its bass may be within "other"
        (("vocals", "accompaniment"), set()),
        (("drums", "bass", "other", "mixture"), set()),  # its voices may be in the mixture alone
    ],
)
def test_a_missing_target_rests_only_in_instrumental_songs(
    tmp_path: Path, write_sound: WriteSound, stems: tuple[str, ...], lacking: set[str]
) -> None:
    for stem in stems:
        write_sound(tmp_path / "song" / f"{stem}.wav")
    (song,) = find_songs(tmp_path).songs
    assert {target for target in ("vocals", "drums", "bass") if song.lacks(target)} == lacking


def test_the_rest_of_several_targets_holds_none_of_them(tmp_path: Path, write_sound: WriteSound) -> None:
    for stem in ("vocals", "drums", "bass", "other"):
        write_sound(tmp_path / "whole" / f"{stem}.wav")
    for stem in ("vocals", "accompaniment"):
        write_sound(tmp_path / "karaoke" / f"{stem}.wav")
    karaoke, whole = find_songs(tmp_path).songs
    assert [path.stem for path in whole.rest("drums", "vocals", "bass")] == ["other"]
    assert [path.stem for path in karaoke.rest("drums", "vocals", "bass")] == ["accompaniment"]


def test_with_a_mixture_the_rest_is_not_the_sum_of_stems(tmp_path: Path, write_sound: WriteSound) -> None:
    for name in ("mixture", "vocals", "drums"):
        write_sound(tmp_path / "song" / f"{name}.wav")
    (song,) = find_songs(tmp_path).songs
    assert song.rest("vocals") == ()
    assert list(song.parts("vocals")) == ["drums"]


def test_folders_named_after_splits_are_splits(tmp_path: Path, write_sound: WriteSound) -> None:
    for split in ("train", "validation", "test"):
        for stem in ("vocals", "accompaniment"):
            write_sound(tmp_path / split / f"song of {split}" / f"{stem}.wav")
    found = {song.name: song.split for song in find_songs(tmp_path).songs}
    assert found == {"song of train": "train", "song of validation": "valid", "song of test": "test"}
    assert find_songs(tmp_path / "train").songs[0].split is None  # all there is: validation comes out of it


def test_what_is_no_song_is_left_out_and_named(tmp_path: Path, write_sound: WriteSound) -> None:
    write_sound(tmp_path / "song" / "vocals.wav")
    write_sound(tmp_path / "song" / "accompaniment.wav")
    write_sound(tmp_path / "lonely" / "vocals.wav")
    write_sound(tmp_path / ".hidden" / "vocals.wav")
    found = find_songs(tmp_path)
    assert [song.name for song in found.songs] == ["song"]
    assert len(found.notes) == 1
    assert "lonely" in found.notes[0]


def test_a_missing_folder_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no data folder at .*one folder per song"):
        find_songs(tmp_path / "nowhere")


def test_an_empty_folder_shows_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"an empty folder(.|\n)*expected one folder per song"):
        find_songs(tmp_path)


def test_unknown_files_are_shown_as_a_tree(tmp_path: Path, write_sound: WriteSound) -> None:
    write_sound(tmp_path / "album" / "track 1.wav")
    with pytest.raises(DatasetError, match=r"album/\n    track 1.wav"):
        find_songs(tmp_path)


def test_one_folder_too_high_or_too_deep_is_told(tmp_path: Path, write_sound: WriteSound) -> None:
    for stem in ("vocals", "accompaniment"):
        write_sound(tmp_path / "songs" / "one" / f"{stem}.wav")
    with pytest.raises(DatasetError, match=r"one folder deeper: give .*songs"):
        find_songs(tmp_path)
    with pytest.raises(DatasetError, match=r"is itself a song: give the folder above it, .*songs"):
        find_songs(tmp_path / "songs" / "one")


def test_a_weight_follows_the_folder(tmp_path: Path, write_sound: WriteSound) -> None:
    root = tmp_path / "a=2"
    for stem in ("vocals", "accompaniment"):
        write_sound(root / "song" / f"{stem}.wav")
    assert find_weighted(f"{root}=0.5").weight == 0.5
    assert find_weighted(str(root)).weight == 1  # a folder that is really called so
    for wrong in ("0", "-1", "nan", "inf", "much"):
        with pytest.raises(DatasetError, match="must be a number above 0"):
            find_weighted(f"{root}={wrong}")


def test_loose_audio_is_found_at_any_depth(
    tmp_path: Path, write_sound: WriteSound, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = write_sound(tmp_path / "album" / "cd 1" / "a.flac")
    top = write_sound(tmp_path / "b.wav")
    (tmp_path / "notes.txt").write_text("no audio")
    write_sound(tmp_path / ".trash" / "c.wav")
    assert find_loose(tmp_path) == [deep, top]
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_loose("~/album") == [deep]


def test_a_folder_that_may_not_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", forbidden)
    with pytest.raises(DatasetError, match=r"cannot look into the folder .*: Permission denied"):
        find_songs(tmp_path)
