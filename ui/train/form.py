"""The form of the Train tab: one widget for each field of TrainConfig, back to a config, and the equal command."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import Field, fields
from typing import Any

import gradio as gr
from gradio.components import Component

from separator.errors import ConfigError
from training.config import PRACTICE_RECIPE, TrainConfig, get_default, split_names
from ui.i18n import TEXTS, t
from ui.settings import PageSettings
from ui.train.run_manager import FOLDER_FIELDS, choose_worker_count

FIELDS_OUTSIDE_FORM = ("data_dir", "out_dir", "cache_dir")
SUGGESTIONS = {
    "target": ("vocals", "drums", "bass", "other", "drums bass vocals"),
    "device": ("auto", "cpu", "cuda", "mps"),
}


def list_form_fields(settings: PageSettings) -> "dict[str, Field[Any]]":
    """Name -> field of the form, in TrainConfig's order."""
    hidden = (*FIELDS_OUTSIDE_FORM, *(FOLDER_FIELDS if settings.on_space else ()))
    return {f.name: f for f in fields(TrainConfig) if f.name not in hidden}


def get_form_default(f: "Field[Any]") -> Any:
    """TrainConfig's default, or the page's own."""
    return choose_worker_count() if f.name == "workers" else get_default(f)


def build_widget(f: "Field[Any]") -> Component:
    """The widget that fits a field's type, with its translated name and help."""
    default, choices = get_form_default(f), f.metadata["choices"]
    common = {**_translate_field(f), "elem_id": f"train-{f.name}"}
    if choices:
        is_list = isinstance(default, tuple)
        value = list(default) if is_list else default
        return gr.Dropdown(
            list(choices),
            value=value,
            multiselect=is_list,
            allow_custom_value=f.name in ("loss", "preset"),
            min_width=180,
            **common,
        )
    if f.name in SUGGESTIONS:
        value = " ".join(default) if isinstance(default, tuple) else default
        return gr.Dropdown(
            list(SUGGESTIONS[f.name]), value=value, allow_custom_value=f.name == "target", min_width=150, **common
        )
    if isinstance(default, tuple):
        lines = 2 if f.name in FOLDER_FIELDS else 1
        return gr.Textbox(" ".join(f"{item:g}" for item in default), lines=lines, min_width=180, **common)
    if isinstance(default, int | float):
        return gr.Number(default, precision=0 if isinstance(default, int) else None, min_width=150, **common)
    return gr.Textbox(default, min_width=180, **common)


def _translate_field(f: "Field[Any]") -> dict[str, Any]:
    """Label and help, translated; for a field newer than the translations, its own."""
    if f"train_form.{f.name}" not in TEXTS["en"]:
        return {"label": f.name.replace("_", " "), "info": f.metadata["help"]}
    return {"label": t(f"train_form.{f.name}"), "info": t(f"train_form.{f.name}_help")}


def parse_value(f: "Field[Any]", value: Any) -> Any:
    """A widget's value as the field's type; an empty widget gives the default.

    Raises ConfigError for text where numbers are expected.
    """
    default = get_default(f)
    if value is None:
        return get_form_default(f)
    if not isinstance(default, tuple):
        return type(default)(value)
    if not isinstance(value, str):
        return tuple(value)
    if f.name == "target":
        return split_names((value,))
    if not default:
        return tuple(line.strip() for line in value.splitlines() if line.strip())
    try:
        return tuple(float(word) for word in value.replace(",", " ").split())
    except ValueError as error:
        raise ConfigError(f"{f.name} is {value!r}; it must be numbers with spaces between them") from error


def parse_settings(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """Field name -> value from the form's widgets, in the order of `names`.

    Raises ConfigError, as :func:`parse`.
    """
    by_name = {f.name: f for f in fields(TrainConfig)}
    return {name: parse_value(by_name[name], value) for name, value in zip(names, values, strict=True)}


def read_practice_recipe() -> dict[str, Any]:
    """Field name -> value of the practice recipe."""
    return TrainConfig.read_recipe(PRACTICE_RECIPE)


def build_training_command(
    values: Mapping[str, Any], folders: Sequence[str], *, practice: bool, start_from: str = "", track: bool = False
) -> str:
    """The command that does what the form would do: only what differs from its own defaults is spelled out."""
    # With a checkpoint to start from, the command leaves the recipe alone.
    base = TrainConfig.from_dict(read_practice_recipe() if practice and not start_from else {})
    words = ["python", "train.py"]
    if start_from:
        words += ["--resume_from", start_from]
    words += ["--practice"] if practice else ["--data_dir", *(folders or ["./data/train"])]
    for f in fields(TrainConfig):
        if f.name not in values or (values[f.name] == getattr(base, f.name) and f.name != "target"):
            continue
        value = values[f.name]
        words += [f"--{f.name}", *(map(str, value) if isinstance(value, tuple) else [str(value)])]
    return shlex.join([*words, "--mlflow"] if track else words)
