"""From folders to audio: what is learned from, what is validated on, and what is left out and named."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from separator.errors import Cancelled, DatasetError
from training.config import TrainConfig
from training.material import gather

RATE = 22050
Write = Callable[..., Path]


@pytest.fixture
def config(tmp_path: Path, write_sound: Write) -> TrainConfig:
    """Four songs with two stems each."""
    for song in ("Ann - One", "Ben - Two", "Cem - Three", "Dan - Four"):
        for stem in ("vocals", "other"):
            write_sound(tmp_path / "songs" / song / f"{stem}.wav")
    return TrainConfig(data_dir=(str(tmp_path / "songs"),), cache_dir=str(tmp_path / "cache"), val_split=0.25)


def test_songs_are_split_and_their_target_and_rest_are_those_of_the_files(config: TrainConfig, melody: Write):
    material = gather(config, RATE)
    assert (len(material.pairs), len(material.valid)) == (3, 1)
    names = {pair.name for pair in [*material.pairs, *material.valid]}
    assert names == {"Ann - One", "Ben - Two", "Cem - Three", "Dan - Four"}
    pair = material.pairs[0]
    assert pair.n_samples == RATE // 2
    assert not np.array_equal(pair.target.read(0, 1000), pair.rest.read(0, 1000))


def test_another_stem_makes_another_target_of_the_same_songs(config: TrainConfig):
    vocals, other = gather(config, RATE).pairs[0], gather(config.replace(target="other"), RATE).pairs[0]
    assert np.array_equal(vocals.target.read(0, 1000), other.rest.read(0, 1000))


def test_loose_files_are_remixed_too(config: TrainConfig, tmp_path: Path, write_sound: Write):
    for index in range(3):
        write_sound(tmp_path / "voices" / f"{index}.wav")
    write_sound(tmp_path / "bands" / "deep" / "inside" / "one.wav")
    material = gather(config.replace(target_dir=(str(tmp_path / "voices"),), rest_dir=(str(tmp_path / "bands"),)), RATE)
    assert (len(material.targets.items), len(material.rests.items)) == (3 + 3, 3 + 1)


def test_a_weighted_folder_is_drawn_from_more_often(config: TrainConfig, tmp_path: Path, write_sound: Write):
    for stem in ("vocals", "other"):
        write_sound(tmp_path / "more" / "Eve - Five" / f"{stem}.wav")
    material = gather(config.replace(data_dir=(*config.data_dir, f"{tmp_path / 'more'}=4")), RATE)
    weights = dict(zip((pair.name for pair in material.pairs), material.pair_weights, strict=True))
    assert weights.pop("Eve - Five") == pytest.approx(4 * next(iter(weights.values())))


def test_broken_files_are_left_out_and_named_wherever_they_are(config: TrainConfig, tmp_path: Path):
    valid_name = gather(config, RATE).valid[0].name
    broken = tmp_path / "songs" / valid_name / "vocals.wav"
    broken.write_text("this is not audio")
    (tmp_path / "voices").mkdir()
    (tmp_path / "voices" / "bad.wav").write_text("nor is this")
    material = gather(config.replace(target_dir=(str(tmp_path / "voices"),)), RATE)
    assert valid_name not in {pair.name for pair in [*material.pairs, *material.valid]}
    assert material.valid  # another song took its place
    assert {item.path.name for item in material.bad} == {"vocals.wav", "bad.wav"}


def test_when_nothing_is_left_the_reasons_are_told(config: TrainConfig, tmp_path: Path):
    for path in (tmp_path / "songs").rglob("vocals.wav"):
        path.write_text("this is not audio")
    with pytest.raises(DatasetError, match=r"unreadable: .*vocals\.wav"):
        gather(config, RATE)


def test_a_folder_to_validate_on_keeps_all_others_for_training(config: TrainConfig, tmp_path: Path, write_sound: Write):
    for stem in ("vocals", "other"):
        write_sound(tmp_path / "valid" / "Eve - Five" / f"{stem}.wav")
    material = gather(config.replace(val_dir=str(tmp_path / "valid")), RATE)
    assert (len(material.pairs), [pair.name for pair in material.valid]) == (4, ["Eve - Five"])


def test_it_can_be_stopped_while_decoding(config: TrainConfig):
    def stop(fraction: float, stage: str) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        gather(config, RATE, stop)
    assert len(gather(config, RATE).pairs) == 3  # and gone on with


def test_songs_of_estimates_are_kept_apart(config: TrainConfig, tmp_path: Path, write_sound: Write):
    for stem in ("vocals", "mixture"):
        write_sound(tmp_path / "estimates" / "Eva - Five" / f"{stem}.wav")
    plain, material = gather(config, RATE), gather(config.replace(soft_dir=str(tmp_path / "estimates")), RATE)
    assert [pair.name for pair in material.soft] == ["Eva - Five"]
    assert [pair.name for pair in material.pairs] == [pair.name for pair in plain.pairs]
    assert len(material.targets.items) == len(plain.targets.items)
    assert "of estimates" in material.describe()
