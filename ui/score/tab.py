"""The Score tab: a reference and one or two estimates in; grades, an SDR strip, a comparison by ear and MLflow out.

Several references, with an estimate of each, give a table with a row per stem.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Literal, Self

import gradio as gr

from separator.audio import AUDIO_SUFFIXES
from separator.errors import SeparatorError
from separator.progress import Cancel, Progress
from training.evaluation.stem_files import pair_stems, split_mixture
from ui.components import html
from ui.components.event_options import GPU_SLOT, POLL_SECONDS, PRIVATE, QUEUED, UNQUEUED
from ui.components.player import build_player
from ui.i18n import t, translate
from ui.jobs.background_call import BackgroundCall
from ui.jobs.fair_queue import FairQueue
from ui.jobs.registry import JobRegistry
from ui.limits import refuse_long
from ui.model_registry import ModelRegistry
from ui.safety import make_job_folder
from ui.safety.visitors import has_disconnected
from ui.score.compare import ScoreRequest, ScoreResult, StemScores, compare, score_stems, separate_estimates
from ui.score.mlflow_log import log_result
from ui.score.view import render_report, render_stem_report, translate_stem
from ui.settings import PageSettings

FROM_FILE, FROM_MODEL = "file", "model"
UNCHANGED = [gr.skip()] * 8
"""The outcome's widgets after the status, left as they are."""


@dataclass(frozen=True)
class ScoreTab:
    """The widgets that events of other tabs use."""

    source: gr.Radio
    model: gr.Dropdown


def build_score_tab(settings: PageSettings, registry: ModelRegistry, fair_queue: FairQueue) -> ScoreTab:
    """Lay out the tab inside the current ``gr.Tab`` and wire it."""
    handle = ScoreHandlers(settings, registry, fair_queue)
    result, stems, blind_result = gr.State(None), gr.State(None), gr.State(None)
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320):
            form, go, cancel, demo_song = _build_form(registry)
        with gr.Column(scale=7, min_width=320):
            status = html.build_panel(html.render_label_note(t("score.hint")), elem_id="score-status")
            report_panel = html.build_panel(elem_id="score-report")
            with gr.Row(visible=False) as log_row:
                log = gr.Button(t("score.log"), size="md", elem_id="log")
            logged = html.build_panel(elem_id="logged")
    which = gr.Dropdown([], label=t("score.which"), visible=False, elem_id="which-stem")
    comparison = build_player("comparison", empty="compare.empty")

    reference, mixture, source, estimate_a, model, *_ = form
    source.change(show_source, [source], [estimate_a, model], **UNQUEUED)
    outcome = [status, result, report_panel, comparison, log_row, logged, stems, which, blind_result]
    run = go.click(handle.validate_form, form, [status], **QUEUED).success(
        handle.run_scoring, form, outcome, **PRIVATE, **GPU_SLOT
    )
    for trigger in (run.success, which.input):
        trigger(handle.compare_stem, [stems, which], outcome, **PRIVATE, **GPU_SLOT)
    cancel.click(handle.cancel, None, None, **UNQUEUED)  # the run draws its own end
    demo_song.click(handle.load_demo, None, [reference, mixture, source], **QUEUED)
    comparison.submit(keep_blind_result, None, [blind_result], **UNQUEUED)
    log.click(handle.log, [result, blind_result], [logged], concurrency_limit=2, **{**PRIVATE, "show_progress": "full"})
    return ScoreTab(source, model)


def _build_form(registry: ModelRegistry) -> tuple[list[Any], gr.Button, gr.Button, gr.Button]:
    """What ``ScoreForm.of`` takes, in its order, and the buttons to score, to cancel and to load the demo song."""
    reference = _build_file_input("score.reference", "score-reference", "multiple")
    mixture = _build_file_input("score.mixture", "score-mixture")
    source = gr.Radio(
        [(t("score.source_model"), FROM_MODEL), (t("score.source_file"), FROM_FILE)],
        value=FROM_FILE, label=t("score.source"), elem_id="score-source",
    )  # fmt: skip
    estimate_a = _build_file_input("score.a", "score-a", "multiple")
    model = gr.Dropdown(
        registry.list_all_choices(), value=next(iter(registry.choose_default()), None), label=t("score.model"),
        visible=False, elem_id="score-model",
    )  # fmt: skip
    estimate_b = _build_file_input("score.b", "score-b", "multiple")
    with gr.Accordion(t("score.more"), open=False):
        bss = gr.Checkbox(label=t("score.bss"))
        offset = gr.Checkbox(label=t("score.offset"))
    with gr.Row():
        go = gr.Button(t("score.go"), variant="primary", scale=3, elem_id="score")
        cancel = gr.Button(t("score.cancel"), scale=1, min_width=90, elem_id="score-cancel")
    demo_song = gr.Button(t("score.demo"), size="md", elem_id="score-demo")
    return [reference, mixture, source, estimate_a, model, estimate_b, bss, offset], go, cancel, demo_song


