"""TrainConfig: the one source of flags, form and table; every problem reported at once."""

from dataclasses import fields
from pathlib import Path

import pytest

from separator.errors import ConfigError
from training.config import TrainConfig, get_default, parse_weighted

RECIPES = Path(__file__).parents[2] / "checkpoints" / "recipes"
GOOD = TrainConfig(data_dir=("songs",))


def test_the_defaults_are_the_missions():
    config = TrainConfig()
    assert (config.batch_size, config.epochs, config.patience) == (32, 1000, 15)
    assert (config.weight_decay, config.loss, config.schedule) == (1e-5, ("l1",), "plateau")
    assert config.target == ("vocals",)
    assert GOOD.problems() == []


@pytest.mark.parametrize(("old", "new"), [("default", "base"), ("plain", "textbook"), ("unet", "dual_path")])
def test_presets_of_older_recipes_go_by_their_new_names(old: str, new: str) -> None:
    assert GOOD.replace(preset=old).validate().preset == new


def test_every_setting_belongs_to_one_group():
    names = [f.name for group in TrainConfig.__bases__ for f in fields(group)]
    assert sorted(names) == sorted(f.name for f in fields(TrainConfig))


def test_every_field_tells_what_it_is_for():
    for f in fields(TrainConfig):
        assert f.metadata["help"], f.name
        assert isinstance(f.metadata["unit"], str), f.name
        if f.metadata["choices"]:
            chosen = get_default(f)
            for item in chosen if isinstance(chosen, tuple) else (chosen,):
                assert item in f.metadata["choices"], f.name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch_size", 0),
        ("epochs", -1),
        ("steps_per_epoch", 0),
        ("accumulate", 0),
        ("patience", 0),
        ("segment_seconds", 0.0),
        ("segment_seconds", float("nan")),
        ("learning_rate", float("inf")),
        ("learning_rate", -1e-3),
        ("clip_norm", 0.0),
        ("max_minutes", -1.0),
        ("workers", -1),
        ("val_split", 1.5),
        ("remix_share", -0.1),
        ("silent_share", float("nan")),
        ("ema_decay", 1.0),
        ("seed", -1),
        ("seed", 2**63),
        ("schedule", "linear"),
        ("precision", "8-bit"),
        ("preset", "huge"),
        ("select_by", "luck"),
        ("loss", ()),
        ("loss", ("l3",)),
        ("loss", ("l1=much",)),
        ("loss", ("l1=-1",)),
        ("augmentations", ("echo",)),
        ("target_gain_db", (3.0, -3.0)),
        ("target_gain_db", (3.0,)),
        ("target", "lead-vocals"),
        ("target", ""),
        ("run_name", "../elsewhere"),
        ("run_name", ".hidden"),
        ("data_dir", ()),
    ],
)
def test_what_cannot_work_is_named_with_its_value(name: str, value: object):
    (problem,) = GOOD.replace(**{name: value}).problems()
    assert name in problem
    if value:
        assert str(value[0] if name in ("loss", "augmentations") else value) in problem  # type: ignore[index]


def test_all_problems_are_told_at_once():
    with pytest.raises(ConfigError) as refused:
        TrainConfig(batch_size=0, learning_rate=-1.0, schedule="linear").validate()
    assert len(str(refused.value).splitlines()) == 4  # with the data_dir that is missing


def test_augmentations_may_all_be_switched_off():
    assert GOOD.replace(augmentations=()).problems() == []


def test_it_survives_the_way_through_a_plain_dict():
    config = GOOD.replace(loss=("l1_complex", "l1_sqrt=0.2"), target_gain_db=(-3.0, 3.0))
    assert TrainConfig.from_dict(config.to_dict()) == config


def test_a_single_folder_needs_no_list():
    assert TrainConfig(data_dir="songs").data_dir == ("songs",)  # type: ignore[arg-type]


def test_an_unknown_setting_is_refused_by_name():
    with pytest.raises(ConfigError, match="momentum"):
        TrainConfig.from_dict({"momentum": 0.9})


def test_whole_numbers_are_numbers():
    config = TrainConfig.from_dict({"data_dir": "songs", "max_minutes": 10, "target_gain_db": [-6, 0]})
    assert config.validate().max_minutes == 10


@pytest.mark.parametrize("given", ["drums,bass", "drums, bass", ["drums", "bass"], ["drums bass"]])
def test_several_targets_are_given_as_a_list_or_in_one_text(given: object):
    assert TrainConfig.from_dict({"target": given}).target == ("drums", "bass")


def test_a_recipe_is_a_file_of_settings(tmp_path: Path):
    path = tmp_path / "my recipe.toml"
    path.write_text('target = "drums"\nloss = ["l1", "l1_sqrt=0.2"]\n')
    assert TrainConfig.read_recipe(path) == {"target": "drums", "loss": ["l1", "l1_sqrt=0.2"]}


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("target = ", "TOML"),
        ("momentum = 0.9", "momentum"),
        ('batch_size = "32"', "batch_size is '32'; it must be a whole number"),
        ("batch_size = 2.5", "batch_size is 2.5; it must be a whole number"),
        ("epochs = true", "epochs is True; it must be a whole number"),
        ('max_minutes = "ten"', "max_minutes is 'ten'; it must be a number"),
        ("target = 3", "target is .3.; it must be text, in quotes"),
        ("data_dir = 5", r"data_dir is \[5\]; it must be text, in quotes"),
        ('target_gain_db = ["low", "high"]', "target_gain_db is .* it must be a number"),
        ('epochs = "a"\npatience = "b"', "epochs is 'a'.*\npatience is 'b'"),
    ],
)
def test_a_wrong_recipe_is_refused(tmp_path: Path, text: str, printed: str):
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=printed):
        TrainConfig.read_recipe(path)
    with pytest.raises(ConfigError, match="cannot read"):
        TrainConfig.read_recipe(tmp_path / "none.toml")


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_the_recipes_of_this_repository_can_work(path: Path):
    config = TrainConfig.from_dict({"data_dir": ["songs"], **TrainConfig.read_recipe(path)})
    assert config.problems() == []


def test_weights_of_losses_are_read_from_their_text():
    assert parse_weighted("l1") == ("l1", 1.0)
    assert parse_weighted("l1=0.25") == ("l1", 0.25)
