"""The page as a whole: header, four tabs, and the events that cross from one tab to another."""

import os
from collections.abc import Sequence
from functools import partial
from typing import Any

import gradio as gr

from ui.api.separate_score import build_endpoints
from ui.api.train import build_train_endpoints
from ui.components.event_options import UNQUEUED
from ui.i18n import I18N, t
from ui.jobs.fair_queue import FairQueue
from ui.live.pages import build_page_route
from ui.live.tab import build_live_tab
from ui.model_export import wire_export
from ui.model_registry import ModelRegistry
from ui.safety import build_guards
from ui.score.tab import FROM_MODEL, ScoreTab, build_score_tab
from ui.scripts import ASSETS, build_head, build_server_options
from ui.separate.tab import MY_MODELS, SeparateTab, build_separate_tab
from ui.settings import PageSettings
from ui.theme import build_theme
from ui.train.run_manager import RunManager
from ui.train.tab import TrainTab, build_train_tab

# Kept longer than the longest job, and than anyone plays its files.
CACHE_SWEEP_SECONDS, CACHE_KEEP_SECONDS = 3600, 2 * 24 * 3600
WAITING_VISITORS = 64
MAX_WAITING_EVENTS = 1000
"""Events in Gradio's queues, beyond which even small ones are refused; one address may have few of them."""
MAX_THREADS = 100
"""Enough for all jobs that may wait (``ui.jobs.fair_queue``) beside what is drawn meanwhile."""
# Gradio remembers the page of each visit, about 0.6 MB, until so many newer ones have come; its default is 10,000.
REMEMBERED_VISITS = 4 * WAITING_VISITORS

# Gradio computes statistics of its last 10,000 events after each of them, for a dashboard that is off here.
QUIET_QUEUE = {"GRADIO_ANALYTICS_MAX_EVENTS": 100, "GRADIO_ANALYTICS_CACHE_FREQUENCY": 1_000_000}

HEADER = (
    '<header class="sori-header">{logo}<div><h1>Sori <span lang="ko">소리</span></h1><p>${{value}}</p></div></header>'
)


def build_page(settings: PageSettings | None = None) -> gr.Blocks:
    """Build the page without serving it. Each tab is one function that returns the few widgets others may need."""
    settings = settings or PageSettings()
    for name, number in QUIET_QUEUE.items():
        os.environ.setdefault(name, str(number))
    demo = gr.Blocks(title="Sori 소리", analytics_enabled=False, delete_cache=(CACHE_SWEEP_SECONDS, CACHE_KEEP_SECONDS))
    with demo:
        registry = ModelRegistry(settings.checkpoints, settings.shipped)
        logo = (ASSETS / "images" / "logo.svg").read_text(encoding="utf-8")
        gr.HTML(
            value=t("page.tagline"), html_template=HEADER.format(logo=logo), apply_default_css=False, js_on_load=None
        )
        manager, fair_queue = RunManager(settings), FairQueue()
        data_folder = gr.BrowserState("", storage_key="sori-train-data", secret="sori")
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab(t("page.separate"), id="separate"):
                separate = build_separate_tab(settings, registry, demo, fair_queue)
            with gr.Tab(t("page.live"), id="live") as live_tab:
                live = build_live_tab(settings, registry, live_tab)
            with gr.Tab(t("page.train"), id="train"):
                train = build_train_tab(settings, registry, manager, demo, data_folder)
            with gr.Tab(t("page.score"), id="score"):
                score = build_score_tab(settings, registry, fair_queue)
        wire_results(train, registry, tabs, separate, score)
        wire_export(settings, registry, train.take, [train.runs], train.taken, lambda run: [_best_model(run)])
        build_endpoints(settings, registry, fair_queue)
        build_train_endpoints(settings, manager, train.views)
        demo.load(partial(refresh_models, registry), None, [separate.models, score.model, live.model], **UNQUEUED)
    demo.queue(max_size=MAX_WAITING_EVENTS, api_open=False)  # nothing that is queued can be called past the queue
    return demo


def wire_results(
    train: TrainTab, registry: ModelRegistry, tabs: gr.Tabs, separate: SeparateTab, score: ScoreTab
) -> None:
    """Let the finished run's model be used in Separate and scored in Score, in one click each."""

    def use_run(run: str) -> tuple[Any, Any, Any]:
        models = gr.Dropdown(choices=registry.list_choices(), value=[_best_model(run)], visible=True)
        return gr.Tabs(selected="separate"), MY_MODELS, models

    def score_run(run: str) -> tuple[Any, Any, Any]:
        return gr.Tabs(selected="score"), FROM_MODEL, gr.Dropdown(registry.list_all_choices(), value=_best_model(run))

    train.use.click(use_run, [train.runs], [tabs, separate.preset, separate.models], **UNQUEUED)
    train.score.click(score_run, [train.runs], [tabs, score.source, score.model], **UNQUEUED)


def _best_model(run: str) -> str:
    """The name in the registry of a run's best model."""
    return f"{run}/best_model.pth"


def refresh_models(registry: ModelRegistry) -> tuple[gr.Dropdown, gr.Dropdown, gr.Dropdown]:
    """Out: the model drop-downs of Separate, Score and Live, with what has been trained since the page was built."""
    single, everything = registry.list_choices(), registry.list_all_choices()
    return gr.Dropdown(choices=single), gr.Dropdown(choices=everything), gr.Dropdown(choices=everything)


def build_launch_options(settings: PageSettings | None = None, hosts: Sequence[str] | None = ()) -> dict[str, Any]:
    """Everything that ``Blocks.launch`` needs for this page: looks, scripts, languages, limits.

    ``hosts`` are the host names accepted besides the loopback's, None for any.
    """
    settings = settings or PageSettings()
    routes = [build_page_route(settings), *build_server_options()["routes"]]
    return {
        "theme": build_theme(),
        "css_paths": [
            ASSETS / "css" / "style.css",
            ASSETS / "css" / "train.css",
            ASSETS / "vendor" / "uplot" / "uPlot.min.css",
        ],
        "head": build_head(),
        "i18n": I18N,
        "favicon_path": ASSETS / "images" / "logo.svg",
        "allowed_paths": [str(settings.demo_song)],  # Gradio serves files of the working folder, which may be another
        "max_file_size": "200mb" if settings.on_space else "2gb",
        "footer_links": ["api", "settings"],
        "run_history": False,
        "ssr_mode": False,
        "enable_monitoring": False,
        "state_session_capacity": REMEMBERED_VISITS,
        "show_error": True,
        "max_threads": MAX_THREADS,
        "app_kwargs": {"routes": routes, "middleware": build_guards(hosts, on_space=settings.on_space)},
    }