def _build_file_input(label: str, elem_id: str, count: Literal["single", "multiple"] = "single") -> gr.File:
    return gr.File(label=t(label), file_count=count, file_types=["audio", *AUDIO_SUFFIXES], height=136, elem_id=elem_id)


def show_source(source: str) -> tuple[Any, Any]:
    """In: source. Out: estimate A and model, one of them visible."""
    return gr.File(visible=source == FROM_FILE), gr.Dropdown(visible=source == FROM_MODEL)


def draw_stem_choice(stems: StemScores, request: gr.Request) -> gr.Dropdown:
    """The stems that can be compared by ear, the first chosen."""
    choices = [(translate_stem(stem, request), stem) for stem in stems.requests]
    return gr.Dropdown(choices, value=next(iter(stems.requests), None), visible=bool(choices))


def keep_blind_result(event: gr.EventData) -> dict[str, float]:
    """Out: result of the blind test: right answers, trials, and the probability of as many by guessing."""
    return {name: float(event._data[name]) for name in ("correct", "trials", "p_value")}


@dataclass(frozen=True)
class ScoreForm:
    """What was given: files, and the model that makes estimate A where there is one."""

    references: list[Path]
    mixture: Path | None
    estimates: dict[str, list[Path]]
    """By ``a`` and ``b``, those that are given as files."""
    model: str | None
    bss: bool
    fix_offset: bool

    @classmethod
    def of(
        cls, references: list[str] | None, mixture: str | None, source: str, a: list[str] | None, model: str | None,
        b: list[str] | None, bss: bool, offset: bool,
    ) -> Self:  # fmt: skip
        """The form's values. A mixture among the references is the mixture, where no other is given."""
        stems, found = split_mixture([Path(path) for path in references or ()])
        given = {"a": a if source == FROM_FILE else None, "b": b}
        estimates = {key: [Path(path) for path in paths] for key, paths in given.items() if paths}
        song = Path(mixture) if mixture else found
        return cls(stems, song, estimates, model if source == FROM_MODEL else None, bss, offset)

    @property
    def has_several_stems(self) -> bool:
        return any(len(paths) > 1 for paths in (self.references, *self.estimates.values()))


