"""The Score tab: a reference and one or two estimates in; grades, an SDR strip, a comparison by ear and MLflow out."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from separator.api import Cancel, Progress
from separator.audio.reader import AUDIO_SUFFIXES
from separator.errors import SeparatorError
from ui.components import html
from ui.components.event_options import AT_ONCE, HEAVY, IN_ORDER, POLL_SECONDS, PRIVATE
from ui.components.player import player
from ui.i18n import say, t
from ui.jobs.background_call import BackgroundCall
from ui.jobs.registry import Desk
from ui.jobs.turns import Turns
from ui.limits import refuse_long
from ui.model_registry import ModelShelf
from ui.safety import new_job_folder
from ui.safety.visitors import has_hung_up
from ui.score.compare import Answer, Question, compare, separate_estimate
from ui.score.mlflow_log import log_answer
from ui.score.view import report
from ui.settings import PageSettings

FROM_FILE, FROM_MODEL = "file", "model"


@dataclass(frozen=True)
class ScoreTab:
    """The widgets that other tabs reach into."""

    source: gr.Radio
    model: gr.Dropdown


def build_score_tab(settings: PageSettings, shelf: ModelShelf, turns: Turns) -> ScoreTab:
    """Lay out the tab inside the current ``gr.Tab`` and wire it."""
    handle = Handlers(settings, shelf, turns)
    answer, blind_result = gr.State(None), gr.State(None)
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320):
            reference = _sound("score.reference", "score-reference")
            mixture = _sound("score.mixture", "score-mixture")
            source = gr.Radio(
                [(t("score.source_model"), FROM_MODEL), (t("score.source_file"), FROM_FILE)],
                value=FROM_FILE, label=t("score.source"), elem_id="score-source",
            )  # fmt: skip
            estimate_a = _sound("score.a", "score-a")
            model = gr.Dropdown(
                shelf.choices(), value=next(iter(shelf.default()), None), label=t("score.model"), visible=False,
                elem_id="score-model",
            )  # fmt: skip
            estimate_b = _sound("score.b", "score-b")
            with gr.Accordion(t("score.more"), open=False):
                bss = gr.Checkbox(label=t("score.bss"))
                offset = gr.Checkbox(label=t("score.offset"))
            with gr.Row():
                go = gr.Button(t("score.go"), variant="primary", scale=3, elem_id="score")
                cancel = gr.Button(t("score.cancel"), scale=1, min_width=90, elem_id="score-cancel")
            demo_song = gr.Button(t("score.demo"), size="md", elem_id="score-demo")
        with gr.Column(scale=7, min_width=320):
            status = html.panel(html.label_note(t("score.hint")), elem_id="score-status")
            result = html.panel(elem_id="score-report")
            with gr.Row(visible=False) as log_row:
                log = gr.Button(t("score.log"), size="md", elem_id="log")
            logged = html.panel(elem_id="logged")
    comparison = player("comparison", empty="compare.empty")

    form = [reference, mixture, source, estimate_a, model, estimate_b, bss, offset]
    source.change(show_source, [source], [estimate_a, model], **AT_ONCE)
    outcome = [status, answer, result, comparison, log_row, logged, blind_result]
    run = go.click(handle.announce, form, [status], **IN_ORDER).success(
        handle.run_scoring, form, outcome, **PRIVATE, **HEAVY
    )
    cancel.click(handle.cancel, None, [status], cancels=[run], **IN_ORDER)
    demo_song.click(handle.demo, None, [reference, mixture, source], **IN_ORDER)
    comparison.submit(keep_blind_result, None, [blind_result], **AT_ONCE)
    log.click(handle.log, [answer, blind_result], [logged], concurrency_limit=2, **{**PRIVATE, "show_progress": "full"})
    return ScoreTab(source, model)


def _sound(label: str, elem_id: str) -> gr.File:
    return gr.File(label=t(label), file_types=["audio", *AUDIO_SUFFIXES], height=136, elem_id=elem_id)


def show_source(source: str) -> tuple[Any, Any]:
    """In: source. Out: estimate A and model, one of them visible."""
    return gr.File(visible=source == FROM_FILE), gr.Dropdown(visible=source == FROM_MODEL)


def keep_blind_result(event: gr.EventData) -> dict[str, float]:
    """Out: what the blind test found: right answers, trials, and the chance of as many by guessing."""
    return {name: float(event._data[name]) for name in ("correct", "trials", "p_value")}


class Handlers:
    """Answers to the tab's events. Each method names its inputs and outputs."""

    def __init__(self, settings: PageSettings, shelf: ModelShelf, turns: Turns | None = None) -> None:
        self.settings, self.shelf, self.turns = settings, shelf, turns or Turns()
        self.desk: Desk[BackgroundCall[Answer]] = Desk()

    def demo(self, request: gr.Request) -> tuple[str, str, str]:
        """Out: reference, mixture, source. The demo song's vocals, to be made again by the model."""
        found = {stem: sorted(self.settings.demo_song.glob(f"{stem}.*")) for stem in ("vocals", "mixture")}
        if not all(found.values()):
            raise html.toast(say(request, "separate.no_demo"))
        return str(found["vocals"][0]), str(found["mixture"][0]), FROM_MODEL

    def announce(
        self, reference: str | None, mixture: str | None, source: str, a: str | None, model: str | None,
        b: str | None, bss: bool, offset: bool, request: gr.Request,
    ) -> str:  # fmt: skip
        """In: the form. Out: status, at once; refuses what cannot be scored."""
        missing = {
            "score.need_reference": reference is None,
            "score.need_estimate": source == FROM_FILE and a is None,
            "score.need_mixture": source == FROM_MODEL and mixture is None,
            "score.need_model": source == FROM_MODEL and not model,
        }
        for key, is_missing in missing.items():
            if is_missing:
                raise html.toast(say(request, key))
        try:
            for path in filter(None, (reference, mixture, a if source == FROM_FILE else None, b)):
                refuse_long(path, self.settings.max_minutes, request)
        except SeparatorError as error:
            raise html.toast(str(error)) from error
        return html.progress(say(request, "score.queued"), 0.0)

    def run_scoring(
        self, reference: str, mixture: str | None, source: str, a: str | None, model: str, b: str | None,
        bss: bool, offset: bool, request: gr.Request,
    ) -> Iterator[tuple[Any, ...]]:  # fmt: skip
        """In: the form. Out, again and again until done: what ``_outcome`` gives."""
        estimates = {"a": Path(a)} if source == FROM_FILE and a else {}
        estimates |= {"b": Path(b)} if b else {}
        question = Question(Path(reference), estimates, Path(mixture) if mixture else None, bss, offset)
        call = BackgroundCall(partial(self._work, question, model if source == FROM_MODEL else None))
        try:
            turn = self.turns.join(request)
        except SeparatorError as error:
            raise html.toast(str(error)) from error
        self.desk.put(request, call)
        call.start(turn)
        try:
            while not call.finished.wait(POLL_SECONDS) and not call.cancelled and not has_hung_up(request):
                yield (self._progress(call, request), *[gr.skip()] * 6)
        finally:  # also when the visitor has closed the page
            call.cancel() if not call.finished.is_set() else None
            self.desk.clear(request, call)
        yield self._outcome(call, request)

    def _work(self, question: Question, model: str | None, progress: Progress, cancel: Cancel) -> Answer:
        folder = new_job_folder(self.settings.work)
        if model is not None and question.mixture is not None:
            separator = self.shelf.load([model])
            made = separate_estimate(separator, question.mixture, separator.targets[0], folder, progress, cancel)
            question = Question(
                question.reference,
                {"a": made, **question.estimates},
                question.mixture,
                question.bss,
                question.fix_offset,
            )
        return compare(question, folder, progress, cancel)

    @staticmethod
    def _progress(call: BackgroundCall[Answer], request: gr.Request) -> str:
        stage = "scoring" if call.stage == "scoring" else "separating"
        return html.progress(say(request, f"score.busy_{stage}"), call.fraction, f"{100 * call.fraction:.0f} %")

    def _outcome(self, call: BackgroundCall[Answer], request: gr.Request) -> tuple[Any, ...]:
        """Status, answer, report, comparison, log row, logged, and no blind test yet of what is new."""
        if call.cancelled or call.result is None:
            sentence = call.error or say(request, "score.stopped")
            return html.note(sentence, "bad" if call.error else ""), *[gr.skip()] * 6
        answer = call.result
        log_row = gr.Row(visible=not self.settings.on_space)
        return "", answer, report(answer, request), answer.player, log_row, "", None

    def cancel(self, request: gr.Request) -> str:
        """Out: status. Stops this page's scoring."""
        self.desk.cancel(request)
        return html.note(say(request, "score.stopped"))

    def log(self, answer: Answer | None, blind: dict[str, float] | None, request: gr.Request) -> str:
        """In: answer, result of the blind test. Out: logged, with a link to the run."""
        if self.settings.on_space:
            raise html.toast(say(request, "score.no_log"))
        if answer is None:
            raise html.toast(say(request, "score.nothing_to_log"))
        try:
            name, address = log_answer(answer, blind, self.settings.tracking_uri)
        except SeparatorError as error:
            raise html.toast(str(error)) from error
        return html.note_with_link(say(request, "score.logged", name=name), f"{self.settings.mlflow_url}/{address}")
