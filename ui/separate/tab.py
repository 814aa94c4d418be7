"""The Separate tab: songs in, a queue with progress and cancel, stems to hear, to look at and to download."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from separator.audio.reader import AUDIO_SUFFIXES
from separator.audio.writer import output_subtype
from separator.errors import SeparatorError
from ui.components import html
from ui.components.event_options import AT_ONCE, HEAVY, IN_ORDER, POLL_SECONDS, PRIVATE
from ui.components.player import player
from ui.components.spectrogram import spectrograms
from ui.i18n import say, t
from ui.jobs.registry import Desk
from ui.jobs.turns import Turns
from ui.model_registry import ModelShelf
from ui.safety import new_job_folder
from ui.safety.visitors import has_hung_up
from ui.separate.queue import LOSSLESS, LOSSY, Options, SeparationJob, Song, new_job, songs_from
from ui.separate.view import command_line, draw_job, draw_outcome, hint, queue_table, show_song
from ui.settings import PageSettings

UNCHANGED = [gr.skip()] * 7
"""The outcome's widgets, left as they are."""


@dataclass(frozen=True)
class SeparateTab:
    """The widgets that other tabs reach into."""

    models: gr.Dropdown
    mixer: gr.HTML


@dataclass(frozen=True)
class Form:
    """What a visitor fills in and presses."""

    songs: gr.File
    demo_song: gr.Button
    microphone: gr.Audio
    options: list[gr.components.Component]
    """Models, suffix, bits, strict, tta: what the handlers take after the songs, in this order."""
    go: gr.Button
    cancel: gr.Button


def build_separate_tab(settings: PageSettings, shelf: ModelShelf, page: gr.Blocks, turns: Turns) -> SeparateTab:
    """Lay out the tab inside the current ``gr.Tab`` and wire it; ``page`` is the whole page, for its load event."""
    handle = Handlers(settings, shelf, turns)
    results = gr.State([])
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320):
            form = _build_form(shelf)
        with gr.Column(scale=7, min_width=320):
            status = html.panel(html.label_note(t("separate.hint_public")), elem_id="separate-status")
            queue = html.panel(elem_id="separate-queue")
            preview = html.picture(t("separate.preview"), "preview")
    which = gr.Dropdown([], label=t("separate.which"), visible=False, elem_id="which-song")
    mixer = player("mixer")
    pictures = html.picture(t("separate.pictures"), "stem-pictures")
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320, visible=False) as results_column:
            files = gr.Files(label=t("separate.files"), interactive=False, elem_id="stem-files")
            archive = gr.DownloadButton(t("separate.zip"), size="md", elem_id="zip")
        with gr.Column(min_width=320):
            command = gr.Textbox(
                command_line([], shelf.default()), label=t("separate.command"), interactive=False,
                lines=2, buttons=["copy"], elem_id="command",
            )  # fmt: skip

    songs, models = form.songs, form.options[0]
    shown = [status, queue]
    outcome = [results, which, mixer, pictures, results_column, files, archive]
    page.load(handle.greet, None, [status], **AT_ONCE)
    songs.change(handle.preview, [songs], [status, queue, preview], concurrency_limit=4, **PRIVATE)
    form.demo_song.click(handle.demo, None, [songs], **IN_ORDER)
    form.microphone.stop_recording(add_recording, [songs, form.microphone], [songs], **AT_ONCE)
    for widget in (songs, *form.options):
        widget.change(command_line, [songs, *form.options], [command], **AT_ONCE)
    run = form.go.click(handle.announce, [songs, *form.options[:3]], [status], **IN_ORDER).success(
        handle.run_queue, [songs, *form.options], [*shown, *outcome], **PRIVATE, **HEAVY
    )
    form.cancel.click(handle.cancel, None, [*shown, *outcome], cancels=[run], **IN_ORDER)
    which.input(show_song, [results, which], [mixer, pictures], concurrency_limit=4, **PRIVATE)
    return SeparateTab(models, mixer)


