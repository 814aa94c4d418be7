"""Scoring pairs, files and folders: sounds are brought together in the open, and every song gets a row."""

import json
import math
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from separator.audio import write
from separator.errors import AudioError, Cancelled, DatasetError
from training.data.layouts.song import Song
from training.evaluation.alignment import Sound, align, find_offset
from training.evaluation.bootstrap import mean_interval, median_interval, sdr_difference
from training.evaluation.report import clock, song_report, stem_table, summary, table, write_json
from training.evaluation.scoring import ScoreOptions, SongScore, oracles, score_files, score_pair, score_song
from training.evaluation.song_audio import find_scored_songs, find_true_stems, load_song

RATE = 8000
Noise = Callable[..., Tensor]


@pytest.mark.slow
def test_a_score_holds_every_measure(noise: Noise) -> None:
    target, others = noise(4 * RATE), noise(4 * RATE, seed=1)
    target[:, :RATE] = 0
    score = score_pair(target, target + 0.1 * others, RATE, target + others, bss=True)
    assert score.sdr_db == pytest.approx(20 + 10 * math.log10(3 / 4), abs=0.2)
    assert score.sdr_per_second[0] is None
    assert score.frames.median == pytest.approx(20, abs=0.2)
    assert (score.frames.n_counted, score.frames.n_silent) == (3, 1)
    assert score.clean_db == pytest.approx(20, abs=0.3)
    assert score.sir_db == pytest.approx(20, abs=0.5)
    assert score.silence.level_dbfs == pytest.approx(-40, abs=0.2)
    assert score.grade.name == "excellent"
    assert json.loads(json.dumps(score.to_dict(), allow_nan=False))["clean_grade"] == score.clean_grade.name


def test_without_a_mixture_the_rest_is_still_scored(noise: Noise) -> None:
    score = score_pair(noise(RATE), 0.9 * noise(RATE), RATE)
    assert score.sdr_db == pytest.approx(20, abs=1e-4)
    assert score.clean_db is None
    with pytest.raises(AudioError, match="need the mixture"):
        score_pair(noise(RATE), noise(RATE), RATE, bss=True)


def test_a_silent_reference_is_not_scored_but_its_silence_is(noise: Noise) -> None:
    score = score_pair(torch.zeros(2, 3 * RATE), 0.01 * noise(3 * RATE), RATE, noise(3 * RATE), bss=True)
    assert (score.sdr_db, score.frames.median, score.clean_db, score.sir_db) == (None, None, None, None)
    assert score.grade.name == "not scored"
    assert score.silence.below_mixture_db == pytest.approx(40, abs=1e-3)
    assert "3 silent" in song_report(SongScore("hush", score))


def test_a_quiet_song_scores_as_a_loud_one(noise: Noise) -> None:
    target, others = noise(4 * RATE), noise(4 * RATE, seed=1)
    target[:, :RATE] = 0
    loud, quiet = (
        score_pair(gain * target, gain * (target + 0.1 * others), RATE, gain * (target + others)) for gain in (1, 1e-3)
    )
    assert quiet.sdr_per_second == pytest.approx(loud.sdr_per_second, abs=1e-3)
    measures = [[s.sdr_db, s.si_sdr_db, s.clean_db, s.silence.below_mixture_db] for s in (loud, quiet)]
    assert measures[1] == pytest.approx(measures[0], abs=1e-3)
    assert quiet.grade == loud.grade
    ceilings = [oracles(gain * (target + others), gain * target, RATE).irm2_db for gain in (1, 1e-3)]
    assert ceilings[1] == pytest.approx(ceilings[0], abs=1e-3)


def test_codec_noise_in_an_empty_stem_is_not_scored(noise: Noise) -> None:
    stem, song = 1e-4 * noise(3 * RATE), noise(3 * RATE, seed=1)
    score = score_pair(stem, 0.01 * song, RATE, song)
    assert (score.grade.name, score.frames.n_silent) == ("not scored", 3)
    assert oracles(song, stem, RATE).floor_db is None


@pytest.mark.parametrize("level", [0.0, 1e-3])
def test_a_silent_estimate_is_graded_silent(noise: Noise, level: float) -> None:
    row = SongScore("gone", score_pair(noise(3 * RATE), level * noise(3 * RATE, seed=1), RATE))
    assert row.score and row.score.grade.name == "silent estimate"
    assert "nothing was separated" in song_report(row)
    assert "silent estimate" in table([row])
    assert row.score.to_dict()["grade"] == "silent estimate"


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_samples_that_are_not_numbers_are_refused(noise: Noise, bad: float) -> None:
    broken = noise(RATE)
    broken[0, 5] = bad
    with pytest.raises(AudioError, match="the estimate has samples that are not numbers"):
        score_pair(noise(RATE), broken, RATE)


