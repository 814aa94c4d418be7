"""The evaluate command: reports, files, and one clear line when something is wrong."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from torch import Tensor

from separator.audio import write
from sori.evaluate import main

RATE = 22050
Noise = Callable[..., Tensor]


@pytest.fixture
def song_dir(tmp_path: Path, noise: Noise) -> Path:
    folder = tmp_path / "songs" / "Test Song 노래"
    folder.mkdir(parents=True)
    write(folder / "vocals.wav", noise(2 * RATE), RATE)
    write(folder / "accompaniment.wav", noise(2 * RATE, seed=1), RATE)
    write(folder / "mixture.wav", noise(2 * RATE) + noise(2 * RATE, seed=1), RATE)
    return folder


@pytest.mark.slow
def test_a_file_is_scored_against_the_stem(song_dir: Path, tmp_path: Path, noise: Noise, capsys) -> None:
    write(tmp_path / "estimate.wav", 0.9 * noise(2 * RATE), RATE)
    arguments = ["--song_dir", str(song_dir), "--target", "vocals", "--estimate", str(tmp_path / "estimate.wav")]
    assert main([*arguments, "--oracle", "--bss", "--json", str(tmp_path / "new" / "scores.json")]) == 0
    printed = capsys.readouterr().out
    assert "20.00 dB   Excellent" in printed
    assert "worst at   0:0" in printed
    for word in ("SI-SDR", "Silence", "Clean", "SIR", "floor", "IRM2", "2 scored, 0 silent"):
        assert word in printed
    report = json.loads((tmp_path / "new" / "scores.json").read_text(encoding="utf-8"))
    assert report["songs"][0]["score"]["sdr_db"] == pytest.approx(20, abs=0.01)
    assert report["songs"][0]["name"] == "Test Song 노래"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["scores.json"]


@pytest.mark.slow
def test_a_model_scores_a_song_and_a_folder(song_dir: Path, tiny_checkpoint: Path, tmp_path: Path, capsys) -> None:
    arguments = ["--model_path", str(tiny_checkpoint), "--device", "cpu", "--csv", str(tmp_path / "scores.csv")]
    assert main(["--song_dir", str(song_dir), *arguments, "--sample_rate", "11025", "--mono"]) == 0
    assert "11025 Hz, mono" in capsys.readouterr().out
    other = song_dir.parent / "Second"
    other.mkdir()
    for path in song_dir.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    assert main(["--song_dir", str(song_dir.parent), *arguments, "--target", "accompaniment"]) == 0
    assert "uSDR (mean)" in capsys.readouterr().out
    rows = list(csv.DictReader((tmp_path / "scores.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["song"] for row in rows] == ["Second", "Test Song 노래"]
    assert rows[0]["SDR"] == rows[1]["SDR"] != ""


@pytest.fixture
def full_song(tmp_path: Path, noise: Noise) -> Path:
    """A song in all four stems, with their sum."""
    folder = tmp_path / "full"
    folder.mkdir()
    stems = {stem: 0.2 * noise(2 * RATE, seed=seed) for seed, stem in enumerate(("vocals", "drums", "bass", "other"))}
    for stem, waveform in (stems | {"mixture": sum(stems.values())}).items():
        write(folder / f"{stem}.wav", waveform, RATE)
    return folder


@pytest.mark.slow
def test_all_stems_of_a_song_are_a_row_each(full_song: Path, tmp_path: Path, capsys) -> None:
    arguments = ["--song_dir", str(full_song), "--device", "cpu", "--csv", str(tmp_path / "scores.csv")]
    for target in (["all"], ["bass", "other"]):
        assert main([*arguments, "--target", *target]) == 0
        wanted = ["vocals", "drums", "bass", "other"] if target == ["all"] else target
        printed = capsys.readouterr().out.splitlines()
        assert printed[0].startswith(f"{', '.join(wanted)} by vocals.pth")
        assert [line.split()[0] for line in printed[-len(wanted) - 1 :]] == ["stem", *wanted]
        rows = list(csv.DictReader((tmp_path / "scores.csv").read_text(encoding="utf-8").splitlines()))
        assert [(row["song"], row["stem"]) for row in rows] == [("full", stem) for stem in wanted]


def test_a_folder_of_estimates_is_scored_by_name(full_song: Path, tmp_path: Path, noise: Noise, capsys) -> None:
    estimates = tmp_path / "stems"
    estimates.mkdir()
    for seed, stem in enumerate(("vocals", "drums")):
        write(estimates / f"full_{stem}.wav", 0.9 * 0.2 * noise(2 * RATE, seed=seed), RATE)
    arguments = ["--song_dir", str(full_song), "--estimate", str(estimates)]
    assert main([*arguments, "--target", "all"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[-2:]]
    assert [row[:2] for row in rows] == [["drums", "20.00"], ["vocals", "20.00"]]
    assert main([*arguments, "--target", "drums"]) == 0
    assert "20.00 dB   Excellent" in capsys.readouterr().out
    assert main([*arguments, "--target", "drums", "bass"]) == 2
    assert "has no file of bass; end its name in the stem's" in capsys.readouterr().err


def test_a_folder_of_songs_gets_a_table_per_stem(song_dir: Path, tiny_checkpoint: Path, capsys) -> None:
    second = song_dir.parent / "Second"
    second.mkdir()
    for path in song_dir.iterdir():
        (second / path.name).write_bytes(path.read_bytes())
    arguments = ["--song_dir", str(song_dir.parent), "--model_path", str(tiny_checkpoint), "--device", "cpu"]
    assert main([*arguments, "--target", "all"]) == 0
    output = capsys.readouterr()
    assert output.out.count("uSDR (mean)") == 2
    assert output.out.index("\nvocals\n") < output.out.index("\naccompaniment\n")
    assert "[2/2] Test Song 노래, accompaniment: " in output.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--song_dir", "nowhere"], "no folder nowhere"),
        (["--song_dir", "SONG", "--estimate", "nothing.wav"], "nothing.wav"),
        (["--song_dir", "SONG", "--estimate", "a.wav", "--model_path", "b.pth"], "give one of them"),
        (["--song_dir", "SONG", "--sample_rate", "0"], "--sample_rate is 0"),
        (["--song_dir", "SONG", "--model_path", "missing.pth"], "missing.pth"),
        (["--song_dir", "SONG", "--model_path", "MODEL", "--target", "drums"], "not drums"),
        (["--song_dir", "SONG", "--estimate", "SONG/vocals.wav", "--target", "drums"], "has no drums"),
        (["--song_dir", "SONG/..", "--estimate", "SONG/vocals.wav"], "--estimate scores one song"),
        (["--song_dir", "SONG", "--target", "all", "vocals"], "give each stem once, or all alone"),
        (["--song_dir", "SONG", "--target", "all", "--estimate", "SONG/vocals.wav"], "is one file; give a folder"),
        (["--song_dir", "SONG", "--target", "piano"], "No shipped models make piano together"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(
    song_dir: Path, tiny_checkpoint: Path, capsys, arguments: list[str], message: str
) -> None:
    second = song_dir.parent / "Second"
    second.mkdir()
    for stem in ("mixture", "vocals"):
        (second / f"{stem}.wav").write_bytes((song_dir / f"{stem}.wav").read_bytes())
    places = {"SONG": str(song_dir), "MODEL": str(tiny_checkpoint)}
    for name, place in places.items():
        arguments = [argument.replace(name, place) for argument in arguments]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error
    assert error.count("\n") == 1
