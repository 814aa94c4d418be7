"""The Train tab: data and form on the left, the runs with their live view on the right, and the wires between them."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from ui.components import html
from ui.components.event_options import AT_ONCE, IN_ORDER, IN_TURN, PRIVATE
from ui.i18n import t
from ui.model_registry import ModelShelf
from ui.score.tab import FROM_MODEL
from ui.scripts import mount_script
from ui.settings import PageSettings
from ui.train.data_check import Checkups
from ui.train.handlers import Handlers
from ui.train.previews import preview_server
from ui.train.run_manager import Trainings
from ui.train.setup_panel import Setup, build_setup

TICK_SECONDS = 2.0
# The templates never change, so Gradio never redraws what the scripts have built inside them.
LIVE = '<div class="sori-live" aria-live="off"></div>'
LEARN = '<div class="sori-learn"></div>'


@dataclass(frozen=True)
class TrainTab:
    """The widgets that other tabs reach into."""

    runs: gr.Radio
    use: gr.Button
    score: gr.Button


@dataclass(frozen=True)
class _Watch:
    """The right side: the runs, and what is shown of the chosen one."""

    runs: gr.Radio
    live: gr.HTML
    done: gr.Row
    in_mlflow: gr.Row
    mlflow: gr.Button
    address: gr.HTML
    use: gr.Button
    score: gr.Button
    learn: gr.HTML


def build_train_tab(
    settings: PageSettings, shelf: ModelShelf, trainings: Trainings, page: gr.Blocks, remembered: gr.BrowserState
) -> TrainTab:
    """Lay out the tab inside the current ``gr.Tab`` and wire it.

    Args:
        page: the whole page, for its load event.
        remembered: the data folder, kept by the browser; made outside of the tabs, as only there it is read on load.
    """
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320, elem_id="train-setup"):
            setup = build_setup(settings, shelf)
        with gr.Column(scale=7, min_width=320):
            watch = _build_watch(trainings)
    handle = Handlers(settings, shelf, trainings, Checkups(settings), list(setup.form))
    _wire(handle, setup, watch, page, remembered)
    return TrainTab(watch.runs, watch.use, watch.score)


def _build_watch(trainings: Trainings) -> _Watch:
    runs = gr.Radio([], label=t("train.runs"), elem_id="train-runs")
    live = gr.HTML(
        None, html_template=LIVE, js_on_load=mount_script("js/train/live.js", "mountLive"), elem_id="train-live",
        apply_default_css=False,
    )  # fmt: skip
    with gr.Row(visible=False, elem_id="train-done") as done:
        use = gr.Button(t("train.use"), variant="primary", min_width=150, elem_id="train-use")
        score = gr.Button(t("train.score"), min_width=150, elem_id="train-score")
    with gr.Row(visible=False) as in_mlflow:
        mlflow = gr.Button(t("train.mlflow"), size="md", min_width=150, elem_id="train-mlflow")
        address = html.panel(elem_id="train-address")
    learn = gr.HTML(
        None, html_template=LEARN, js_on_load=mount_script("js/train/learn.js", "mountLearn"),
        elem_id="train-learn", apply_default_css=False, server_functions=[preview_server(trainings)],
    )  # fmt: skip
    return _Watch(runs, live, done, in_mlflow, mlflow, address, use, score, learn)


def _wire(handle: Handlers, setup: Setup, watch: _Watch, page: gr.Blocks, remembered: gr.BrowserState) -> None:
    """Every event ends in the one drawing; so do the clock and the page's load."""
    form, target = list(setup.form.values()), setup.form["target"]
    chosen = [setup.data, setup.start_from, setup.track, *form]
    seen: gr.State = gr.State({})
    drawn = [
        watch.runs, watch.live, watch.learn, setup.report, setup.start, setup.stop, setup.resume,
        watch.done, watch.in_mlflow, seen,
    ]  # fmt: skip

    def draw(event: Any) -> Any:
        return event(handle.draw, [watch.runs, setup.data, target, seen], drawn, **IN_TURN)

    def check(event: Any) -> Any:
        return draw(event(handle.check, [setup.data, *form], [remembered], **AT_ONCE).then)

    draw(gr.Timer(TICK_SECONDS).tick)
    draw(watch.runs.input)
    check(page.load(handle.restore, [remembered], [setup.data], **AT_ONCE).then)
    check(setup.practice.click(handle.practice, None, [setup.data, *form], **AT_ONCE).then)
    draw(setup.check.click(handle.check_again, [setup.data, *form], [remembered], **IN_ORDER).then)
    for event in (setup.data.submit, setup.data.blur, target.input):
        check(event)
    draw(setup.start.click(handle.start, chosen, [watch.runs], **IN_ORDER).then)
    draw(setup.resume.click(handle.resume, [watch.runs, *form], [watch.runs], **IN_ORDER).then)
    draw(setup.stop.click(handle.stop, [watch.runs], None, **IN_ORDER).then)
    watch.mlflow.click(handle.mlflow, [watch.runs], [watch.address], concurrency_limit=2, **PRIVATE)
    for widget in chosen:
        widget.change(handle.command, chosen, [setup.command], **AT_ONCE)


def wire_results(
    train: TrainTab, shelf: ModelShelf, tabs: gr.Tabs, separate_models: gr.Dropdown, score_source: gr.Radio,
    score_model: gr.Dropdown,
) -> None:  # fmt: skip
    """Let the finished run's model be used in Separate and judged in Score, in one click each."""

    def use_run(run: str) -> tuple[Any, Any]:
        return gr.Tabs(selected="separate"), gr.Dropdown(choices=shelf.choices(), value=[_best(run)])

    def score_run(run: str) -> tuple[Any, Any, Any]:
        return gr.Tabs(selected="score"), FROM_MODEL, gr.Dropdown(choices=shelf.choices(), value=_best(run))

    train.use.click(use_run, [train.runs], [tabs, separate_models], **AT_ONCE)
    train.score.click(score_run, [train.runs], [tabs, score_source, score_model], **AT_ONCE)


def _best(run: str) -> str:
    """The name of a run's best model on the shelf."""
    return f"{run}/best_model.pth"
