"""The Live tab: the exported page of a model, in a frame and in live mode."""

from dataclasses import dataclass
from functools import partial

import gradio as gr

from separator.errors import SeparatorError
from ui.components import html
from ui.components.event_options import PRIVATE
from ui.i18n import t
from ui.live.pages import write_page
from ui.model_registry import ModelRegistry
from ui.settings import PageSettings

FRAME = (
    '<iframe class="live-frame" title="Live" src="{address}#live" allow="microphone; display-capture; autoplay">'
    "</iframe>"
)


@dataclass(frozen=True)
class LiveTab:
    """The widget that events of other tabs use."""

    model: gr.Dropdown


def build_live_tab(settings: PageSettings, registry: ModelRegistry, tab: gr.Tab) -> LiveTab:
    """Lay out the current ``tab`` and wire it. The frame is made when the tab is opened."""
    default = registry.choose_default()
    model = gr.Dropdown(
        registry.list_all_choices(), value=default[0] if default else None, label=t("page.live_model"),
        elem_id="live-model",
    )  # fmt: skip
    frame = html.build_panel(elem_id="live")
    options = {**PRIVATE, "show_progress": "full", "concurrency_id": "export", "concurrency_limit": 1}
    for event in (tab.select, model.input):
        event(partial(show_frame, settings, registry), [model, frame], [frame], **options)
    return LiveTab(model)


def show_frame(settings: PageSettings, registry: ModelRegistry, model: str | None, shown: str | None) -> str:
    """In: model, frame. Out: the frame of that model, left as it is where it is shown already. Raises gr.Error."""
    try:
        paths = registry.find_paths([model] if model else None)
        preset = model if len(paths) > 1 else None
        frame = FRAME.format(address=write_page(settings, paths, preset))
    except SeparatorError as error:
        raise html.make_toast(str(error)) from error
    return gr.skip() if frame == shown else frame