class ScoreHandlers:
    """Handlers of the tab's events; each docstring lists inputs and outputs."""

    def __init__(self, settings: PageSettings, registry: ModelRegistry, fair_queue: FairQueue | None = None) -> None:
        self.settings, self.registry, self.fair_queue = settings, registry, fair_queue or FairQueue()
        self.jobs: JobRegistry[BackgroundCall[ScoreResult | StemScores]] = JobRegistry()

    def load_demo(self, request: gr.Request) -> tuple[list[str], str, str]:
        """Out: reference, mixture, source. The demo song's vocals, to be made again by the model."""
        found = {stem: sorted(self.settings.demo_song.glob(f"{stem}.*")) for stem in ("vocals", "mixture")}
        if not all(found.values()):
            raise html.make_toast(translate(request, "separate.no_demo"))
        return [str(found["vocals"][0])], str(found["mixture"][0]), FROM_MODEL

    def validate_form(
        self, references: list[str] | None, mixture: str | None, source: str, a: list[str] | None, model: str | None,
        b: list[str] | None, bss: bool, offset: bool, request: gr.Request,
    ) -> str:  # fmt: skip
        """In: the form. Out: status, at once; refuses what cannot be scored."""
        try:
            form = ScoreForm.of(references, mixture, source, a, model, b, bss, offset)
            missing = {
                "score.need_reference": not form.references,
                "score.need_estimate": source == FROM_FILE and "a" not in form.estimates,
                "score.need_mixture": source == FROM_MODEL and form.mixture is None,
                "score.need_model": source == FROM_MODEL and not model,
            }
            for key, is_missing in missing.items():
                if is_missing:
                    raise html.make_toast(translate(request, key))
            if form.has_several_stems:
                for files in form.estimates.values():
                    pair_stems(form.references, files)
            for path in chain(form.references, filter(None, [form.mixture]), *form.estimates.values()):
                refuse_long(path, self.settings.max_minutes, request)
        except SeparatorError as error:
            raise html.make_toast(str(error)) from error
        return html.render_progress(translate(request, "score.queued"), 0.0)

    def run_scoring(
        self, references: list[str], mixture: str | None, source: str, a: list[str] | None, model: str,
        b: list[str] | None, bss: bool, offset: bool, request: gr.Request,
    ) -> Iterator[tuple[Any, ...]]:  # fmt: skip
        """In: the form. Out, again and again until done: what ``_draw_outcome`` gives."""
        form = ScoreForm.of(references, mixture, source, a, model, b, bss, offset)
        yield from self._follow(BackgroundCall(partial(self._score, form)), request)

    def compare_stem(
        self, stems: StemScores | None, stem: str | None, request: gr.Request
    ) -> Iterator[tuple[Any, ...]]:
        """In: stems, which. Out: what ``_draw_outcome`` gives, of that stem's comparison."""
        if stems is None or stem is None or stem not in stems.requests:
            yield (gr.skip(), *UNCHANGED)
            return
        folder = make_job_folder(self.settings.work)
        yield from self._follow(BackgroundCall(partial(compare, stems.requests[stem], folder)), request, of_stem=True)

    def _follow(
        self, call: BackgroundCall[Any], request: gr.Request, *, of_stem: bool = False
    ) -> Iterator[tuple[Any, ...]]:
        try:
            ticket = self.fair_queue.join(request)
        except SeparatorError as error:
            raise html.make_toast(str(error)) from error
        self.jobs.register(request, call)
        call.start(ticket)
        try:
            while not call.finished.wait(POLL_SECONDS) and not call.cancelled and not has_disconnected(request):
                yield (self._render_progress(call, request), *UNCHANGED)
        finally:  # also when the visitor has closed the page
            call.cancel() if not call.finished.is_set() else None
            self.jobs.forget(request, call)
        yield self._draw_outcome(call, request, of_stem)

    def _score(self, form: ScoreForm, progress: Progress, cancel: Cancel) -> ScoreResult | StemScores:
        folder = make_job_folder(self.settings.work)
        estimates = form.estimates
        if form.model is not None and form.mixture is not None:
            separator = self.registry.load([form.model])
            made = separate_estimates(separator, form.mixture, form.references, folder, progress, cancel)
            estimates = {"a": made, **estimates}
        if form.has_several_stems:
            return score_stems(
                form.references, estimates, form.mixture, bss=form.bss, fix_offset=form.fix_offset,
                progress=progress, cancel=cancel,
            )  # fmt: skip
        files = {key: paths[0] for key, paths in estimates.items()}
        request = ScoreRequest(form.references[0], files, form.mixture, form.bss, form.fix_offset)
        return compare(request, folder, progress, cancel)

    @staticmethod
    def _render_progress(call: BackgroundCall[ScoreResult | StemScores], request: gr.Request) -> str:
        stage = "scoring" if call.stage == "scoring" else "separating"
        return html.render_progress(
            translate(request, f"score.busy_{stage}"), call.fraction, f"{100 * call.fraction:.0f} %"
        )

    def _draw_outcome(
        self, call: BackgroundCall[ScoreResult | StemScores], request: gr.Request, of_stem: bool
    ) -> tuple[Any, ...]:
        """Status, result, report, comparison, log row, logged, stems, which, and an empty result of the blind test.

        The comparison of one of several stems leaves their table where it is.
        """
        if call.cancelled or call.result is None:
            sentence = call.error or translate(request, "score.stopped")
            return html.render_note(sentence, "bad" if call.error else ""), *UNCHANGED
        result, log_row = call.result, gr.Row(visible=not self.settings.on_space)
        if isinstance(result, StemScores):
            report, hidden = render_stem_report(result, request), gr.Row(visible=False)
            return "", None, report, None, hidden, "", result, draw_stem_choice(result, request), None
        if of_stem:
            return "", result, gr.skip(), result.player_value, log_row, "", gr.skip(), gr.skip(), None
        which = gr.Dropdown(visible=False)
        return "", result, render_report(result, request), result.player_value, log_row, "", None, which, None

    def cancel(self, request: gr.Request) -> None:
        """Stop this page's scoring; what follows it draws its end."""
        self.jobs.cancel(request)

    def log(self, result: ScoreResult | None, blind: dict[str, float] | None, request: gr.Request) -> str:
        """In: result, result of the blind test. Out: logged, with a link to the run."""
        if self.settings.on_space:
            raise html.make_toast(translate(request, "score.no_log"))
        if result is None:
            raise html.make_toast(translate(request, "score.nothing_to_log"))
        try:
            name, address = log_result(result, blind, self.settings.tracking_uri)
        except SeparatorError as error:
            raise html.make_toast(str(error)) from error
        return html.render_linked_note(
            translate(request, "score.logged", name=name), f"{self.settings.mlflow_url}/{address}"
        )
