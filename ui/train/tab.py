"""The Train tab: data and form on the left, the runs with their live view on the right, and their events."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from ui.components import html
from ui.components.event_options import PRIVATE, QUEUED, SERIAL_DRAW, UNQUEUED
from ui.i18n import t
from ui.model_export import build_export_button, build_export_files
from ui.model_registry import ModelRegistry
from ui.scripts import mount_script
from ui.settings import PageSettings
from ui.train.data_check import DataChecks
from ui.train.handlers import TrainHandlers
from ui.train.previews import make_preview_server
from ui.train.run_manager import RunManager
from ui.train.run_view import RunViewCache
from ui.train.setup_panel import SetupPanel, build_setup

TICK_SECONDS = 2.0
# The templates never change, so Gradio never redraws what the scripts have built inside them.
LIVE = '<div class="sori-live" aria-live="off"></div>'
LEARN = '<div class="sori-learn"></div>'


@dataclass(frozen=True)
class TrainTab:
    """The widgets that events of other tabs use, and what is shown of the runs."""

    runs: gr.Radio
    use: gr.Button
    score: gr.Button
    take: gr.Button
    taken: gr.Files
    views: RunViewCache


@dataclass(frozen=True)
class _RunPanel:
    """The right side: the runs, and what is shown of the chosen one."""

    runs: gr.Radio
    live: gr.HTML
    done: gr.Row
    in_mlflow: gr.Row
    mlflow: gr.Button
    address: gr.HTML
    use: gr.Button
    score: gr.Button
    take: gr.Button
    taken: gr.Files
    learn: gr.HTML


def build_train_tab(
    settings: PageSettings, registry: ModelRegistry, manager: RunManager, page: gr.Blocks, remembered: gr.BrowserState
) -> TrainTab:
    """Lay out the tab inside the current ``gr.Tab`` and wire it.

    Args:
        page: the whole page, for its load event.
        remembered: the data folder, kept by the browser; made outside of the tabs, as only there it is read on load.
    """
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320, elem_id="train-setup"):
            setup = build_setup(settings, registry)
        with gr.Column(scale=7, min_width=320):
            run_panel = _build_run_panel(manager)
    handle = TrainHandlers(settings, registry, manager, DataChecks(settings), list(setup.form))
    _wire(handle, setup, run_panel, page, remembered)
    return TrainTab(run_panel.runs, run_panel.use, run_panel.score, run_panel.take, run_panel.taken, handle.views)


def _build_run_panel(manager: RunManager) -> _RunPanel:
    runs = gr.Radio([], label=t("train.runs"), elem_id="train-runs")
    live = gr.HTML(
        None, html_template=LIVE, js_on_load=mount_script("js/train/live.js", "mountLive"), elem_id="train-live",
        apply_default_css=False,
    )  # fmt: skip
    with gr.Row(visible=False, elem_id="train-done") as done:
        use = gr.Button(t("train.use"), variant="primary", min_width=150, elem_id="train-use")
        score = gr.Button(t("train.score"), min_width=150, elem_id="train-score")
        take = build_export_button("train-take")
    taken = build_export_files("train-taken")
    with gr.Row(visible=False) as in_mlflow:
        mlflow = gr.Button(t("train.mlflow"), size="md", min_width=150, elem_id="train-mlflow")
        address = html.build_panel(elem_id="train-address")
    learn = gr.HTML(
        None, html_template=LEARN, js_on_load=mount_script("js/train/learn.js", "mountLearn"),
        elem_id="train-learn", apply_default_css=False, server_functions=[make_preview_server(manager)],
    )  # fmt: skip
    return _RunPanel(runs, live, done, in_mlflow, mlflow, address, use, score, take, taken, learn)


def _wire(
    handle: TrainHandlers, setup: SetupPanel, run_panel: _RunPanel, page: gr.Blocks, remembered: gr.BrowserState
) -> None:
    """Every event ends in ``draw``; so do the timer and the page's load."""
    form, target = list(setup.form.values()), setup.form["target"]
    chosen = [setup.data, setup.start_from, setup.track, *form]
    checked = [setup.data, setup.start_from, *form]
    seen: gr.State = gr.State({})
    drawn = [
        run_panel.runs, run_panel.live, run_panel.learn, setup.report, setup.start, setup.stop, setup.resume,
        run_panel.done, run_panel.in_mlflow, seen,
    ]  # fmt: skip

    def draw(event: Any) -> Any:
        return event(handle.draw, [run_panel.runs, setup.data, target, seen], drawn, **SERIAL_DRAW)

    def check(event: Any) -> Any:
        return draw(event(handle.check, checked, [remembered], **UNQUEUED).then)

    draw(gr.Timer(TICK_SECONDS).tick)
    draw(run_panel.runs.input)
    check(page.load(handle.restore_folder, [remembered], [setup.data], **UNQUEUED).then)
    check(setup.practice.click(handle.choose_practice, None, [setup.data, *form], **UNQUEUED).then)
    draw(setup.check.click(handle.check_again, checked, [remembered], **QUEUED).then)
    for event in (setup.data.submit, setup.data.blur, target.input, setup.form["preset"].input, setup.start_from.input):
        check(event)
    draw(setup.start.click(handle.start, chosen, [run_panel.runs], **QUEUED).then)
    draw(setup.resume.click(handle.resume, [run_panel.runs, *form], [run_panel.runs], **QUEUED).then)
    draw(setup.stop.click(handle.stop, [run_panel.runs], None, **QUEUED).then)
    run_panel.mlflow.click(
        handle.show_mlflow_link, [run_panel.runs], [run_panel.address], concurrency_limit=2, **PRIVATE
    )
    for widget in chosen:
        widget.change(handle.show_command, chosen, [setup.command], **UNQUEUED)