def _build_form(shelf: ModelShelf) -> Form:
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
    models = gr.Dropdown(
        choices=shelf.choices(), value=shelf.default(), multiselect=True, label=t("separate.models"),
        info=t("separate.models_info"), elem_id="models",
    )  # fmt: skip
    tta = gr.Checkbox(label=t("separate.tta"), info=t("separate.tta_info"), elem_id="tta")
    with gr.Accordion(t("separate.options"), open=False):
        with gr.Row():
            suffix = gr.Dropdown(
                [(end[1:].upper(), end) for end in (*LOSSLESS, *LOSSY)],
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
    return Form(songs, demo_song, microphone, [models, suffix, bits, strict, tta], go, cancel)


def add_recording(songs: list[str] | None, recording: str | None) -> list[str]:
    """In: songs, microphone. Out: songs with the recording added."""
    return [*(songs or []), *([recording] if recording else [])]


class Handlers:
    """Answers to the tab's events. Each method names its inputs and outputs."""

    def __init__(self, settings: PageSettings, shelf: ModelShelf, turns: Turns | None = None) -> None:
        self.settings, self.shelf, self.turns = settings, shelf, turns or Turns()
        self.desk: Desk[SeparationJob] = Desk()

    def demo(self, request: gr.Request) -> list[str]:
        """Out: songs. The demo song alone."""
        found = sorted(self.settings.demo_song.glob("mixture.*"))
        if not found:
            raise html.toast(say(request, "separate.no_demo"))
        return [str(found[0])]

    def greet(self, request: gr.Request) -> str:
        """Out: status, what to do first."""
        return hint(self.settings, request)

    def preview(self, paths: list[str] | None, request: gr.Request) -> tuple[Any, Any, Any]:
        """In: songs. Out: status (a hint), queue, preview: the spectrogram of the first song that can be read.

        Where songs are being separated by then, status and queue are left to those.
        """
        songs = songs_from(paths or [], self.settings.max_minutes, request)
        picture = next(filter(None, map(self._picture_of, songs)), None)
        if self.desk.get(request) is not None:
            return gr.skip(), gr.skip(), picture
        return hint(self.settings, request), queue_table(songs, request), picture

    def _picture_of(self, song: Song) -> Any:
        """A song's spectrogram; None of one that cannot be read, which is said in its row."""
        if song.state != "waiting":
            return None
        try:
            drawn = spectrograms({"": song.path}, new_job_folder(self.settings.work), "song")
        except SeparatorError as error:
            song.state, song.message = "failed", str(error)
            return None
        return html.picture_value(drawn)

    def announce(self, paths: list[str] | None, models: list[str], suffix: str, bits: int, request: gr.Request) -> str:
        """In: songs, models, suffix, bits. Out: status, at once, while the queue may make one wait.

        Refuses what cannot be done.
        """
        if not paths:
            raise html.toast(say(request, "separate.no_song"))
        try:
            self.shelf.paths(models)
            if suffix in LOSSLESS:
                output_subtype(f"stem{suffix}", bits or None)
        except SeparatorError as error:
            raise html.toast(str(error)) from error
        return html.progress(say(request, "separate.queued"), 0.0)

    def run_queue(
        self, paths: list[str], models: list[str], suffix: str, bits: int, strict: bool, tta: bool, request: gr.Request
    ) -> Iterator[tuple[Any, ...]]:
        """In: songs and the form. Out, again and again until all is done: status, queue, and the outcome."""
        options = Options(suffix, bits or None)
        try:
            job = new_job(
                self.settings, self.shelf, paths, models, options, strict_band=strict, tta=tta, request=request
            )
            turn = self.turns.join(request, job.seconds)
        except SeparatorError as error:
            raise html.toast(str(error)) from error
        self.desk.put(request, job)
        job.start(turn)
        try:
            while not job.finished.wait(POLL_SECONDS) and not job.cancelled and not has_hung_up(request):
                yield (*draw_job(job, request), *UNCHANGED)
            # Still on the desk, so that who cancels while this is drawn gets it from `cancel`.
            yield (*draw_job(job, request), *(UNCHANGED if job.cancelled else draw_outcome(job)))
        finally:  # also when the visitor has closed the page
            if not job.finished.is_set():
                job.cancel()
            self.desk.clear(request, job)

    def cancel(self, request: gr.Request) -> tuple[Any, ...]:
        """Out: status, queue, and the outcome of the songs that are done. Stops this page's job."""
        job = self.desk.cancel(request)
        if job is None:
            return html.note(say(request, "separate.stopped")), gr.skip(), *UNCHANGED
        any_done = any(song.state == "done" for song in job.songs)
        return (*draw_job(job, request), *(draw_outcome(job) if any_done else UNCHANGED))