def test_the_worst_seconds_come_first(noise: Noise) -> None:
    target = noise(4 * RATE)
    estimate = target.clone()
    estimate[:, RATE : 2 * RATE] = 0
    estimate[:, 3 * RATE :] *= 0.5
    assert score_pair(target, estimate, RATE).worst_seconds(2) == [1, 3]
    assert clock(65) == "1:05"


def test_alike_sounds_are_left_alone(noise: Noise) -> None:
    aligned = align(Sound(noise(RATE), RATE), Sound(noise(RATE), RATE))
    assert aligned.notes == ()
    assert torch.equal(aligned.reference, noise(RATE))


def test_rate_channels_and_length_are_brought_together_and_told(tone: Noise) -> None:
    reference = Sound(tone(2 * RATE, 200, RATE, channels=1), RATE)
    estimate = Sound(tone(2 * 2 * RATE + 500, 200, 2 * RATE, channels=1).repeat(2, 1), 2 * RATE)
    aligned = align(reference, estimate)
    assert aligned.reference.shape == aligned.estimate.shape == (1, 2 * RATE)
    assert " ".join(aligned.notes) == (
        "downmixed to mono (channels: reference 1, estimate 2) estimate resampled from 16000 to 8000 Hz "
        "estimate trimmed by 0.031 s to 2.000 s"
    )
    assert score_pair(aligned.reference, aligned.estimate, RATE).sdr_db > 35


@pytest.mark.parametrize("late", [-400, -1, 1, 23, 3000])
def test_an_offset_is_reported_and_corrected_only_when_asked(noise: Noise, late: int) -> None:
    longer = noise(4 * RATE + 3000)
    reference, estimate = (Sound(longer[:, n : n + 4 * RATE], RATE) for n in (max(late, 0), max(-late, 0)))
    left = align(reference, estimate)
    assert left.offset_samples == late
    assert "not corrected" in left.notes[0]
    fixed = align(reference, estimate, Sound(reference.waveform, RATE), fix_offset=True)
    start = max(0, -late)  # what an early estimate lacks is filled with silence
    assert fixed.estimate[:, start:].equal(fixed.reference[:, start:])
    assert fixed.mixture is not None
    assert fixed.mixture.equal(fixed.reference)


def test_no_offset_is_made_up(noise: Noise, tone: Noise) -> None:
    reference = Sound(noise(2 * RATE), RATE)
    assert find_offset(reference, Sound(noise(2 * RATE, seed=1), RATE)) == 0
    assert find_offset(reference, Sound(reference.waveform + noise(2 * RATE, seed=1), RATE)) == 0
    assert find_offset(reference, Sound(0 * reference.waveform, RATE)) == 0
    assert find_offset(Sound(tone(RATE, 100, RATE), RATE), Sound(0.5 * tone(RATE, 100, RATE), RATE)) == 0


@pytest.mark.parametrize("n_samples", [1, 2, 3, 10])
def test_a_few_samples_align(noise: Noise, n_samples: int) -> None:
    aligned = align(Sound(noise(n_samples), RATE), Sound(noise(n_samples), RATE))
    assert score_pair(aligned.reference, aligned.estimate, RATE).sdr_db == 100


def test_ideal_masks_come_in_the_published_order(noise: Noise, tone: Noise) -> None:
    vibrato = torch.sin(2 * torch.pi * torch.arange(4 * RATE) / RATE * 5)
    target = tone(4 * RATE, 300, RATE) * (1 + 0.5 * vibrato) + 0.02 * noise(4 * RATE)
    result = oracles(target + noise(4 * RATE, seed=1), target, RATE)
    assert result.psm_db > result.irm2_db > result.irm1_db > result.floor_db
    assert result.irm2_db > result.ibm_db > result.floor_db
    assert result.share(result.floor_db) == 0
    assert result.share(result.irm2_db) == 1
    assert oracles(target, 0 * target, RATE).share(3.0) is None


def test_intervals_hold_the_truth_and_shrink(noise: Noise) -> None:
    values = (5 + noise(200, channels=1)[0]).tolist()
    few, many = mean_interval(values[:20]), mean_interval(values)
    assert many.low < 5 < many.high
    assert many.high - many.low < few.high - few.low
    assert mean_interval([3.0]).low is None
    assert median_interval([1.0, 2.0, 3.0, 100.0]).value == 2.5
    assert mean_interval(values) == many


