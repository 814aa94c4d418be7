import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from training.data.layouts import find_songs, split_songs

WriteSound = Callable[..., Path]

STEMS: dict[str, list[tuple[str, str, bool]]] = {
    "vocals": [("v1", "lead male singer", False), ("v2", "background vocals", True)],
    "drums": [("d1", "full acoustic drumkit", False)],
    "bass": [("b1", "bass guitar", False)],
    "guitar": [("g1", "acoustic guitar", False)],
    "piano": [("p1", "grand piano", False)],
    "other": [("o1", "fx/processed sound, scratches, gun shots, explosions etc", False)],
}


@pytest.fixture
def make_track(tmp_path: Path, write_sound: WriteSound) -> Callable[..., Path]:
    def make(track_id: str, artist: str, stems: Mapping[str, list[tuple[str, str, bool]]] = STEMS) -> Path:
        folder = tmp_path / "moisesdb" / "moisesdb_v0.1" / track_id
        index: dict[str, Any] = {"song": f"Song {track_id}", "artist": artist, "genre": "rock", "stems": []}
        for stem, tracks in stems.items():
            fields = [
                {"id": name, "trackType": kind, "has_bleed": bleed, "extension": "wav"} for name, kind, bleed in tracks
            ]
            index["stems"].append({"id": f"s-{stem}", "stemName": stem, "tracks": fields})
            for name, _, _ in tracks:
                write_sound(folder / stem / f"{name}.wav", 0.1, 44100, channels=2)
        (folder / "data.json").write_text(json.dumps(index), encoding="utf-8")
        return folder

    return make


def names(paths: tuple[Path, ...]) -> set[str]:
    return {path.stem for path in paths}


def test_stems_are_sums_of_tracks_and_four_of_them_make_the_song(
    tmp_path: Path, make_track: Callable[..., Path]
) -> None:
    make_track("b3a6", "Somebody")
    found = find_songs(tmp_path / "moisesdb")
    (song,) = found.songs
    assert found.layout == "moisesdb"
    assert "BY-NC-SA" in (found.licence or "")
    assert (song.name, song.artist, song.mixture) == ("Somebody - Song b3a6", "Somebody", None)
    assert names(song.stems["vocals"]) == {"v1", "v2"}
    assert names(song.stems["other"]) == {"g1", "p1", "o1"}
    assert names(song.rest("vocals")) == {"d1", "b1", "g1", "p1", "o1"}
    assert names(song.rest("guitar")) == {"v1", "v2", "d1", "b1", "p1", "o1"}
    assert names(song.rest("other")) == {"v1", "v2", "d1", "b1"}


def test_parts_are_as_fine_as_they_come_and_share_no_file(tmp_path: Path, make_track: Callable[..., Path]) -> None:
    make_track("b3a6", "Somebody")
    (song,) = find_songs(tmp_path / "moisesdb").songs
    parts = song.parts("vocals")
    assert {stem: names(paths) for stem, paths in parts.items()} == {
        "drums": {"d1"},
        "bass": {"b1"},
        "guitar": {"g1"},
        "piano": {"p1"},
        "other": {"o1"},
    }


@pytest.mark.parametrize("root", ["moisesdb", "moisesdb/moisesdb_v0.1", "."])
def test_it_is_found_at_every_depth_it_is_unpacked_to(
    tmp_path: Path, make_track: Callable[..., Path], root: str
) -> None:
    make_track("b3a6", "Somebody")
    assert len(find_songs(tmp_path / root).songs) == 1


def test_tracks_with_bleed_are_counted_and_can_be_left_out(tmp_path: Path, make_track: Callable[..., Path]) -> None:
    make_track("b3a6", "Somebody")
    kept = find_songs(tmp_path / "moisesdb")
    assert any("1 tracks with bleed" in note for note in kept.notes)
    (song,) = find_songs(tmp_path / "moisesdb", keep_bleed=False).songs
    assert names(song.stems["vocals"]) == {"v1"}


def test_a_song_without_the_target_is_kept(tmp_path: Path, make_track: Callable[..., Path]) -> None:
    make_track("b3a6", "Somebody", {"drums": STEMS["drums"], "piano": STEMS["piano"]})
    (song,) = find_songs(tmp_path / "moisesdb").songs
    assert not song.has("vocals")
    assert names(song.rest("vocals")) == {"d1", "p1"}


def test_a_broken_index_and_a_missing_track_are_named(tmp_path: Path, make_track: Callable[..., Path]) -> None:
    make_track("good", "Somebody")
    (make_track("broken", "Somebody") / "data.json").write_text('{"song": "half a fi')
    (make_track("holes", "Somebody") / "vocals" / "v1.wav").unlink()
    found = find_songs(tmp_path / "moisesdb")
    assert {song.name for song in found.songs} == {"Somebody - Song good", "Somebody - Song holes"}
    assert any(note.startswith("broken: left out") for note in found.notes)
    assert "holes: vocals/v1.wav is missing" in found.notes


def test_one_artist_is_on_one_side_of_the_split(tmp_path: Path, make_track: Callable[..., Path]) -> None:
    for number in range(12):
        make_track(
            f"t{number:02}", f"Artist {number // 3}", {"vocals": [("v", "x", False)], "bass": [("b", "x", False)]}
        )
    train, valid = split_songs(find_songs(tmp_path / "moisesdb").songs, valid_share=0.25)
    assert len(valid) == 3
    assert {song.artist for song in train}.isdisjoint({song.artist for song in valid})
