"""Two bars are rendered with a soundfont of one sine: what comes out is a data folder of true stems."""

from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from separator.errors import DatasetError
from tests.soundfont import RATE, require_fluidsynth, write_midi, write_soundfont
from training.data.layouts import find_loose, find_songs
from training.midi.rendering import Outcome, Rendering, find_midi, remove_offset, render_folder
from training.midi.variation import LEVELS_DBFS
from training.render_midi import main

DRUMS, BASS, PIANO = (9, 0, 57), (1, 33, 45), (0, 0, 69)


@pytest.fixture
def rendering(tmp_path: Path) -> Rendering:
    require_fluidsynth()
    return Rendering((write_soundfont(tmp_path / "tiny.sf2"),), sample_rate=RATE, channels=1)


def render(midi_dir: Path, out_dir: Path, rendering: Rendering) -> list[Outcome]:
    return list(render_folder(find_midi(midi_dir, rendering.seed), out_dir, rendering, workers=2))


def test_song_is_rendered_in_true_stems(tmp_path: Path, rendering: Rendering) -> None:
    write_midi(tmp_path / "midi" / "band" / "song.mid", DRUMS, BASS, PIANO)
    (outcome,) = render(tmp_path / "midi", tmp_path / "out", rendering)
    assert (outcome.name, outcome.problem) == ("band_song", "")
    (song,) = find_songs(tmp_path / "out").songs
    assert set(song.stems) == {"drums", "bass", "other"}
    stems = {name: soundfile.read(files[0])[0] for name, files in song.stems.items()}
    assert len({len(samples) for samples in stems.values()}) == 1
    assert 3.6 <= outcome.seconds <= 6.5
    assert max(np.abs(samples).max() for samples in [*stems.values(), sum(stems.values())]) < 1
    for name, octaves in {"drums": -1, "bass": -2, "other": 0}.items():
        spectrum = np.abs(np.fft.rfft(stems[name]))
        pitch = np.argmax(spectrum) * RATE / len(stems[name])
        assert abs(1200 * np.log2(pitch / (441 * 2.0**octaves))) < 50
        level = 20 * np.log10(np.sqrt(np.square(stems[name][RATE // 2 : 3 * RATE]).mean()))
        assert LEVELS_DBFS[name][0] - 3 < level < LEVELS_DBFS[name][1] + 3


@pytest.mark.slow
def test_same_seed_gives_the_same_song(tmp_path: Path, rendering: Rendering) -> None:
    write_midi(tmp_path / "midi" / "song.mid", BASS, PIANO)
    render(tmp_path / "midi", tmp_path / "one", rendering)
    render(tmp_path / "midi", tmp_path / "two", rendering)
    other_seed = Rendering(rendering.soundfonts, seed=1, sample_rate=RATE, channels=1)
    render(tmp_path / "midi", tmp_path / "three", other_seed)
    one, two, three = (soundfile.read(tmp_path / out / "song" / "bass.flac")[0] for out in ("one", "two", "three"))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, three)


def test_absent_part_has_no_file(tmp_path: Path, rendering: Rendering) -> None:
    write_midi(tmp_path / "midi" / "duo.mid", BASS, PIANO)
    write_midi(tmp_path / "midi" / "drummer.mid", DRUMS)
    render(tmp_path / "midi", tmp_path / "out", rendering)
    (song,) = find_songs(tmp_path / "out").songs  # drums alone are no song, but material for --target_dir
    assert set(song.stems) == {"bass", "other"}
    assert [path.name for path in find_loose(tmp_path / "out" / "drummer")] == ["drums.flac"]


def test_note_without_an_end_is_cut(tmp_path: Path, rendering: Rendering) -> None:
    track = [mido.Message("note_on", note=69), mido.Message("note_on", note=76, time=4800)]
    (tmp_path / "midi").mkdir()
    mido.MidiFile(tracks=[track]).save(tmp_path / "midi" / "drone.mid")
    short = Rendering(rendering.soundfonts, sample_rate=RATE, channels=1, max_seconds=2)
    (outcome,) = render(tmp_path / "midi", tmp_path / "out", short)
    assert outcome.seconds == pytest.approx(2.0)


def test_finished_songs_are_kept_and_broken_files_named(tmp_path: Path, rendering: Rendering) -> None:
    write_midi(tmp_path / "midi" / "good.mid", BASS, PIANO)
    (tmp_path / "midi" / "bad.mid").write_bytes(b"no music")
    problems = {outcome.name: outcome.problem for outcome in render(tmp_path / "midi", tmp_path / "out", rendering)}
    assert problems["good"] == ""
    assert "bad.mid is no MIDI file" in problems["bad"]
    before = (tmp_path / "out" / "good" / "bass.flac").stat()
    assert [outcome.name for outcome in render(tmp_path / "midi", tmp_path / "out", rendering)] == ["bad"]
    assert (tmp_path / "out" / "good" / "bass.flac").stat() == before
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["good", "rendering.json"]


def test_folder_of_other_settings_is_refused(tmp_path: Path, rendering: Rendering) -> None:
    write_midi(tmp_path / "midi" / "song.mid", PIANO)
    render(tmp_path / "midi", tmp_path / "out", rendering)
    with pytest.raises(DatasetError, match="other settings"):
        render(tmp_path / "midi", tmp_path / "out", Rendering(rendering.soundfonts, seed=1))


def test_songs_of_one_file_name_stay_apart(tmp_path: Path) -> None:
    for name in ("a/b/c.mid", "a/b_c.mid", "a_b/c.mid", "a_b_c.MIDI", "._a_b_c.mid"):
        write_midi(tmp_path / name, PIANO)
    assert len(find_midi(tmp_path, 0)) == 4


def test_part_that_begins_after_the_cut_has_no_file(tmp_path: Path, rendering: Rendering) -> None:
    late = [
        mido.Message("note_on", channel=9, note=57, time=2000),
        mido.Message("note_off", channel=9, note=57, time=9),
    ]
    file = mido.MidiFile(write_midi(tmp_path / "midi" / "song.mid", BASS, PIANO))
    file.tracks.append(mido.MidiTrack(late))
    file.save(tmp_path / "midi" / "song.mid")
    short = Rendering(rendering.soundfonts, sample_rate=RATE, channels=1, max_seconds=1)
    render(tmp_path / "midi", tmp_path / "out", short)
    assert sorted(path.name for path in (tmp_path / "out" / "song").iterdir()) == ["bass.flac", "other.flac"]


def test_failure_of_fluidsynth_leaves_no_song(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_midi(tmp_path / "midi" / "song.mid", PIANO)
    (tmp_path / "fluidsynth").write_text("#!/bin/sh\necho out of luck >&2\nexit 3\n")
    (tmp_path / "fluidsynth").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    (outcome,) = render(tmp_path / "midi", tmp_path / "out", Rendering((write_soundfont(tmp_path / "tiny.sf2"),)))
    assert outcome.problem == "FluidSynth ended with exit code 3 and no song: out of luck"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["rendering.json"]


def test_offset_is_removed_and_bass_is_kept() -> None:
    bass = 0.1 * np.sin(2 * np.pi * 41 * np.arange(2 * RATE) / RATE)
    filtered = remove_offset(np.stack([bass + 0.3, bass], axis=1).astype(np.float32), RATE)[RATE:]
    assert np.abs(filtered.mean(axis=0)).max() < 1e-3
    assert filtered.std(axis=0) == pytest.approx([0.0707, 0.0707], rel=0.05)


def test_command_names_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_midi(tmp_path / "song.mid", PIANO)
    flags = ["--midi_dir", str(tmp_path), "--out_dir", str(tmp_path / "out")]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(flags) == 2
    assert "apt-get install fluidsynth" in capsys.readouterr().err
    (tmp_path / "fluidsynth").touch(mode=0o755)
    assert main(flags) == 2
    assert "no soundfont given; on Debian and Ubuntu" in capsys.readouterr().err
    assert main([*flags, "--soundfont", str(tmp_path / "none.sf2")]) == 2
    assert "no soundfont at" in capsys.readouterr().err
    assert main([*flags, "--soundfont", str(tmp_path / "song.mid")]) == 2
    assert "is no soundfont" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_damaged_soundfont_is_named(tmp_path: Path) -> None:
    require_fluidsynth()
    write_midi(tmp_path / "midi" / "song.mid", PIANO)
    (tmp_path / "empty.sf2").write_bytes(b"RIFF\4\0\0\0sfbk")
    rendering = Rendering((tmp_path / "empty.sf2",), sample_rate=RATE)
    (outcome,) = render(tmp_path / "midi", tmp_path / "out", rendering)
    assert "empty.sf2" in outcome.problem
