"""The report on a data set as HTML: verdict, facts, folders, and each finding with its remedy."""

from html import escape

import gradio as gr

from training.data_checks.report import Finding, FolderSummary, Report, gigabytes
from ui.components import html
from ui.i18n import translate
from ui.train.data_check import DataCheck

MIN_SHOWN_BYTES = 10_000_000
ORDER = ("error", "warning", "note")


def draw_check(check: DataCheck | None, problem: str, request: gr.Request | None) -> str:
    """The panel below the data folder: an error in the path, the progress of the check, or its report."""
    if problem:
        return html.render_note(problem, "bad")
    if check is None:
        return html.render_note(translate(request, "train.check_hint"))
    call = check.report
    if call.error:
        return html.render_note(call.error, "bad")
    if call.result is not None:
        return _render_report(call.result, _render_epoch_time(check, request), request)
    stage = call.stage if call.stage in ("practice", "decoding") else "looking"
    return html.render_progress(
        translate(request, f"train.check_{stage}"), call.fraction, f"{100 * call.fraction:.0f} %"
    )


def _render_report(report: Report, epoch_time: str, request: gr.Request | None) -> str:
    kind, word = ("good", "train.can_start") if report.can_start else ("bad", "train.cannot_start")
    verdict = f'<p class="verdict {kind}">{escape(translate(request, word))}</p>'
    folders = "".join(_render_folder(folder, request) for folder in report.folders)
    findings = sorted(report.findings, key=lambda finding: ORDER.index(finding.severity))
    listed = "".join(_render_finding(finding, request) for finding in findings)
    return (
        f'<section class="card check-card">{verdict}{_render_facts(report, epoch_time, request)}'
        f'<ul class="folders">{folders}</ul><ul class="findings">{listed}</ul></section>'
    )


def _render_facts(report: Report, epoch_time: str, request: gr.Request | None) -> str:
    train, valid = report.splits.get("train"), report.splits.get("valid")
    if train is None or valid is None:
        return ""
    facts = {
        "songs": translate(request, "train.songs_split", train=train.songs, valid=valid.songs),
        "hours": _format_length(report.hours, request),
        "silent": translate(request, "train.silent_share", share=f"{train.silent_share:.0%}", target=report.target),
        "epoch_time": epoch_time,
        "disk": translate(
            request, "train.disk_free" if report.cache_bytes_needed > MIN_SHOWN_BYTES else "train.disk_room",
            needed=gigabytes(report.cache_bytes_needed), free=gigabytes(report.disk_bytes_free),
        ),
    }  # fmt: skip
    items = "".join(
        f"<div><dt>{escape(translate(request, f'train.fact_{key}'))}</dt><dd>{escape(text)}</dd></div>"
        for key, text in facts.items()
        if text
    )
    return f'<dl class="facts">{items}</dl>'


def _render_folder(folder: FolderSummary, request: gr.Request | None) -> str:
    recognised = translate(request, "train.recognised", layout=folder.layout, n=folder.songs)
    rights = f"<small>{escape(folder.licence)}</small>" if folder.licence else ""
    return f'<li><span class="name">{escape(folder.root)}</span><small>{escape(recognised)}</small>{rights}</li>'


def _render_finding(finding: Finding, request: gr.Request | None) -> str:
    word = escape(translate(request, f"train.severity_{finding.severity}"))
    to_do = f"<small>→ {escape(finding.what_to_do)}</small>" if finding.what_to_do else ""
    return (
        f'<li class="{escape(finding.severity)}"><b>{word}</b>'
        f'<span class="what">{escape(finding.what)}</span>{to_do}</li>'
    )


def _render_epoch_time(check: DataCheck, request: gr.Request | None) -> str:
    """The measured time, or that it is being measured; empty where timing was cancelled."""
    epoch_time = check.epoch_time
    if epoch_time.result is not None:
        return translate(request, "train.about", time=html.format_clock(epoch_time.result))
    if epoch_time.cancelled or epoch_time.finished.is_set() or not check.can_start:
        return ""
    return translate(request, "train.measuring")


def _format_length(hours: float, request: gr.Request | None) -> str:
    if hours < 1:
        return translate(request, "train.minutes", n=f"{60 * hours:.1f}")
    return translate(request, "train.hours", n=f"{hours:.1f}")
