"""The Separate tab: songs in, a queue with progress and cancel, stems to play, look at and download."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from separator.audio import AUDIO_SUFFIXES, choose_subtype
from separator.errors import SeparatorError
from separator.studio.reaper import REAPER_SUFFIX
from separator.studio.stem_mp4 import STEM_SUFFIX
from ui.components import html
from ui.components.event_options import GPU_SLOT, POLL_SECONDS, PRIVATE, QUEUED, UNQUEUED
from ui.components.player import build_player
from ui.components.spectrogram import draw_spectrograms
from ui.i18n import t, translate
from ui.jobs.fair_queue import FairQueue
from ui.jobs.registry import JobRegistry
from ui.model_export import build_export_button, build_export_files, wire_export
from ui.model_registry import ModelRegistry
from ui.safety import make_job_folder
from ui.safety.visitors import has_disconnected
from ui.separate.downloads import LOSSLESS, LOSSY
from ui.separate.queue import Options, SeparationJob, SongRow, create_job, make_rows
from ui.separate.view import (
    add_analysis,
    build_separation_command,
    draw_job,
    draw_outcome,
    render_hint,
    render_queue,
    show_song,
)
from ui.settings import PageSettings

MY_MODELS = "models"
"""The choice beside the presets: the models of the drop-down."""
UNCHANGED = [gr.skip()] * 6
"""The outcome's widgets, left as they are."""


@dataclass(frozen=True)
class SeparateTab:
    """The widgets that events of other tabs use."""

    preset: gr.Radio
    models: gr.Dropdown
    mixer: gr.HTML


@dataclass(frozen=True)
class SeparateForm:
    """Inputs and buttons."""

    songs: gr.File
    demo_song: gr.Button
    microphone: gr.Audio
    preset: gr.Radio
    models: gr.Dropdown
    take: gr.Button
    taken: gr.Files
    options: list[Any]
    """Suffix, bits, strict, tta: what the handlers take after songs, preset and models, in this order."""
    go: gr.Button
    cancel: gr.Button


def build_separate_tab(
    settings: PageSettings, registry: ModelRegistry, page: gr.Blocks, fair_queue: FairQueue
) -> SeparateTab:
    """Lay out the tab inside the current ``gr.Tab`` and wire it; ``page`` is the whole page, for its load event."""
    handle = SeparateHandlers(settings, registry, fair_queue)
    results = gr.State([])
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320):
            form = _build_form(registry)
        with gr.Column(scale=7, min_width=320):
            status = html.build_panel(html.render_label_note(t("separate.hint_public")), elem_id="separate-status")
            queue = html.build_panel(elem_id="separate-queue")
            preview = html.build_picture(t("separate.preview"), "preview")
    which = gr.Dropdown([], label=t("separate.which"), visible=False, elem_id="which-song")
    mixer = build_player("mixer")
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320, visible=False) as results_column:
            files = gr.Files(label=t("separate.files"), interactive=False, elem_id="stem-files")
            label: Any = t("separate.zip")  # a translated label is allowed here too, but not in its type
            archive = gr.DownloadButton(label, size="md", elem_id="zip")
        with gr.Column(min_width=320):
            command = gr.Textbox(
                build_separation_command([], choose_models(form.preset.value, form.models.value)),
                label=t("separate.command"), interactive=False, lines=2, buttons=["copy"], elem_id="command",
            )  # fmt: skip

    songs = form.songs
    filled = [songs, form.preset, form.models, *form.options]
    shown = [status, queue]
    outcome = [results, which, mixer, results_column, files, archive]
    page.load(handle.show_hint, None, [status], **UNQUEUED)
    songs.change(handle.draw_preview, [songs], [status, queue, preview], concurrency_limit=4, **PRIVATE)
    form.demo_song.click(handle.load_demo, None, [songs], **QUEUED)
    form.microphone.stop_recording(add_recording, [songs, form.microphone], [songs], **UNQUEUED)
    form.preset.change(show_models, [form.preset], [form.models], **UNQUEUED)
    wire_export(settings, registry, form.take, [form.preset, form.models], form.taken, choose_models)
    for widget in filled:
        widget.change(draw_command, filled, [command], **UNQUEUED)
    form.go.click(handle.validate_form, filled[:5], [status], **QUEUED).success(
        handle.run_queue, filled, [*shown, *outcome], **PRIVATE, **GPU_SLOT
    )
    form.cancel.click(handle.cancel, None, None, **UNQUEUED)  # the run draws its own end
    which.input(show_song, [results, which], [mixer], concurrency_limit=4, **PRIVATE)
    mixer.submit(add_analysis, [results, which], [mixer], concurrency_id="analysis", **PRIVATE)  # it can be played
    return SeparateTab(form.preset, form.models, mixer)


