"""The left side of the Train tab: data, where to start from, the form and its buttons. Layout only."""

from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.i18n import I18nData

from ui.components import html
from ui.i18n import t
from ui.model_registry import ModelRegistry
from ui.settings import PageSettings
from ui.train.form import build_widget, list_form_fields
from ui.train.mlflow_link import is_mlflow_installed

SIMPLE_FIELDS = ("target", "preset", "batch_size", "learning_rate", "epochs", "max_minutes", "patience", "run_name")
"""Those that are shown at once; the others are under "advanced"."""


@dataclass(frozen=True)
class SetupPanel:
    """The widgets of this side."""

    data: gr.Textbox
    check: gr.Button
    practice: gr.Button
    report: gr.HTML
    start_from: gr.Dropdown
    track: gr.Checkbox
    form: dict[str, Any]
    start: gr.Button
    stop: gr.Button
    resume: gr.Button
    command: gr.Code


def build_setup(settings: PageSettings, registry: ModelRegistry) -> SetupPanel:
    """Lay it out inside the current column."""
    if settings.on_space:
        html.build_panel(html.render_label_note(t("train.on_space")))
    with gr.Group(visible=not settings.on_space):
        data = gr.Textbox(
            label=t("train.data"), info=t("train.data_info"), placeholder="./data/train", lines=1, max_lines=4,
            visible=not settings.on_space, elem_id="train-data",
        )  # fmt: skip
    with gr.Row():
        check = gr.Button(t("train.check"), min_width=110, visible=not settings.on_space, elem_id="train-check")
        practice = gr.Button(t("train.practice"), min_width=160, elem_id="train-practice")
    report = html.build_panel(elem_id="train-report")
    form = _build_form(settings, is_simple=True)
    start_from = gr.Dropdown(
        list_starting_points(registry), value="", label=t("train.start_from"), info=t("train.start_from_info"),
        elem_id="train-start-from",
    )  # fmt: skip
    track = gr.Checkbox(
        label=t("train.track"), info=t("train.track_info"), visible=is_mlflow_installed() and not settings.on_space,
        elem_id="train-track",
    )  # fmt: skip
    with gr.Accordion(t("train.advanced"), open=False, elem_id="train-advanced"):
        form |= _build_form(settings, is_simple=False)
    with gr.Row():
        start = gr.Button(
            t("train.start"), variant="primary", scale=2, min_width=110, interactive=False, elem_id="train-start"
        )
        stop = gr.Button(t("train.stop"), min_width=80, interactive=False, elem_id="train-stop")
        resume = gr.Button(t("train.resume"), min_width=80, interactive=False, elem_id="train-resume")
    command = gr.Code(
        "python train.py --data_dir ./data/train --target vocals", label=t("train.command"), language=None,
        interactive=False, lines=1, wrap_lines=True, elem_id="train-command",
    )  # fmt: skip
    return SetupPanel(data, check, practice, report, start_from, track, form, start, stop, resume, command)


def list_starting_points(registry: ModelRegistry) -> list[tuple[str | I18nData, str]]:
    """(label, name): a new model, or the weights of a shipped one. A run's own model is resumed instead."""
    shipped = [(label, name) for label, name in registry.list_choices() if "/" not in name]
    return [(t("train.new_model"), ""), *shipped]


def _build_form(settings: PageSettings, *, is_simple: bool) -> dict[str, Component]:
    wanted = {name: f for name, f in list_form_fields(settings).items() if (name in SIMPLE_FIELDS) == is_simple}
    with gr.Row(elem_classes="train-form"):
        return {name: build_widget(f) for name, f in wanted.items()}
