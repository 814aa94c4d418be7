"""The left side of the Train tab: data, where to start from, the form and its buttons. Layout only."""

from dataclasses import dataclass

import gradio as gr
from gradio.components import Component
from gradio.i18n import I18nData

from ui.components import html
from ui.i18n import t
from ui.model_registry import ModelShelf
from ui.settings import PageSettings
from ui.train.form import form_fields, widget_for
from ui.train.mlflow_link import can_track


@dataclass(frozen=True)
class Setup:
    """The widgets of this side."""

    data: gr.Textbox
    check: gr.Button
    practice: gr.Button
    report: gr.HTML
    start_from: gr.Dropdown
    track: gr.Checkbox
    form: dict[str, Component]
    start: gr.Button
    stop: gr.Button
    resume: gr.Button
    command: gr.Code


def build_setup(settings: PageSettings, shelf: ModelShelf) -> Setup:
    """Lay it out inside the current column."""
    if settings.on_space:
        html.panel(html.label_note(t("train.on_space")))
    with gr.Group(visible=not settings.on_space):
        data = gr.Textbox(
            label=t("train.data"), info=t("train.data_info"), placeholder="./data/train", lines=1, max_lines=4,
            visible=not settings.on_space, elem_id="train-data",
        )  # fmt: skip
    with gr.Row():
        check = gr.Button(t("train.check"), min_width=110, visible=not settings.on_space, elem_id="train-check")
        practice = gr.Button(t("train.practice"), min_width=160, elem_id="train-practice")
    report = html.panel(elem_id="train-report")
    form = _build_form(settings, "simple")
    start_from = gr.Dropdown(
        starting_points(shelf), value="", label=t("train.start_from"), info=t("train.start_from_info"),
        elem_id="train-start-from",
    )  # fmt: skip
    track = gr.Checkbox(
        label=t("train.track"), info=t("train.track_info"), visible=can_track() and not settings.on_space,
        elem_id="train-track",
    )  # fmt: skip
    with gr.Accordion(t("train.advanced"), open=False, elem_id="train-advanced"):
        form |= _build_form(settings, "advanced")
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
    return Setup(data, check, practice, report, start_from, track, form, start, stop, resume, command)


def starting_points(shelf: ModelShelf) -> list[tuple[str | I18nData, str]]:
    """(label, name): a new model, or the weights of a shipped one. A run's own model is resumed instead."""
    shipped = [(label, name) for label, name in shelf.choices() if "/" not in name]
    return [(t("train.new_model"), ""), *shipped]


def _build_form(settings: PageSettings, group: str) -> dict[str, Component]:
    wanted = {name: f for name, f in form_fields(settings).items() if f.metadata["group"] == group}
    with gr.Row(elem_classes="train-form"):
        return {name: widget_for(f) for name, f in wanted.items()}
