"""The command: one stem where asked, a folder of all of them, and one clear line for everything that can go wrong."""

import hashlib
import json
import os
import re
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from separator.audio import probe, read, write
from separator.export import export_onnx
from separator.model import CRNN, ModelConfig, save_checkpoint
from separator.studio.stem_mp4 import read_stem_atom
from sori.inference import main

RATE = 44100


@pytest.fixture
def song(tmp_path: Path, noise: Callable[..., Tensor]) -> Path:
    path = tmp_path / "my song.wav"
    write(path, noise(RATE), RATE, bits=16)
    return path


@pytest.fixture
def run(tiny_checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command on the tiny model; its exit code, output and errors."""

    def call(input_path: Path, output_path: Path, *flags: str) -> tuple[int, str, str]:
        model = [] if {"--model_path", "--preset"} & set(flags) else ["--model_path", str(tiny_checkpoint)]
        code = main(
            ["--input_path", str(input_path), "--output_path", str(output_path), "--device", "cpu", *model, *flags]
        )
        return code, *capsys.readouterr()

    return call


Run = Callable[..., tuple[int, str, str]]


def test_the_target_lands_where_asked(run: Run, song: Path, tmp_path: Path) -> None:
    code, output, errors = run(song, tmp_path / "separated_vocals.wav")
    assert (code, errors) == (0, "")
    assert "x real time on cpu" in output
    assert "vocals" in output
    info = probe(tmp_path / "separated_vocals.wav")
    assert (info.sample_rate, info.channels, info.n_samples, info.subtype) == (RATE, 2, RATE, "PCM_16")


def test_a_song_alone_is_enough(song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([song.name]) == 0
    assert {path.name for path in Path("separated").iterdir()} == {"my song_vocals.wav", "my song_accompaniment.wav"}
    for words in ([], [song.name, "--input_path", song.name]):
        with pytest.raises(SystemExit):
            main(words)


def test_the_two_stems_add_up_on_disk(run: Run, song: Path, tmp_path: Path) -> None:
    code, *_ = run(song, tmp_path / "v.wav", "--accompaniment_path", str(tmp_path / "a.flac"), "--bits", "24")
    assert code == 0
    total = read(tmp_path / "v.wav")[0] + read(tmp_path / "a.flac")[0]
    assert (total - read(song)[0]).abs().max() < 2 * 2.0**-23


def test_another_stem_and_another_format(run: Run, song: Path, tmp_path: Path) -> None:
    assert run(song, tmp_path / "karaoke.mp3", "--stems", "accompaniment", "--quiet") == (0, "", "")
    assert read(tmp_path / "karaoke.mp3")[0].shape[1] == RATE


def test_a_folder_takes_all_stems_of_all_songs(run: Run, song: Path, tmp_path: Path) -> None:
    album = tmp_path / "album"
    album.mkdir()
    for name in ("one.wav", "두번째.wav"):
        (album / name).write_bytes(song.read_bytes())
    (album / "cover.txt").write_text("not a song")
    code, *_ = run(album, tmp_path / "stems", "--format", "flac")
    assert code == 0
    assert {file.name for file in (tmp_path / "stems").iterdir()} == {
        f"{name}_{stem}.flac" for name in ("one", "두번째") for stem in ("vocals", "accompaniment")
    }


def test_a_broken_song_does_not_stop_the_others(run: Run, song: Path, tmp_path: Path) -> None:
    album = tmp_path / "album"
    album.mkdir()
    (album / "good.wav").write_bytes(song.read_bytes())
    (album / "a bad one.mp3").write_text("not music\n" * 300)
    (album / "._good.wav").write_text("what macOS leaves beside a file\n" * 300)
    code, _, errors = run(album, tmp_path / "stems", "--quiet")
    assert code == 2
    assert errors.startswith("error: a bad one.mp3 is not audio")
    assert errors.count("error") == 1
    assert len(list((tmp_path / "stems").iterdir())) == 2


def test_no_stem_takes_the_place_of_another_or_of_a_song(run: Run, song: Path, tmp_path: Path) -> None:
    album = tmp_path / "album"
    album.mkdir()
    for name in ("a.wav", "a.flac", "b.wav", "b_vocals.wav"):
        (album / name).write_bytes(song.read_bytes())
    before = song.read_bytes()
    code, _, errors = run(album, tmp_path / "stems")
    assert (code, "2 stems would be written to" in errors, "a_vocals.wav" in errors) == (2, True, True)
    (album / "a.flac").unlink()
    code, _, errors = run(album, tmp_path / "stems", "--accompaniment_path", str(tmp_path / "rest.wav"))
    assert (code, "3 stems would be written to" in errors, "rest.wav" in errors) == (2, True, True)
    (tmp_path / "link").symlink_to(album)
    for same in (album, album / ".." / "album", tmp_path / "link"):
        code, _, errors = run(album, same)
        assert (code, "b_vocals.wav is among the songs" in errors) == (2, True)
    code, _, errors = run(
        song, tmp_path / "k.wav", "--stems", "accompaniment", "--accompaniment_path", str(tmp_path / "rest.wav")
    )
    assert (code, "both ask for the accompaniment" in errors) == (2, True)
    assert {file.name: file.read_bytes() == before for file in album.iterdir()} == dict.fromkeys(
        ("a.wav", "b.wav", "b_vocals.wav"), True
    )
    assert not (tmp_path / "stems").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_no_text_is_as_good_as_any(run: Run, song: Path, tmp_path: Path) -> None:
    album = tmp_path / "album"
    album.mkdir()
    name = os.fsdecode("노래.wav".encode("euc-kr"))
    (album / name).write_bytes(song.read_bytes())
    assert run(album, tmp_path / "stems")[::2] == (0, "")
    assert len(list((tmp_path / "stems").iterdir())) == 2


def test_long_names(run: Run, song: Path, tmp_path: Path) -> None:
    """One that the disk takes is separated, although it nearly has no room for more; one that it does not is told."""
    long = song.rename(tmp_path / f"{'노' * 78}.wav")
    assert run(long, tmp_path / "stems")[::2] == (0, "")
    code, _, errors = run(tmp_path / f"{'노' * 90}.wav", tmp_path / "v.wav")
    assert (code, "does not exist" in errors) == (2, True)


def test_a_folder_in_the_place_of_a_stem_is_told(run: Run, song: Path, tmp_path: Path) -> None:
    (tmp_path / "stems" / "my song_vocals.wav").mkdir(parents=True)
    code, _, errors = run(song, tmp_path / "stems")
    assert (code, "Is it a folder" in errors) == (2, True)
    assert not list((tmp_path / "stems").glob(".*"))


@pytest.mark.slow
def test_two_models_make_two_targets_and_the_rest(
    run: Run, song: Path, tmp_path: Path, tiny_checkpoint: Path, tiny_config: ModelConfig
) -> None:
    drums = tmp_path / "drums.pth"
    save_checkpoint(drums, CRNN(ModelConfig.from_dict({**tiny_config.to_dict(), "targets": ["drums"]})), training={})
    code, *_ = run(song, tmp_path / "out", "--model_path", str(tiny_checkpoint), "--model_path", str(drums))
    assert code == 0
    assert {f.stem.rsplit("_")[-1] for f in (tmp_path / "out").iterdir()} == {"vocals", "drums", "rest"}


@pytest.mark.slow
def test_a_preset_writes_four_stems_that_add_up(run: Run, song: Path, tmp_path: Path) -> None:
    code, *_ = run(song, tmp_path / "stems", "--preset", "4stems", "--bits", "32")
    assert code == 0
    paths = [tmp_path / "stems" / f"my song_{stem}.wav" for stem in ("vocals", "drums", "bass", "other")]
    assert sorted((tmp_path / "stems").iterdir()) == sorted(paths)
    assert (sum(read(path)[0] for path in paths) - read(song)[0]).abs().max() < 1e-6


@pytest.mark.slow
def test_stems_choose_the_preset(song: Path, tmp_path: Path) -> None:
    flags = ["--input_path", str(song), "--device", "cpu", "--quiet"]
    assert main([*flags, "--output_path", str(tmp_path / "stems"), "--stems", "other", "drums"]) == 0
    assert {file.name for file in (tmp_path / "stems").iterdir()} == {"my song_other.wav", "my song_drums.wav"}
    assert main([*flags, "--output_path", str(tmp_path / "band.wav"), "--stems", "accompaniment"]) == 0
    assert (tmp_path / "band.wav").is_file()


@pytest.mark.slow
def test_models_that_cannot_be_chosen(run: Run, song: Path, tmp_path: Path, capsys) -> None:
    for flags, sentence in [
        (("--preset", "4stems"), "is one file, but 4 stems are asked for; give a folder"),
        (
            ("--preset", "4stems", "--stems", "accompaniment"),
            "Cannot make accompaniment; this makes vocals, drums, bas",
        ),
        (("--preset", "2stems", "--model_path", "a.pth"), "both choose the models; give one of them"),
    ]:
        code, _, errors = run(song, tmp_path / "stem.wav", *flags)
        assert (code, sentence in errors) == (2, True), errors
    command = ["--input_path", str(song), "--output_path", str(tmp_path / "stem.wav"), "--stems", "piano"]
    assert main(command) == 2
    assert "No shipped models make piano together: 2stems makes vocals" in capsys.readouterr().err
    assert list(tmp_path.glob("stem*")) == []


def test_songs_of_every_kind_work(run: Run, tmp_path: Path, noise: Callable[..., Tensor]) -> None:
    for name, waveform, rate in [
        ("one sample", torch.full((1, 1), 0.5), RATE),
        ("shorter than a window", noise(500), RATE),
        ("all zeros", torch.zeros(2, RATE), RATE),
        ("8 channels", noise(5000, 8), RATE),
        ("8 kHz", noise(8000, 1), 8000),
        ("192 kHz", noise(20000, 2), 192000),
    ]:
        write(tmp_path / f"{name}.wav", waveform, rate)
        code, _, errors = run(tmp_path / f"{name}.wav", tmp_path / "stem.wav", "--quiet")
        assert (code, errors) == (0, ""), name
        assert read(tmp_path / "stem.wav")[0].shape == waveform.shape


def _bad_inputs(folder: Path) -> dict[str, str]:
    (folder / "empty.wav").touch()
    (folder / "text.mp3").write_text("la la la\n" * 500)
    (folder / "header only.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVE")
    write(folder / "no samples.wav", torch.zeros(1, 0), RATE)
    bad = torch.zeros(1, RATE)
    bad[0, RATE // 2] = float("nan")
    write(folder / "nan.wav", bad, RATE)
    bad[0, RATE // 2] = float("inf")
    write(folder / "inf.wav", bad, RATE)
    return {
        "missing.wav": "does not exist",
        "empty.wav": "is empty (0 bytes)",
        "text.mp3": "is not audio",
        "header only.wav": "is not audio",
        "no samples.wav": "holds no audio",
        "nan.wav": "not a number (NaN or infinite) at 0.500 s",
        "inf.wav": "not a number (NaN or infinite) at 0.500 s",
    }


@pytest.mark.slow
def test_every_bad_song_is_one_line_and_exit_code_2(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for name, sentence in _bad_inputs(tmp_path).items():
        code, output, errors = run(tmp_path / name, tmp_path / "out" / "stem.wav")
        assert (code, output) == (2, ""), name
        assert errors.startswith("error: ") and errors.count("\n") == 1, errors
        assert sentence in errors
        assert list((tmp_path / "out").iterdir()) == []


def test_a_cut_off_song_is_used_as_far_as_it_goes_with_a_warning(run: Run, song: Path, tmp_path: Path) -> None:
    song.write_bytes(song.read_bytes()[:-100_000])
    code, _, errors = run(song, tmp_path / "stem.wav")
    assert code == 0
    assert errors.startswith("warning: my song.wav: 0.6 of 1.0 s are missing")
    assert probe(tmp_path / "stem.wav").n_samples == RATE - 25_000


def test_the_song_is_never_overwritten(run: Run, song: Path) -> None:
    before = song.read_bytes()
    code, _, errors = run(song, song)
    assert code == 2
    assert "is the song itself" in errors
    assert song.read_bytes() == before


def test_outputs_that_cannot_be(run: Run, song: Path, tmp_path: Path) -> None:
    album = tmp_path / "empty album"
    album.mkdir()
    for arguments, sentence in [
        ((song, tmp_path / "none" / "stem.wav"), "does not exist; create it first"),
        ((song, tmp_path / "none" / "stems"), "does not exist; create it first"),
        ((song, tmp_path / "stem.m4a"), "can write .wav, .flac, .ogg, .mp3, not '.m4a'"),
        ((song, tmp_path / "stem.wav", "--stems", "all"), "is one file, but 2 stems are asked for"),
        ((song, tmp_path / "stem.wav", "--stems", "drums"), "Cannot make drums"),
        ((song, tmp_path / "stem.mp3", "--bits", "16"), "MP3 has no bit depth"),
        ((song, tmp_path / "stem.wav", "--device", "toaster"), "device is 'toaster'"),
        ((song, tmp_path / "stem.wav", "--model_path", str(tmp_path / "none.pth")), "none.pth"),
        ((song, tmp_path / "stem.wav", "--model_path", str(song)), "my song.wav"),
        ((album, tmp_path / "stems"), "folder without audio files"),
    ]:
        code, _, errors = run(*arguments)
        assert code == 2
        assert errors.startswith("error: ") and sentence in errors, errors
        assert not list(tmp_path.glob("*stem.*"))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder(run: Run, song: Path, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    code, _, errors = run(song, tmp_path / "locked" / "stem.wav")
    assert code == 2
    assert "cannot be written to" in errors


def test_a_full_disk(run: Run, song: Path, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        code, _, errors = run(song, tmp_path / "stem.wav")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert code == 2
    assert "disk full" in errors
    assert not list(tmp_path.glob("*stem*"))


def test_peaks_that_a_format_cannot_hold_are_told(run: Run, tmp_path: Path, tone: Callable[..., Tensor]) -> None:
    write(tmp_path / "loud.wav", 40 * tone(RATE), RATE)
    code, _, errors = run(tmp_path / "loud.wav", tmp_path / "stem.flac")
    assert code == 0
    assert "above full scale" in errors


@pytest.mark.slow
def test_a_stem_file_holds_the_song_and_four_stems(
    run: Run, song: Path, tmp_path: Path, ffmpeg: Callable[..., None]
) -> None:
    flags = ["--input_path", str(song), "--device", "cpu", "--quiet"]
    assert main([*flags, "--output_path", str(tmp_path / "stems"), "--format", "stem.m4a"]) == 0
    (path,) = (tmp_path / "stems").iterdir()
    assert path.name == "my song.stem.m4a"
    content = read_stem_atom(path)
    assert content is not None and len(content["stems"]) == 4
    assert abs(probe(path).n_samples - RATE) < 4096


@pytest.mark.slow
def test_tempo_and_key_are_printed_on_demand(run: Run, tmp_path: Path, tone: Callable[..., Tensor]) -> None:
    """The clicks, 100 in a minute, are in the sum of the stems whatever the model makes of them."""
    seconds = torch.arange(12 * RATE) / RATE
    write(tmp_path / "song.wav", tone(12 * RATE) * (-200 * (seconds % 0.6)).exp(), RATE)
    code, output, errors = run(tmp_path / "song.wav", tmp_path / "stems", "--analyse")
    assert (code, errors) == (0, "")
    bpm = re.search(r"analysis: ([\d.]+) bpm", output)
    assert bpm is not None and abs(float(bpm[1]) - 100) < 0.5
    _, output, _ = run(tmp_path / "song.wav", tmp_path / "v.wav")
    assert "analysis" not in output


@pytest.mark.slow
def test_a_reaper_project_lies_beside_its_stems(run: Run, song: Path, tmp_path: Path) -> None:
    code, output, errors = run(song, tmp_path / "stems", "--format", "rpp", "--bits", "24")
    assert (code, errors) == (0, "")
    assert "my song.rpp" in output and "analysis: " in output
    names = {path.name for path in (tmp_path / "stems").iterdir()}
    assert names == {"my song.rpp", "my song_vocals.wav", "my song_accompaniment.wav"}
    text = (tmp_path / "stems" / "my song.rpp").read_text(encoding="utf-8")
    assert all(f'FILE "{name}"' in text for name in names if name.endswith(".wav"))


@pytest.mark.slow
def test_a_zip_of_an_exported_model_states_its_targets(tiny_checkpoint: Path, song: Path, tmp_path: Path) -> None:
    model = export_onnx(tiny_checkpoint, tmp_path / "vocals.onnx")
    words = [str(song), "--model_path", str(model), "--output_path", str(tmp_path / "stems"), "--zip", "--quiet"]
    assert main(words) == 0
    with zipfile.ZipFile(tmp_path / "stems" / "my song_stems.zip") as bundle:
        (made_by,) = json.loads(bundle.read("job.json"))["models"]
    assert (made_by["file"], made_by["targets"]) == ("vocals.onnx", ["vocals"])


@pytest.mark.slow
def test_a_zip_holds_the_stems_and_how_they_were_made(
    run: Run, song: Path, tmp_path: Path, tiny_checkpoint: Path
) -> None:
    assert run(song, tmp_path / "stems", "--zip", "--format", "flac", "--strict_band", "--quiet") == (0, "", "")
    (path,) = (tmp_path / "stems").iterdir()
    assert path.name == "my song_stems.zip"
    with zipfile.ZipFile(path) as bundle:
        stems = ["my song_vocals.flac", "my song_accompaniment.flac"]
        assert bundle.namelist() == [*stems, "job.json"]
        record = json.loads(bundle.read("job.json"))
    digest = hashlib.sha256(tiny_checkpoint.read_bytes()).hexdigest()
    assert record["models"] == [{"file": "vocals.pth", "sha256": digest, "targets": ["vocals"]}]
    assert record["song"]["sha256"] == hashlib.sha256(song.read_bytes()).hexdigest()
    assert (record["song"]["file"], record["song"]["seconds"], record["files"]) == ("my song.wav", 1.0, stems)
    assert (record["settings"]["strict_band"], record["settings"]["tta"]) == (True, False)
    assert record["analysis"]["loudness"].keys() == {"vocals", "accompaniment"}
    assert {"python", "torch", "numpy"} <= record["versions"].keys()


def test_formats_that_cannot_be_made_are_refused(run: Run, song: Path, tmp_path: Path) -> None:
    for output, flags, sentence in [
        ("stems", ("--format", "stem.m4a"), "make vocals, accompaniment; choose the preset 4stems"),
        ("stems", ("--format", "stem.m4a", "--bits", "16"), "leave --stems and --bits away"),
        ("stem.wav", ("--format", "stem.m4a"), "is no .stem.m4a file"),
        ("stem.wav", ("--format", "rpp"), "give a folder as --output_path"),
        ("stem.wav", ("--zip",), "give a folder as --output_path"),
        ("stems", ("--zip", "--accompaniment_path", "a.wav"), "leave --accompaniment_path away"),
    ]:
        code, _, errors = run(song, tmp_path / output, *flags)
        assert (code, sentence in errors) == (2, True), errors
        assert not list(tmp_path.glob("stem*"))


def test_wrong_flags_exit_with_2(run: Run, song: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(song, tmp_path / "stem.wav", "--bits", "12")
    assert stopped.value.code == 2
