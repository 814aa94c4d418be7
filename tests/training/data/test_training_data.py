"""From folders to audio: what is learned from, what is validated on, and what is left out and named."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from separator.errors import Cancelled, ConfigError, DatasetError
from training.config import TrainConfig
from training.data.training_data import load_training_data, validation_excerpts

RATE = 22050
Write = Callable[..., Path]


@pytest.fixture
def config(tmp_path: Path, write_sound: Write) -> TrainConfig:
    """Four songs with two stems each."""
    for song in ("Ann - One", "Ben - Two", "Cem - Three", "Dan - Four"):
        for stem in ("vocals", "other"):
            write_sound(tmp_path / "songs" / song / f"{stem}.wav")
    return TrainConfig(data_dir=(str(tmp_path / "songs"),), cache_dir=str(tmp_path / "cache"), val_split=0.25)


def test_songs_are_split_with_target_and_rest_as_in_their_files(config: TrainConfig, melody: Write):
    data = load_training_data(config, RATE)
    assert (len(data.pairs), len(data.valid)) == (3, 1)
    names = {pair.name for pair in [*data.pairs, *data.valid]}
    assert names == {"Ann - One", "Ben - Two", "Cem - Three", "Dan - Four"}
    pair = data.pairs[0]
    assert pair.n_samples == RATE // 2
    assert not np.array_equal(pair.known[0].read(0, 1000), pair.rest.read(0, 1000))


def test_another_stem_makes_another_target_of_the_same_songs(config: TrainConfig):
    vocals, other = (
        load_training_data(config, RATE).pairs[0],
        load_training_data(config.replace(target=("other",)), RATE).pairs[0],
    )
    assert np.array_equal(vocals.known[0].read(0, 1000), other.rest.read(0, 1000))


def test_loose_files_are_remixed_too(config: TrainConfig, tmp_path: Path, write_sound: Write):
    for index in range(3):
        write_sound(tmp_path / "voices" / f"{index}.wav")
    write_sound(tmp_path / "bands" / "deep" / "inside" / "one.wav")
    data = load_training_data(
        config.replace(target_dir=(str(tmp_path / "voices"),), rest_dir=(str(tmp_path / "bands"),)), RATE
    )
    assert (len(data.targets[0].items), len(data.rests.items)) == (3 + 3, 3 + 1)


def test_a_weighted_folder_is_drawn_from_more_often(config: TrainConfig, tmp_path: Path, write_sound: Write):
    for stem in ("vocals", "other"):
        write_sound(tmp_path / "more" / "Eve - Five" / f"{stem}.wav")
    data = load_training_data(config.replace(data_dir=(*config.data_dir, f"{tmp_path / 'more'}=4")), RATE)
    weights = dict(zip((pair.name for pair in data.pairs), data.pair_weights, strict=True))
    assert weights.pop("Eve - Five") == pytest.approx(4 * next(iter(weights.values())))


def test_broken_files_are_left_out_and_named_wherever_they_are(config: TrainConfig, tmp_path: Path):
    valid_name = load_training_data(config, RATE).valid[0].name
    broken = tmp_path / "songs" / valid_name / "vocals.wav"
    broken.write_text("this is not audio")
    (tmp_path / "voices").mkdir()
    (tmp_path / "voices" / "bad.wav").write_text("nor is this")
    data = load_training_data(config.replace(target_dir=(str(tmp_path / "voices"),)), RATE)
    assert valid_name not in {pair.name for pair in [*data.pairs, *data.valid]}
    assert data.valid  # another song took its place
    assert {item.path.name for item in data.unreadable} == {"vocals.wav", "bad.wav"}


def test_when_nothing_is_left_the_reasons_are_told(config: TrainConfig, tmp_path: Path):
    for path in (tmp_path / "songs").rglob("vocals.wav"):
        path.write_text("this is not audio")
    with pytest.raises(DatasetError, match=r"unreadable: .*vocals\.wav"):
        load_training_data(config, RATE)


def test_a_folder_to_validate_on_keeps_all_others_for_training(config: TrainConfig, tmp_path: Path, write_sound: Write):
    for stem in ("vocals", "other"):
        write_sound(tmp_path / "valid" / "Eve - Five" / f"{stem}.wav")
    data = load_training_data(config.replace(val_dir=str(tmp_path / "valid")), RATE)
    assert (len(data.pairs), [pair.name for pair in data.valid]) == (4, ["Eve - Five"])


def test_it_can_be_stopped_while_decoding(config: TrainConfig):
    def stop(fraction: float, stage: str) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        load_training_data(config, RATE, stop)
    assert len(load_training_data(config, RATE).pairs) == 3  # and gone on with


def test_songs_of_estimates_are_kept_apart(config: TrainConfig, tmp_path: Path, write_sound: Write):
    for stem in ("vocals", "mixture"):
        write_sound(tmp_path / "estimates" / "Eva - Five" / f"{stem}.wav")
    plain, data = (
        load_training_data(config, RATE),
        load_training_data(config.replace(soft_dir=str(tmp_path / "estimates")), RATE),
    )
    assert [pair.name for pair in data.soft] == ["Eva - Five"]
    assert [pair.name for pair in data.pairs] == [pair.name for pair in plain.pairs]
    assert len(data.targets[0].items) == len(plain.targets[0].items)
    assert "of estimates" in data.describe()


@pytest.fixture
def four(config: TrainConfig, tmp_path: Path, write_sound: Write) -> TrainConfig:
    """Three targets; a song in four stems, one without bass, an instrumental one, and a karaoke one to learn from."""
    for song, stems in {
        "A - Whole": ("vocals", "drums", "bass", "other"),
        "B - Without bass": ("vocals", "drums", "other"),
        "C - Instrumental": ("drums", "bass", "other"),
        "D - Karaoke": ("vocals", "accompaniment"),
    }.items():
        for stem in stems:
            write_sound(tmp_path / "four" / song / f"{stem}.wav")
    for stem in ("vocals", "drums", "bass", "other"):
        write_sound(tmp_path / "valid" / "E - Whole" / f"{stem}.wav")
    return config.replace(
        target=("drums", "bass", "vocals"), data_dir=(str(tmp_path / "four"),), val_dir=str(tmp_path / "valid")
    )


def test_known_targets_are_stems_or_do_not_play(four: TrainConfig):
    data = load_training_data(four, RATE)
    known = {
        pair.name[:1]: [audio is not None and audio.n_samples > 0 for audio in pair.targets] for pair in data.pairs
    }
    assert known == {
        "A": [True, True, True],
        "B": [True, False, True],
        "C": [True, True, False],
        "D": [False, False, True],
    }
    assert [pair.name[:1] for pair in data.pairs if pair.is_whole] == ["A", "C"]
    assert [len(pool.items) for pool in data.targets] == [3, 2, 3]
    assert len(data.rests.items) == 2  # a rest that may hold a target is not remixed


def test_a_songs_targets_and_rest_add_up_to_it(four: TrainConfig, tmp_path: Path):
    whole = load_training_data(four, RATE).pairs[0]
    stems = [soundfile.read(tmp_path / "four" / whole.name / f"{stem}.wav")[0] for stem in ("drums", "bass", "vocals")]
    for target, stem in zip(whole.known, stems, strict=True):
        assert np.allclose(target.read(0, 9000), stem[:9000], atol=1e-3)
    other = soundfile.read(tmp_path / "four" / whole.name / "other.wav")[0]
    assert np.allclose(whole.rest.read(0, 9000), other[:9000], atol=1e-3)


def test_a_folder_of_loose_files_says_which_target_it_holds(four: TrainConfig, tmp_path: Path, write_sound: Write):
    write_sound(tmp_path / "voices" / "one.wav")
    data = load_training_data(four.replace(target_dir=(f"vocals:{tmp_path / 'voices'}",)), RATE)
    assert [len(pool.items) for pool in data.targets] == [3, 2, 4]
    with pytest.raises(ConfigError, match="which target it holds"):
        four.replace(target_dir=(str(tmp_path / "voices"),)).validate()


def test_a_target_that_nothing_holds_cannot_be_remixed(four: TrainConfig):
    with pytest.raises(DatasetError, match="holds guitar"):
        load_training_data(four.replace(target=("drums", "guitar")), RATE)


def test_unknown_targets_of_validation_songs_are_marked(four: TrainConfig, tmp_path: Path):
    (tmp_path / "valid" / "E - Whole" / "bass.wav").unlink()
    (excerpt,) = validation_excerpts(load_training_data(four, RATE), seconds=9.0, most=1)
    assert excerpt.known == (True, False, True)
    assert [bool(target.any()) for target in excerpt.targets] == [True, False, True]


def test_a_target_is_known_up_to_where_its_song_ends(config: TrainConfig, tmp_path: Path):
    """A bass that ends at 100 Hz, in a song with noise up to the top."""
    folder = tmp_path / "songs" / "Fay - Six"
    folder.mkdir()
    hum = np.hanning(RATE) * np.sin(2 * np.pi * 80 * np.arange(RATE) / RATE)
    soundfile.write(folder / "bass.wav", 0.5 * hum, RATE, subtype="FLOAT")
    soundfile.write(folder / "other.wav", 0.1 * np.random.default_rng(0).standard_normal(RATE), RATE)
    (pair,) = load_training_data(config.replace(target=("bass",), val_dir=str(tmp_path / "songs")), RATE).pairs
    assert pair.known[0].bandwidth_hz == pair.rest.bandwidth_hz > RATE * 0.45
