"""The page as a whole: header, one tab per job, and the wires that run from one tab to another."""

import os
from collections.abc import Sequence
from functools import partial
from typing import Any

import gradio as gr

from ui.api.separate_score import build_endpoints
from ui.api.train import build_train_endpoints
from ui.components.event_options import AT_ONCE
from ui.i18n import I18N, t
from ui.jobs.turns import Turns
from ui.model_registry import ModelShelf
from ui.safety import guards
from ui.score.tab import build_score_tab
from ui.scripts import ASSETS, head, server_options
from ui.separate.tab import build_separate_tab
from ui.settings import PageSettings
from ui.theme import sori_theme
from ui.train.run_manager import Trainings
from ui.train.tab import build_train_tab, wire_results

# Kept longer than the longest job: a file must not vanish under the one who still listens to it.
CACHE_SWEEP_SECONDS, CACHE_KEEP_SECONDS = 3600, 2 * 24 * 3600
WAITING_VISITORS = 64
MOST_WAITING = 1000
"""Events in Gradio's queues, beyond which even small ones are refused; one address may have few of them."""
MOST_THREADS = 100
"""Enough for all jobs that may wait (``ui.jobs.turns``) beside what is drawn meanwhile."""
# Gradio remembers the page of each visit, about 0.6 MB, until so many newer ones have come; its default is 10,000.
REMEMBERED_VISITS = 4 * WAITING_VISITORS

# Gradio works out statistics of its last 10,000 events after each of them, for a dashboard that is off here.
QUIET_QUEUE = {"GRADIO_ANALYTICS_MAX_EVENTS": 100, "GRADIO_ANALYTICS_CACHE_FREQUENCY": 1_000_000}

HEADER = (
    '<header class="sori-header">{logo}<div><h1>Sori <span lang="ko">소리</span></h1><p>${{value}}</p></div></header>'
)


def build_page(settings: PageSettings | None = None) -> gr.Blocks:
    """Build the page without serving it. Each tab is one function that returns the few widgets others may need."""
    settings = settings or PageSettings()
    for name, number in QUIET_QUEUE.items():
        os.environ.setdefault(name, str(number))
    with gr.Blocks(
        title="Sori 소리", analytics_enabled=False, delete_cache=(CACHE_SWEEP_SECONDS, CACHE_KEEP_SECONDS)
    ) as demo:
        shelf = ModelShelf(settings.checkpoints, settings.shipped)
        logo = (ASSETS / "images" / "logo.svg").read_text(encoding="utf-8")
        gr.HTML(
            value=t("page.tagline"), html_template=HEADER.format(logo=logo), apply_default_css=False, js_on_load=None
        )
        trainings, turns = Trainings(settings), Turns()
        data_folder = gr.BrowserState("", storage_key="sori-train-data", secret="sori")
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab(t("page.separate"), id="separate"):
                separate = build_separate_tab(settings, shelf, demo, turns)
            with gr.Tab(t("page.train"), id="train"):
                train = build_train_tab(settings, shelf, trainings, demo, data_folder)
            with gr.Tab(t("page.score"), id="score"):
                score = build_score_tab(settings, shelf, turns)
        wire_results(train, shelf, tabs, separate.models, score.source, score.model)
        build_endpoints(settings, shelf, turns)
        build_train_endpoints(settings, trainings)
        demo.load(partial(refresh_models, shelf), None, [separate.models, score.model], **AT_ONCE)
    demo.queue(max_size=MOST_WAITING, api_open=False)  # nothing that is queued can be called past the queue
    return demo


def refresh_models(shelf: ModelShelf) -> tuple[gr.Dropdown, gr.Dropdown]:
    """Out: the model drop-downs of Separate and Score, with whatever has been trained since the page was built."""
    choices = shelf.choices()
    return gr.Dropdown(choices=choices), gr.Dropdown(choices=choices)


def launch_options(settings: PageSettings | None = None, hosts: Sequence[str] | None = ()) -> dict[str, Any]:
    """Everything that ``Blocks.launch`` needs for this page: looks, scripts, languages, limits.

    ``hosts`` are the names that it answers to besides the loopback's, None for any.
    """
    settings = settings or PageSettings()
    return {
        "theme": sori_theme(),
        "css_paths": [
            ASSETS / "css" / "style.css",
            ASSETS / "css" / "train.css",
            ASSETS / "vendor" / "uplot" / "uPlot.min.css",
        ],
        "head": head(),
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
        "max_threads": MOST_THREADS,
        "app_kwargs": {**server_options(), "middleware": guards(hosts, on_space=settings.on_space)},
    }