def _build_form(registry: ModelRegistry) -> SeparateForm:
    """Lay out the form inside the current column."""
    songs = gr.File(
        label=t("separate.songs"), file_count="multiple", file_types=["audio", *AUDIO_SUFFIXES], height=150,
        elem_id="songs",
    )  # fmt: skip
    demo_song = gr.Button(t("separate.demo"), size="md", elem_id="demo-song")
    with gr.Accordion(t("separate.microphone"), open=False):
        microphone = gr.Audio(
            sources=["microphone"], type="filepath", format="wav", show_label=False, elem_id="microphone"
        )
    presets = registry.list_presets()
    preset = gr.Radio(
        [(t(f"separate.preset_{name}"), name) for name in (*presets, MY_MODELS)],
        value=(*presets, MY_MODELS)[0], label=t("separate.preset"), elem_id="preset",
    )  # fmt: skip
    models = gr.Dropdown(
        choices=registry.list_choices(), value=registry.choose_default(), multiselect=True, label=t("separate.models"),
        info=t("separate.models_info"), visible=not presets, elem_id="models",
    )  # fmt: skip
    take = build_export_button("take")
    taken = build_export_files("taken")
    tta = gr.Checkbox(label=t("separate.tta"), info=t("separate.tta_info"), elem_id="tta")
    with gr.Accordion(t("separate.options"), open=False):
        with gr.Row():
            suffix = gr.Dropdown(
                [
                    *((end[1:].upper(), end) for end in (*LOSSLESS, *LOSSY)),
                    (t("separate.format_stems"), STEM_SUFFIX),
                    (t("separate.format_project"), REAPER_SUFFIX),
                ],
                value=".wav", label=t("separate.format"), min_width=100,
            )  # fmt: skip
            bits = gr.Dropdown(
                [(t("separate.bits_same"), 0), ("16", 16), ("24", 24), (t("separate.bits_float"), 32)],
                value=0, label=t("separate.bits"), min_width=130,
            )  # fmt: skip
        strict = gr.Checkbox(label=t("separate.strict"), info=t("separate.strict_info"))
    with gr.Row():
        go = gr.Button(t("separate.go"), variant="primary", scale=3, elem_id="separate")
        cancel = gr.Button(t("separate.cancel"), scale=1, min_width=90, elem_id="cancel")
    return SeparateForm(
        songs, demo_song, microphone, preset, models, take, taken, [suffix, bits, strict, tta], go, cancel
    )


def add_recording(songs: list[str] | None, recording: str | None) -> list[str]:
    """In: songs, microphone. Out: songs with the recording added."""
    return [*(songs or []), *([recording] if recording else [])]


def choose_models(preset: str, models: list[str] | None) -> list[str]:
    """The names that the registry knows the choice by: the preset, or the models of the drop-down."""
    return list(models or ()) if preset == MY_MODELS else [preset]


def show_models(preset: str) -> gr.Dropdown:
    """In: preset. Out: models, visible where they count."""
    return gr.Dropdown(visible=preset == MY_MODELS)