@pytest.mark.parametrize("beyond", [0, 1, RATE // 2])
def test_the_difference_of_two_is_that_of_their_sdr(noise: Noise, beyond: int) -> None:
    n = 30 * RATE + beyond
    target, others = noise(n, channels=1), noise(n, channels=1, seed=1)
    a, b = (score_pair(target, target + gain * others, RATE) for gain in (0.1, 0.11))
    ahead = sdr_difference(a.error_per_second, b.error_per_second)
    assert ahead.value == pytest.approx(a.sdr_db - b.sdr_db, abs=1e-6)
    assert 0 < ahead.low <= ahead.value <= ahead.high
    assert sdr_difference(a.error_per_second, a.error_per_second).value == 0
    assert sdr_difference((0.0,), (0.0,)).low is None


def test_an_error_after_the_last_whole_second_counts(noise: Noise) -> None:
    target = noise(2 * RATE + RATE // 2)
    a, b = target.clone(), target.clone()
    a[:, :RATE] *= 1.1
    b[:, 2 * RATE :] *= 2
    first, second = (score_pair(target, estimate, RATE) for estimate in (a, b))
    assert first.sdr_db > second.sdr_db
    assert sdr_difference(first.error_per_second, second.error_per_second).value > 0
    assert len(score_pair(target[:, :100], a[:, :100], RATE).error_per_second) == 1


@pytest.fixture
def songs(tmp_path: Path, noise: Noise) -> Path:
    """Two songs without a mixture, one of them with a mono stem, and a few things that are no songs."""
    for index, name in enumerate(["One", "둘 Two"]):
        folder = tmp_path / "songs" / name
        folder.mkdir(parents=True)
        write(folder / "vocals.wav", noise(2 * RATE, seed=index), RATE)
        write(folder / "accompaniment.wav", noise(2 * RATE, channels=1 + index, seed=9), RATE)
        (folder / "notes.txt").write_text("odd")
    (tmp_path / "songs" / "notes.txt").write_text("odd")
    (tmp_path / "songs" / "empty").mkdir()
    return tmp_path / "songs"


def test_a_missing_mixture_is_the_sum_of_the_stems(songs: Path, noise: Noise) -> None:
    found, notes = find_scored_songs(songs, "vocals")
    assert [song.name for song in found] == ["One", "둘 Two"]
    assert "left out: empty" in notes[0]
    audio = load_song(found[0], "vocals")
    assert audio.notes == ("mixture = vocals + accompaniment",)
    torch.testing.assert_close(
        audio.mixture.waveform, noise(2 * RATE) + noise(2 * RATE, channels=1, seed=9), atol=1e-4, rtol=0
    )
    backing = load_song(found[0], "accompaniment")
    torch.testing.assert_close(backing.mixture.waveform, audio.mixture.waveform[:1].expand(2, -1), atol=1, rtol=0)


def take_mixture(_: Song, mixture: Sound) -> dict[str, Sound]:
    return dict.fromkeys(("vocals", "accompaniment", "drums"), mixture)


def test_a_song_is_separated_once_for_a_row_per_stem(songs: Path, tmp_path: Path) -> None:
    song = find_scored_songs(songs / "One", "vocals")[0][0]
    separated = []

    def separate(song: Song, mixture: Sound) -> dict[str, Sound]:
        separated.append(song.name)
        return take_mixture(song, mixture)

    rows = list(score_song(song, ["vocals", "drums", "accompaniment"], separate))
    assert separated == ["One"]
    assert [(row.stem, row.score is None) for row in rows] == [
        ("vocals", False), ("drums", True), ("accompaniment", False),
    ]  # fmt: skip
    lines = stem_table(rows).splitlines()
    assert lines[0] == "One"
    assert [line.split()[0] for line in lines[-4:]] == ["stem", "vocals", "accompaniment", "drums"]
    write_json(tmp_path / "scores.json", rows, {})
    report = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    assert [row["stem"] for row in report["songs"]] == ["vocals", "drums", "accompaniment"]
    assert report["averages"]["vocals"]["uSDR (mean)"]["value"] == rows[0].score.sdr_db


def test_other_is_a_true_stem_only_beside_all_four(tmp_path: Path, noise: Noise) -> None:
    four = ("vocals", "drums", "bass", "other")
    for stem in (*four, "mixture"):
        write(tmp_path / f"{stem}.wav", noise(100), RATE)
    assert find_true_stems(find_scored_songs(tmp_path, "vocals")[0][0], four) == list(four)
    (tmp_path / "bass.wav").unlink()
    song = find_scored_songs(tmp_path, "vocals")[0][0]
    assert find_true_stems(song, (*four, "accompaniment")) == ["vocals", "drums"]


def test_every_song_gets_a_row_and_a_broken_one_a_reason(songs: Path) -> None:
    broken = songs / "broken"
    broken.mkdir()
    (broken / "vocals.wav").write_bytes(b"no audio")
    (broken / "accompaniment.wav").write_bytes(b"")
    found, _ = find_scored_songs(songs, "vocals")
    options = ScoreOptions(oracle=True)
    rows = [row for song in found for row in score_song(song, ["vocals"], take_mixture, options)]
    assert [row.score is None for row in rows] == [False, True, False]
    assert "broken" not in table(rows[:1])
    text = table(rows)
    assert "1 of 3 songs could not be scored" in text
    assert "uSDR (mean)" in text and "cSDR (median)" in text and "MDX'21" in text
    assert rows[0].oracles.floor_db == rows[0].score.sdr_db
    assert summary(rows)["uSDR (mean)"][1] == 2


def test_korean_names_leave_the_columns_below_each_other() -> None:
    names = ["A", "소리 하나", unicodedata.normalize("NFD", "둘"), "song three"]
    lines = table([SongScore(name, None, problem="X") for name in names], averages=False).splitlines()[-len(names) :]
    # In EUC-KR a letter of Hangul takes two bytes, as it takes two columns of a terminal.
    columns = {unicodedata.normalize("NFC", line).encode("euc-kr").index(b"not scored") for line in lines}
    assert columns == {len("song three  ")}


def test_songs_whose_references_are_all_silent_have_no_averages(noise: Noise) -> None:
    rows = [SongScore(name, score_pair(0 * noise(RATE), noise(RATE), RATE)) for name in ("One", "Two")]
    assert summary(rows) == {}
    assert "One" in table(rows)


@pytest.mark.parametrize("steps", range(4))
def test_scoring_ends_at_the_next_step_after_cancel(songs: Path, steps: int) -> None:
    reference = next(songs.rglob("vocals.wav"))
    answers = iter([False] * steps + [True])
    with pytest.raises(Cancelled):
        score_files(reference, reference, cancel=lambda: next(answers))


def test_scoring_at_another_format(songs: Path) -> None:
    found, _ = find_scored_songs(songs / "둘 Two", "vocals")
    (row,) = score_song(found[0], ["vocals"], take_mixture, ScoreOptions(sample_rate=4000, mono=True))
    assert (row.score.sample_rate, row.score.channels) == (4000, 1)


def test_a_data_set_with_a_test_part_is_scored_on_it(tmp_path: Path, noise: Noise) -> None:
    for part, names in {"train": ["A - a", "B - b"], "test": ["C - c"]}.items():
        for name in names:
            folder = tmp_path / part / name
            folder.mkdir(parents=True)
            for stem in ("mixture", "vocals", "drums", "bass", "other"):
                write(folder / f"{stem}.wav", noise(100), RATE)
    assert [song.name for song in find_scored_songs(tmp_path, "drums")[0]] == ["C - c"]
    assert [song.name for song in find_scored_songs(tmp_path / "test", "drums")[0]] == ["C - c"]


def test_a_stem_that_is_not_there_is_named(songs: Path) -> None:
    song = find_scored_songs(songs / "One", "drums")[0][0]
    with pytest.raises(DatasetError, match=r"One has no drums .* \(it has: accompaniment, vocals\)"):
        load_song(song, "drums")


def test_a_folder_without_songs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no folder"):
        find_scored_songs(tmp_path / "nowhere", "vocals")
    with pytest.raises(DatasetError, match="no songs"):
        find_scored_songs(tmp_path, "vocals")


def test_files_are_scored_whatever_their_format(songs: Path, tmp_path: Path, noise: Noise) -> None:
    write(tmp_path / "est.flac", 0.9 * noise(2 * RATE)[:, :-10], RATE)
    score = score_files(songs / "One" / "vocals.wav", tmp_path / "est.flac")
    assert score.sdr_db == pytest.approx(20, abs=0.1)
    assert score.notes == ("reference trimmed by 0.001 s to 1.999 s",)


def test_a_file_that_is_not_audio_is_refused(songs: Path, tmp_path: Path) -> None:
    (tmp_path / "song.mp3").write_text("not audio")
    with pytest.raises(AudioError, match=r"song\.mp3"):
        score_files(songs / "One" / "vocals.wav", tmp_path / "song.mp3")
