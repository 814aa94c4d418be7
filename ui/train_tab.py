"""The Train tab: data and form on the left, the runs with their live view on the right, and the wires between them."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from ui.checkup import Checkups
from ui.events import AT_ONCE
from ui.models import ModelShelf
from ui.previews import preview_server
from ui.score_tab import FROM_MODEL
from ui.settings import PageSettings
from ui.texts import t
from ui.train_handlers import Handlers
from ui.train_setup import Setup, build_setup
from ui.trainings import Trainings

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
    use: gr.Button
    score: gr.Button
    learn: gr.HTML


def build_train_tab(settings: PageSettings, shelf: ModelShelf, trainings: Trainings, page: gr.Blocks) -> TrainTab:
    """Lay out the tab inside the current ``gr.Tab`` and wire it; `page` is the whole page, for its load event."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320, elem_id="train-setup"):
            setup = build_setup(settings, shelf)
        with gr.Column(scale=7, min_width=320):
            watch = _build_watch(settings, trainings)
    handle = Handlers(settings, shelf, trainings, Checkups(settings), list(setup.form))
    _wire(handle, setup, watch, page)
    return TrainTab(watch.runs, watch.use, watch.score)


def _build_watch(settings: PageSettings, trainings: Trainings) -> _Watch:
    runs = gr.Radio([], label=t("train.runs"), elem_id="train-runs")
    live = gr.HTML(
        None, html_template=LIVE, js_on_load="window.Sori.mountLive(element, props, watch)", elem_id="train-live",
        apply_default_css=False,
    )  # fmt: skip
    with gr.Row(visible=False, elem_id="train-done") as done:
        use = gr.Button(t("train.use"), variant="primary", min_width=150, elem_id="train-use")
        score = gr.Button(t("train.score"), min_width=150, elem_id="train-score")
        gr.Button(t("train.mlflow"), link=settings.mlflow_url, min_width=150, elem_id="train-mlflow")
    learn = gr.HTML(
        None, html_template=LEARN, js_on_load="window.Sori.mountLearn(element, props, watch, server)",
        elem_id="train-learn", apply_default_css=False, server_functions=[preview_server(trainings)],
    )  # fmt: skip
    return _Watch(runs, live, done, use, score, learn)


def _wire(handle: Handlers, setup: Setup, watch: _Watch, page: gr.Blocks) -> None:
    form, target = list(setup.form.values()), setup.form["target"]
    seen: gr.State = gr.State({})
    remembered = gr.BrowserState("", storage_key="sori-train-data", secret="sori")
    looked_at = [watch.runs, setup.data, target, seen]
    drawn = [
        watch.runs, watch.live, watch.learn, setup.report, setup.start, setup.stop, setup.resume, watch.done, seen,
    ]  # fmt: skip
    draw: dict[str, Any] = {"fn": handle.draw, "inputs": looked_at, "outputs": drawn, **AT_ONCE}
    checking: dict[str, Any] = {"inputs": [setup.data, *form], "outputs": [remembered], **AT_ONCE}

    gr.Timer(TICK_SECONDS).tick(**draw)
    page.load(handle.restore, [remembered], [setup.data], **AT_ONCE).then(fn=handle.check, **checking).then(**draw)
    watch.runs.input(**draw)
    setup.practice.click(handle.practice, None, [setup.data, *form], **AT_ONCE).then(fn=handle.check, **checking).then(
        **draw
    )
    setup.check.click(fn=handle.check_again, **checking).then(**draw)
    for looking in (setup.data.submit, setup.data.blur, target.input):
        looking(fn=handle.check, **checking).then(**draw)
    setup.start.click(handle.start, [setup.data, setup.start_from, *form], [watch.runs], **AT_ONCE).then(**draw)
    setup.resume.click(handle.resume, [watch.runs, *form], [watch.runs], **AT_ONCE).then(**draw)
    setup.stop.click(handle.stop, [watch.runs], None, **AT_ONCE).then(**draw)
    command = [setup.data, setup.start_from, *form]
    for widget in command:
        widget.change(handle.command, command, [setup.command], **AT_ONCE)


def wire_results(
    train: TrainTab, shelf: ModelShelf, tabs: gr.Tabs, separate_models: gr.Dropdown, score_source: gr.Radio,
    score_model: gr.Dropdown,
) -> None:  # fmt: skip
    """Let the finished run's model be used in Separate and judged in Score, in one click each."""

    def use(run: str) -> tuple[Any, Any]:
        return gr.Tabs(selected="separate"), gr.Dropdown(choices=shelf.choices(), value=[_best(run)])

    def score(run: str) -> tuple[Any, Any, Any]:
        return gr.Tabs(selected="score"), FROM_MODEL, gr.Dropdown(choices=shelf.choices(), value=_best(run))

    train.use.click(use, [train.runs], [tabs, separate_models], **AT_ONCE)
    train.score.click(score, [train.runs], [tabs, score_source, score_model], **AT_ONCE)


def _best(run: str) -> str:
    """The name of a run's best model on the shelf."""
    return f"{run}/best_model.pth"
