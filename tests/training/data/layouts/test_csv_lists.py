from collections.abc import Callable
from pathlib import Path

import pytest

from separator.errors import DatasetError
from training.data.cache import Cache
from training.data.layouts import find_songs, find_weighted
from training.data_checks.doctor import examine
from training.evaluation.song_audio import find_scored_songs

WriteSound = Callable[..., Path]


@pytest.fixture
def sounds(tmp_path: Path, write_sound: WriteSound) -> Path:
    for song in "abc":
        for stem in ("vocals", "other"):
            write_sound(tmp_path / "audio" / f"{song}_{stem}.wav", 4.0)
    return tmp_path / "audio"


def write_list(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "pattern", ["{song}_{stem}.wav", "{song}/{stem}.wav", "{stem}/{song}.wav", "{stem}-{song}.wav"]
)
def test_a_row_per_file_is_grouped_by_what_songs_share(tmp_path: Path, write_sound: WriteSound, pattern: str) -> None:
    rows = ["instrum,path"]
    for song in ("one", "two"):
        for stem in ("vocals", "other"):
            path = write_sound(tmp_path / "audio" / pattern.format(song=song, stem=stem))
            rows.append(f"{stem},{path}")
    found = find_songs(write_list(tmp_path / "stems.csv", *rows))
    assert (found.layout, [song.name for song in found.songs]) == ("CSV list", ["one", "two"])
    assert found.songs[0].stems["vocals"] == (tmp_path / "audio" / pattern.format(song="one", stem="vocals"),)


def test_a_column_tells_the_song_and_several_files_are_summed(sounds: Path) -> None:
    rows = ("Instrum;Path;Song", "vocals;a_vocals.wav;duet", "vocals;b_vocals.wav;duet", "other;c_other.wav;duet")
    (song,) = find_songs(write_list(sounds / "stems.csv", *rows)).songs
    assert (song.name, len(song.stems["vocals"]), len(song.stems["other"])) == ("duet", 2, 1)


def test_a_row_per_song_has_a_column_per_stem(sounds: Path, write_sound: WriteSound) -> None:
    write_sound(sounds / "a_mixture.wav")
    rows = (
        "song,artist,split,mixture,vocals,other",
        "One,Ann,valid,a_mixture.wav,a_vocals.wav,",
        "Two,,,,b_vocals.wav,b_other.wav",
    )
    one, two = find_songs(write_list(sounds / "songs.csv", *rows)).songs
    assert (one.artist, one.split, one.mixture, set(one.stems)) == (
        "Ann",
        "valid",
        sounds / "a_mixture.wav",
        {"vocals"},
    )
    assert (two.artist, two.split, two.mixture, set(two.stems)) == (None, None, None, {"vocals", "other"})


def test_a_folder_of_lists_named_after_splits_is_split(sounds: Path) -> None:
    for split, songs in {"train": "ab", "valid": "c"}.items():
        rows = (f"{stem},{song}_{stem}.wav" for song in songs for stem in ("vocals", "other"))
        write_list(sounds / f"{split}.csv", "instrum,path", *rows)
    assert [(song.name, song.split) for song in find_songs(sounds).songs] == [
        ("a", "train"),
        ("b", "train"),
        ("c", "valid"),
    ]


def test_a_list_may_have_a_weight(sounds: Path) -> None:
    path = write_list(sounds / "a=1.csv", "vocals,other", "a_vocals.wav,a_other.wav")
    assert find_weighted(f"{path}=0.5").weight == 0.5
    assert find_weighted(str(path)).folder.songs[0].name == "a"


def test_files_that_are_missing_or_alone_are_named(sounds: Path) -> None:
    rows = ("instrum,path", "vocals,a_vocals.wav", "other,a_other.wav", "vocals,b_vocals.wav", "other,b_else_other.wav")
    found = find_songs(write_list(sounds / "stems.csv", *rows))
    assert [song.name for song in found.songs] == ["a"]
    assert "b_else: left out" in found.notes[0]
    assert "1 song(s) with one file only, left out: b;" in found.notes[1]


def test_a_table_of_something_else_is_no_list(sounds: Path, write_sound: WriteSound) -> None:
    path = write_list(sounds / "prices.csv", "name,price", "vocals,3")
    with pytest.raises(DatasetError, match="columns instrum and path"):
        find_songs(path)
    (sounds / "latin.csv").write_bytes(b"\xe9,\xe8\n")
    write_sound(sounds / "song" / "vocals.wav")
    write_sound(sounds / "song" / "mixture.wav")
    assert find_songs(sounds).layout == "plain"


def test_a_list_is_examined_and_scored(sounds: Path, tmp_path: Path) -> None:
    rows = (f"{stem},{song}_{stem}.wav" for song in "abc" for stem in ("vocals", "other"))
    path = write_list(sounds / "stems.csv", "instrum,path", *rows)
    report = examine([path], ("vocals",), Cache(tmp_path / "cache", 22050), workers=1)
    assert (report.findings, report.can_start, report.songs) == ((), True, 3)
    assert len(find_scored_songs(path, "vocals")[0]) == 3
