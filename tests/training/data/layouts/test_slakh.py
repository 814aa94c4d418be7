from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml

from training.data.layouts import find_songs
from training.data.layouts.slakh import read_metadata

WriteSound = Callable[..., Path]

BAND = {
    "S00": ("Guitar", False, True),
    "S01": ("Bass", False, True),
    "S02": ("Drums", True, True),
    "S03": ("Strings (continued)", False, True),
    "S04": ("Synth Lead", False, False),
}


def metadata(band: Mapping[str, tuple[str, bool, bool]], uuid: str) -> str:
    """In the shape of the real files: the fields of slakh-utils' annotated example."""
    stems = {
        name: {
            "audio_rendered": rendered,
            "inst_class": kind,
            "integrated_loudness": -12.82,
            "is_drum": is_drum,
            "midi_program_name": f"{kind} 1",
            "midi_saved": True,
            "plugin_name": "elektrik_guitar.nkm",
            "program_num": 30,
        }
        for name, (kind, is_drum, rendered) in band.items()
    }
    fields = {
        "UUID": uuid,
        "audio_dir": "stems",
        "lmd_midi_dir": f"lmd_matched/O/O/H/{uuid}.mid",
        "midi_dir": "MIDI",
        "normalization_factor": -13.0,
        "normalized": True,
        "overall_gain": 0.18,
        "stems": stems,
        "target_peak": -1.0,
    }
    return yaml.safe_dump(fields, default_flow_style=False)


@pytest.fixture
def make_track(tmp_path: Path, write_sound: WriteSound) -> Callable[..., Path]:
    def make(place: str, uuid: str, suffix: str = ".flac", sample_rate: int = 44100) -> Path:
        folder = tmp_path / "slakh" / place
        for name in ("mix", *(f"stems/{stem}" for stem, (_, _, rendered) in BAND.items() if rendered)):
            write_sound(folder / f"{name}{suffix}", 0.1, sample_rate)
        (folder / "metadata.yaml").write_text(metadata(BAND, uuid))
        return folder

    return make


def names(paths: tuple[Path, ...]) -> set[str]:
    return {path.stem for path in paths}


def test_instrument_classes_are_stems(tmp_path: Path, make_track: Callable[..., Path]) -> None:
    make_track("train/Track00001", "aa")
    found = find_songs(tmp_path / "slakh")
    (song,) = found.songs
    assert (found.layout, found.licence) == ("slakh2100", "CC BY 4.0")
    assert (song.name, song.split, song.artist, song.mixture) == ("Track00001", "train", None, None)
    assert {stem: names(paths) for stem, paths in song.stems.items()} == {
        "guitar": {"S00"},
        "bass": {"S01"},
        "drums": {"S02"},
        "strings": {"S03"},
        "other": {"S00", "S03"},
    }
    assert names(song.rest("bass")) == {"S00", "S02", "S03"}
    assert not song.has("vocals")


def test_redux_folders_are_its_split_without_omitted_songs(tmp_path: Path, make_track: Callable[..., Path]) -> None:
    for place, uuid in (("train/Track00001", "a"), ("validation/Track01501", "b"), ("test/Track01876", "c")):
        make_track(place, uuid)
    make_track("omitted/Track00017", "a")
    found = {song.name: song.split for song in find_songs(tmp_path / "slakh").songs}
    assert found == {"Track00001": "train", "Track01501": "valid", "Track01876": "test"}


def test_repeated_songs_of_the_original_release_are_left_out(tmp_path: Path, make_track: Callable[..., Path]) -> None:
    for place, uuid in (("train/Track00001", "a"), ("train/Track00002", "b"), ("validation/Track01501", "b")):
        make_track(place, uuid)
    found = find_songs(tmp_path / "slakh")
    assert [song.name for song in found.songs] == ["Track00001", "Track01501"]
    assert any("Track00002" in note and "same pieces" in note for note in found.notes)


def test_without_folders_the_track_number_tells_the_split(tmp_path: Path, make_track: Callable[..., Path]) -> None:
    for number in (1500, 1501, 1875, 1876):
        make_track(f"Track{number:05}", str(number))
    assert [song.split for song in find_songs(tmp_path / "slakh").songs] == ["train", "valid", "valid", "test"]


def test_the_16_khz_sample_set_has_no_split_of_its_own(tmp_path: Path, make_track: Callable[..., Path]) -> None:
    for number in (1, 2, 20):
        make_track(f"Track{number:05}", str(number), suffix=".wav", sample_rate=16000)
    assert {song.split for song in find_songs(tmp_path / "slakh").songs} == {None}


def test_missing_audio_and_broken_metadata_are_named(tmp_path: Path, make_track: Callable[..., Path]) -> None:
    (make_track("train/Track00001", "a") / "stems" / "S01.flac").unlink()
    (make_track("train/Track00002", "b") / "metadata.yaml").write_bytes(b"\xff\xfe broken")
    found = find_songs(tmp_path / "slakh")
    assert [song.name for song in found.songs] == ["Track00001"]
    assert any("Track00001: stems/S01 is missing" in note for note in found.notes)
    assert any("Track00002: left out" in note for note in found.notes)


def test_metadata_may_be_any_yaml(tmp_path: Path, make_track: Callable[..., Path]) -> None:
    folder = make_track("train/Track00001", "a")
    (folder / "metadata.yaml").write_text(
        "\"UUID\": 'a: b' # the MIDI file\n"
        "stems: {S00: {inst_class: Guitar, is_drum: false}, 'S01': {inst_class: \"Bass\"}, S02: {is_drum: 'true'}}\n"
    )
    (song,) = find_songs(tmp_path / "slakh").songs
    assert {stem: [path.stem for path in files] for stem, files in song.stems.items()} == {
        "guitar": ["S00"],
        "other": ["S00"],
        "bass": ["S01"],
        "drums": ["S02"],
    }
    assert read_metadata((folder / "metadata.yaml").read_bytes())[0] == "a: b"


@pytest.mark.parametrize("text", ["", "UUID: [", "stems: 3", "stems: {S00: loud}", "!!python/object/apply:os.abort []"])
def test_metadata_that_names_no_stems_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_metadata(text)
