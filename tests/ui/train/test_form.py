"""The form is TrainConfig, and the command that it shows does the same."""

import shlex
from dataclasses import fields, replace
from pathlib import Path

import gradio as gr
import pytest

from separator.errors import ConfigError
from sori import train
from training.config import TrainConfig
from ui.i18n import TEXTS
from ui.settings import PageSettings
from ui.train.form import (
    FIELDS_OUTSIDE_FORM,
    FOLDER_FIELDS,
    build_training_command,
    build_widget,
    get_form_default,
    list_form_fields,
    parse_settings,
    parse_value,
    read_practice_recipe,
)

# Gradio leaves its event loops to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def settings(tmp_path: Path) -> PageSettings:
    return PageSettings(checkpoints=tmp_path, on_space=False)


def test_every_field_can_be_chosen_somewhere(settings: PageSettings) -> None:
    assert {*list_form_fields(settings), *FIELDS_OUTSIDE_FORM} == {f.name for f in fields(TrainConfig)}


def test_every_field_is_translated(settings: PageSettings) -> None:
    missing = [name for name in list_form_fields(settings) if f"train_form.{name}_help" not in TEXTS["ko"]]
    assert missing == []


def test_an_untouched_form_is_the_default_config(settings: PageSettings) -> None:
    wanted = list_form_fields(settings)
    with gr.Blocks():
        values = [build_widget(f).value for f in wanted.values()]
    config = TrainConfig.from_dict(parse_settings(list(wanted), values))
    assert replace(config, workers=1) == replace(TrainConfig(), workers=1)


def test_a_space_asks_for_no_folder(settings: PageSettings) -> None:
    assert not set(FOLDER_FIELDS) & set(list_form_fields(replace(settings, on_space=True)))


@pytest.mark.parametrize(
    ("name", "typed", "meant"),
    [
        ("target_gain_db", "-3, 4.5", (-3.0, 4.5)),
        ("rest_dir", "a b\n\n c ", ("a b", "c")),
        ("loss", ["l1"], ("l1",)),
        ("target", "drums, bass vocals", ("drums", "bass", "vocals")),
        ("epochs", 7.0, 7),
        ("learning_rate", None, 1e-3),
    ],
)
def test_what_is_typed_becomes_the_field(name: str, typed: object, meant: object) -> None:
    assert parse_settings([name], [typed]) == {name: meant}


def test_words_where_numbers_belong_are_refused() -> None:
    field = next(f for f in fields(TrainConfig) if f.name == "target_gain_db")
    with pytest.raises(ConfigError, match="must be numbers"):
        parse_value(field, "loud")


@pytest.mark.parametrize("changes", [{}, {"epochs": 3, "loss": ("l1", "l1_sqrt=0.5"), "target_gain_db": (-9.0, 2.0)}])
def test_the_command_means_what_the_form_means(settings: PageSettings, changes: dict[str, object]) -> None:
    values = {name: get_form_default(f) for name, f in list_form_fields(settings).items()} | changes
    command = shlex.split(build_training_command(values, ["my songs"], practice=False))
    assert command[:2] == ["python", "train.py"]
    meant = train.read_config(vars(train.make_parser().parse_args(command[2:])))
    assert meant == TrainConfig.from_dict({**values, "data_dir": ["my songs"]})


def test_practice_command_names_only_what_differs(settings: PageSettings) -> None:
    values = {name: get_form_default(f) for name, f in list_form_fields(settings).items()} | read_practice_recipe()
    values = parse_settings(list(values), [values[name] for name in values])
    words = shlex.split(build_training_command({**values, "epochs": 9, "workers": 1}, [], practice=True))
    assert words == ["python", "train.py", "--practice", "--target", "vocals", "--epochs", "9"]


def test_a_new_field_shows_its_own_name_until_it_is_translated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(TEXTS["en"], "train_form.seed")
    with gr.Blocks():
        widget = build_widget(next(f for f in fields(TrainConfig) if f.name == "seed"))
    assert widget.label == "seed"
