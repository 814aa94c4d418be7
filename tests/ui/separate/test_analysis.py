"""The analysis that follows the stems into the mixer."""

from pathlib import Path

import gradio as gr
import numpy as np
import pytest

from tests.serving import write_clicks, write_song
from ui.separate.queue import SongRow
from ui.separate.view import add_analysis, show_song


def make_song(mixture: Path, **stems: Path) -> SongRow:
    return SongRow(mixture, "song", state="done", mixture=mixture, stems=stems, downloads=stems)


@pytest.mark.slow
def test_the_analysis_follows_the_stems(tmp_path: Path) -> None:
    drums = write_clicks(tmp_path / "drums.wav", 120)
    other = write_song(tmp_path / "other.wav", seconds=20)
    songs = [make_song(other, drums=drums, other=other)]
    assert show_song(songs, 0)["analysis"] is None, "the first sound waits for nothing"
    value = add_analysis(songs, 0)
    found = value["analysis"]
    assert value["late"] and value["tracks"] == show_song(songs, 0)["tracks"]
    assert found["tempo_bpm"] == pytest.approx(120, abs=0.5) and found["tempo_confidence"] > 0.9
    assert np.diff(found["beats"]) == pytest.approx(0.5, abs=0.03)
    assert found["loudness"].keys() == {"mixture", "drums", "other"}
    assert found["loudness"]["drums"]["true_peak_db"] == pytest.approx(-6, abs=2)
    assert found["key"]["mode"] in ("major", "minor") and abs(found["tuning_cents"]) <= 50
    assert show_song(songs, 0)["analysis"] == found, "a song that is chosen again has it at once"
    assert add_analysis(songs, 0) == gr.skip()


def test_a_song_whose_files_are_gone_stays_without(tmp_path: Path) -> None:
    song = write_song(tmp_path / "song.wav")
    songs = [make_song(song, vocals=tmp_path / "deleted.wav")]
    assert add_analysis(songs, 0) == gr.skip()
    assert add_analysis([], 0) == gr.skip()
