"""MIDI files become events in time, and each note belongs to one stem."""

from pathlib import Path

import mido
import numpy as np
import pytest

from separator.errors import DatasetError
from tests.soundfont import write_midi
from training.midi.programs import BASSES, VOICES, draw_programs, find_stem
from training.midi.score import cut, read_score, swing, vary, write_stem
from training.midi.variation import draw_variation

DRUMS, BASS, PIANO = (9, 0, 36), (1, 33, 40), (0, 0, 69)


def test_stems_follow_channel_and_programme(tmp_path: Path) -> None:
    assert read_score(write_midi(tmp_path / "a.mid", DRUMS, BASS, PIANO)).stems() == {"drums", "bass", "other"}
    assert read_score(write_midi(tmp_path / "b.mid", DRUMS)).stems() == {"drums"}
    assert {find_stem(0, program) for program in BASSES} == {"bass"}
    assert find_stem(0, 116) == "drums"  # taiko


def test_channel_may_change_its_stem(tmp_path: Path) -> None:
    notes = [mido.Message(kind, note=40, time=10) for kind in ("note_on", "note_off")]
    programs = [mido.Message("program_change", program=program) for program in (33, 0)]
    mido.MidiFile(tracks=[[programs[0], *notes, programs[1], *notes]]).save(tmp_path / "a.mid")
    assert [stem for _, stem in read_score(tmp_path / "a.mid").assign() if stem] == ["bass", "other"]


def test_times_are_those_of_the_file(tmp_path: Path) -> None:
    track = [mido.MetaMessage("set_tempo", tempo=300_000, time=0)]
    track += [mido.Message("note_on", note=60, time=0), mido.MetaMessage("set_tempo", tempo=900_000, time=480)]
    track += [mido.Message("note_off", note=60, time=480)]
    file = mido.MidiFile(ticks_per_beat=480, tracks=[track])
    file.save(tmp_path / "a.mid")
    score = read_score(tmp_path / "a.mid")
    assert max(score.seconds()) == pytest.approx(file.length) == pytest.approx(1.2)
    assert max(cut(score, 1.0).seconds()) == pytest.approx(0.3)


def test_song_begins_with_its_first_note(tmp_path: Path) -> None:
    track = [mido.Message("control_change", control=7, value=9), mido.Message("note_on", note=60, time=4800)]
    mido.MidiFile(tracks=[track]).save(tmp_path / "a.mid")
    assert [event.ticks for event in read_score(tmp_path / "a.mid").events] == [0, 0, 0]


@pytest.mark.parametrize("amount", [0.0, 0.05, 0.08])
def test_swing_delays_the_off_beat_and_keeps_order(amount: float) -> None:
    moved = [swing(ticks, 96, amount) for ticks in range(4 * 96)]
    assert moved == sorted(moved)
    assert [moved[0], moved[96], moved[192]] == [0, 96, 192]
    assert moved[48] == round(48 + 96 * amount)


@pytest.mark.parametrize("content", [b"", b"no music", b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk\0\0\0\x09\0\x90"])
def test_damaged_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.mid").write_bytes(content)
    with pytest.raises(DatasetError, match=r"broken\.mid"):
        read_score(tmp_path / "broken.mid")


def test_file_without_notes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="has no notes"):
        read_score(write_midi(tmp_path / "a.mid", PIANO, beats=0))


def test_programmes_stay_in_their_family() -> None:
    drawn = draw_programs(np.random.default_rng(0), 1.0)
    assert [program // 8 for program in drawn] == [program // 8 for program in range(128)]
    assert not VOICES & set(drawn)
    assert drawn[112:] == tuple(range(112, 128))


def test_stems_hold_all_notes_between_them(tmp_path: Path) -> None:
    variation = draw_variation(np.random.default_rng(0), [tmp_path / "a.sf2"])
    score = vary(read_score(write_midi(tmp_path / "a.mid", DRUMS, BASS, PIANO)), variation)
    channels = {}
    for stem in ("drums", "bass", "other"):
        write_stem(score, stem, variation, tmp_path / f"{stem}.mid")
        notes = [m for m in mido.MidiFile(tmp_path / f"{stem}.mid") if m.type == "note_on" and m.velocity]
        assert len(notes) == 8
        channels[stem] = {note.channel for note in notes}
    assert channels == {"drums": {9}, "bass": {1}, "other": {0}}
