"""*Take it with you*: a model of the page as files that separate without it, an HTML page and ONNX."""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from separator.errors import SeparatorError
from ui.components import html
from ui.components.event_options import PRIVATE
from ui.i18n import t
from ui.model_registry import ModelRegistry
from ui.safety import make_job_folder
from ui.settings import PageSettings


def build_export_button(elem_id: str) -> gr.Button:
    """The button; where its files appear is ``build_export_files``."""
    return gr.Button(t("page.take"), size="md", min_width=150, elem_id=elem_id)


def build_export_files(elem_id: str) -> gr.Files:
    """Hidden until there are any."""
    return gr.Files(label=t("page.taken"), interactive=False, visible=False, elem_id=elem_id)


def wire_export(
    settings: PageSettings, registry: ModelRegistry, button: gr.Button, sources: Sequence[gr.components.Component],
    files: gr.Files, name_models: Callable[..., list[str]],
) -> None:  # fmt: skip
    """Let the button write the models that ``name_models`` names by the values of ``sources``; one at a time."""

    def write(*values: Any) -> gr.Files:
        return gr.Files(value=export_models(settings, registry, name_models(*values)), visible=True)

    options = {**PRIVATE, "show_progress": "full"}
    button.click(write, list(sources), [files], concurrency_id="export", concurrency_limit=1, **options)


def export_models(settings: PageSettings, registry: ModelRegistry, names: Sequence[str]) -> list[str]:
    """Paths of an HTML page and an ONNX file of all models as one. Raises gr.Error."""
    from separator.export import export_html, export_onnx, name_models

    try:
        paths = registry.find_paths(names)
        folder = make_job_folder(settings.work)
        title = names[0] if len(names) < len(paths) else name_models(paths)
        onnx = export_onnx(paths, folder / f"{title}.onnx")
        page = export_html(onnx, folder / f"{title}.html", name=title)
    except SeparatorError as error:
        raise html.make_toast(str(error)) from error
    return [str(page), str(onnx)]