def draw_command(paths: list[str] | None, preset: str, models: list[str] | None, *options: Any) -> str:
    """In: songs and the form. Out: command."""
    return build_separation_command(paths, choose_models(preset, models), *options)


class SeparateHandlers:
    """Handlers of the tab's events; each docstring lists inputs and outputs."""

    def __init__(self, settings: PageSettings, registry: ModelRegistry, fair_queue: FairQueue | None = None) -> None:
        self.settings, self.registry, self.fair_queue = settings, registry, fair_queue or FairQueue()
        self.jobs: JobRegistry[SeparationJob] = JobRegistry()

    def load_demo(self, request: gr.Request) -> list[str]:
        """Out: songs. The demo song alone."""
        found = sorted(self.settings.demo_song.glob("mixture.*"))
        if not found:
            raise html.make_toast(translate(request, "separate.no_demo"))
        return [str(found[0])]

    def show_hint(self, request: gr.Request) -> str:
        """Out: status, what to do first."""
        return render_hint(self.settings, request)

    def draw_preview(self, paths: list[str] | None, request: gr.Request) -> tuple[Any, Any, Any]:
        """In: songs. Out: status (a hint), queue, preview: the spectrogram of the first song that can be read.

        Where songs are being separated by then, status and queue are left to those.
        """
        songs = make_rows(paths or [], self.settings.max_minutes, request)
        picture = next(filter(None, map(self._draw_song, songs)), None)
        if self.jobs.get(request) is not None:
            return gr.skip(), gr.skip(), picture
        return render_hint(self.settings, request), render_queue(songs, request), picture

    def _draw_song(self, song: SongRow) -> Any:
        """A song's spectrogram; None for one that cannot be read, whose row then shows the error."""
        if song.state != "waiting":
            return None
        try:
            drawn = draw_spectrograms({"": song.path}, make_job_folder(self.settings.work), "song")
        except SeparatorError as error:
            song.state, song.message = "failed", str(error)
            return None
        return html.make_picture_value(drawn)

    def validate_form(
        self, paths: list[str] | None, preset: str, models: list[str], suffix: str, bits: int, request: gr.Request
    ) -> str:
        """In: songs, preset, models, suffix, bits. Out: status, at once, while the queue may make one wait.

        Refuses what cannot be done.
        """
        if not paths:
            raise html.make_toast(translate(request, "separate.no_song"))
        try:
            self.registry.find_paths(choose_models(preset, models))
            if suffix in LOSSLESS:
                choose_subtype(f"stem{suffix}", bits or None)
        except SeparatorError as error:
            raise html.make_toast(str(error)) from error
        return html.render_progress(translate(request, "separate.queued"), 0.0)

    def run_queue(
        self, paths: list[str], preset: str, models: list[str], suffix: str, bits: int, strict: bool, tta: bool,
        request: gr.Request,
    ) -> Iterator[tuple[Any, ...]]:  # fmt: skip
        """In: songs and the form. Out, again and again until all is done: status, queue, and the outcome."""
        names, options = choose_models(preset, models), Options(suffix, bits or None, strict, tta)
        try:
            job = create_job(self.settings, self.registry, paths, names, options, request)
            ticket = self.fair_queue.join(request, job.seconds)
        except SeparatorError as error:
            raise html.make_toast(str(error)) from error
        self.jobs.register(request, job)
        job.start(ticket)
        try:
            while not job.finished.wait(POLL_SECONDS) and not job.cancelled and not has_disconnected(request):
                yield (*draw_job(job, request), *UNCHANGED)
            any_done = any(song.state == "done" for song in job.songs)
            yield (*draw_job(job, request), *(draw_outcome(job) if any_done or not job.cancelled else UNCHANGED))
        finally:  # also when the visitor has closed the page
            if not job.finished.is_set():
                job.cancel()
            self.jobs.forget(request, job)

    def cancel(self, request: gr.Request) -> None:
        """Stop this page's job; ``run_queue`` draws its end."""
        self.jobs.cancel(request)
