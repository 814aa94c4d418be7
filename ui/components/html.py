"""Pieces of HTML that the tabs draw. Every value from outside goes through ``html.escape`` here."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.i18n import I18nData


def format_clock(seconds: float) -> str:
    """Seconds as ``m:ss``, or ``h:mm:ss``."""
    minutes, rest = divmod(round(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def render_note(sentence: str, kind: str = "") -> str:
    """A card with one sentence; ``kind`` is "" or "bad"."""
    return f'<div class="card"><p class="quiet {escape(kind)}">{escape(sentence)}</p></div>'


def render_label_note(label: I18nData) -> str:
    """A card with a sentence that the browser translates."""
    return f'<div class="card"><p class="quiet">{label}</p></div>'


def render_linked_note(sentence: str, address: str) -> str:
    """A card with one sentence and an address to open."""
    link = f'<a href="{escape(address)}" target="_blank" rel="noopener">{escape(address)}</a>'
    return f'<div class="card"><p class="quiet">{escape(sentence)} {link}</p></div>'


def render_progress(sentence: str, fraction: float, aside: str = "") -> str:
    """A card with a sentence, a bar (``fraction`` 0 to 1) and a remark on the right."""
    percent = round(100 * min(1.0, max(0.0, fraction)))
    return (
        '<div class="card progress-card"><div class="line">'
        f"<span>{escape(sentence)}</span><span>{escape(aside)}</span></div>"
        f'<div class="bar" role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{percent}" '
        f'aria-label="{escape(sentence)}"><i style="width:{percent}%"></i></div></div>'
    )


def make_toast(sentence: str) -> gr.Error:
    """An error for the page, which shows it as HTML; errors of endpoints need no escaping."""
    return gr.Error(escape(sentence, quote=False), print_exception=False)


def render_table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: frozenset[int] = frozenset()) -> str:
    """A table of cells that are HTML already (use ``escape`` or ``cell``); columns in ``numbers`` align right."""
    align = [' class="number"' if column in numbers else "" for column in range(len(heads))]
    head = "".join(f'<th scope="col"{css}>{escape(text)}</th>' for text, css in zip(heads, align, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{css}>{cell}</td>" for cell, css in zip(row, align, strict=True)) + "</tr>"
        for row in rows
    )
    inside = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="card table-scroll"><table class="sori-table">{inside}</table></div>'


def build_panel(value: str = "", elem_id: str | None = None) -> gr.HTML:
    """An area for the pieces above, without Gradio's own text styles and without a script."""
    return gr.HTML(value, elem_id=elem_id, apply_default_css=False, js_on_load=None)


def render_state(word: str, kind: str) -> str:
    """A coloured word for a row's state."""
    return f'<span class="state {escape(kind)}">{escape(word)}</span>'


# Handlebars escapes both values; the picture's file name is the page's own, never a visitor's.
PICTURE = (
    '{{#if value}}<figure class="card picture"><figcaption>{{label}}</figcaption><a href="{{value.url}}" '
    'target="_blank"><img src="{{value.url}}" alt="{{label}}"></a></figure>{{/if}}'
)


def build_picture(label: I18nData, elem_id: str) -> gr.HTML:
    """A place for a picture with a caption; give it ``make_picture_value`` or None."""
    return gr.HTML(None, label=label, html_template=PICTURE, elem_id=elem_id, apply_default_css=False, js_on_load=None)


def make_picture_value(path: Path) -> dict[str, Any]:
    """A picture file for ``build_picture``."""
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}}
