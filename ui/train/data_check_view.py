"""The dataset doctor's report as cards: the verdict, what there is, and each finding with what to do about it."""

from html import escape

import gradio as gr

from training.data_checks.report import Finding, FolderSummary, Report, gigabytes
from ui.components import html
from ui.i18n import say
from ui.train.data_check import Checkup

WORTH_SAYING = 10_000_000  # bytes
ORDER = ("error", "warning", "note")


def draw_check(check: Checkup | None, problem: str, request: gr.Request | None) -> str:
    """The panel below the data folder: what is wrong with the path, how far the check is, or what it found."""
    if problem:
        return html.note(problem, "bad")
    if check is None:
        return html.note(say(request, "train.check_hint"))
    call = check.report
    if call.error:
        return html.note(call.error, "bad")
    if call.result is not None:
        return _report(call.result, _epoch_time(check, request), request)
    stage = call.stage if call.stage in ("practice", "decoding") else "looking"
    return html.progress(say(request, f"train.check_{stage}"), call.fraction, f"{100 * call.fraction:.0f} %")


def _report(report: Report, epoch_time: str, request: gr.Request | None) -> str:
    kind, word = ("good", "train.can_start") if report.can_start else ("bad", "train.cannot_start")
    verdict = f'<p class="verdict {kind}">{escape(say(request, word))}</p>'
    folders = "".join(_folder(folder, request) for folder in report.folders)
    findings = sorted(report.findings, key=lambda finding: ORDER.index(finding.severity))
    listed = "".join(_finding(finding, request) for finding in findings)
    return (
        f'<section class="card check-card">{verdict}{_facts(report, epoch_time, request)}'
        f'<ul class="folders">{folders}</ul><ul class="findings">{listed}</ul></section>'
    )


def _facts(report: Report, epoch_time: str, request: gr.Request | None) -> str:
    train, valid = report.splits.get("train"), report.splits.get("valid")
    if train is None or valid is None:
        return ""
    facts = {
        "songs": say(request, "train.songs_split", train=train.songs, valid=valid.songs),
        "hours": _length(report.hours, request),
        "silent": say(request, "train.silent_share", share=f"{train.silent_share:.0%}", target=report.target),
        "epoch_time": epoch_time,
        "disk": say(
            request, "train.disk_free" if report.cache_bytes_needed > WORTH_SAYING else "train.disk_room",
            needed=gigabytes(report.cache_bytes_needed), free=gigabytes(report.disk_bytes_free),
        ),
    }  # fmt: skip
    items = "".join(
        f"<div><dt>{escape(say(request, f'train.fact_{key}'))}</dt><dd>{escape(text)}</dd></div>"
        for key, text in facts.items()
        if text
    )
    return f'<dl class="facts">{items}</dl>'


def _folder(folder: FolderSummary, request: gr.Request | None) -> str:
    recognised = say(request, "train.recognised", layout=folder.layout, n=folder.songs)
    rights = f"<small>{escape(folder.licence)}</small>" if folder.licence else ""
    return f'<li><span class="name">{escape(folder.root)}</span><small>{escape(recognised)}</small>{rights}</li>'


def _finding(finding: Finding, request: gr.Request | None) -> str:
    word = escape(say(request, f"train.severity_{finding.severity}"))
    to_do = f"<small>→ {escape(finding.what_to_do)}</small>" if finding.what_to_do else ""
    return (
        f'<li class="{escape(finding.severity)}"><b>{word}</b>'
        f'<span class="what">{escape(finding.what)}</span>{to_do}</li>'
    )


def _epoch_time(check: Checkup, request: gr.Request | None) -> str:
    """The probe's answer, or that it is being measured; nothing where it was given up."""
    pace = check.pace
    if pace.result is not None:
        return say(request, "train.about", time=html.clock(pace.result))
    if pace.cancelled or pace.finished.is_set() or not check.can_start:
        return ""
    return say(request, "train.measuring")


def _length(hours: float, request: gr.Request | None) -> str:
    if hours < 1:
        return say(request, "train.minutes", n=f"{60 * hours:.1f}")
    return say(request, "train.hours", n=f"{hours:.1f}")
