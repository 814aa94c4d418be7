"""What the Score tab draws: grades, all measures side by side, what they can be compared with. No wiring here."""

from collections.abc import Callable, Sequence
from html import escape

import gradio as gr

from separator.metrics import Grade
from training.evaluation.report import clock
from training.evaluation.scoring import Score, SongScore
from ui.components import html
from ui.i18n import TEXTS, detect_language, translate
from ui.score.compare import ScoreResult, StemScores

PUBLISHED_RATE, PUBLISHED_CHANNELS = 44100, 2

Measure = tuple[str, str | None, Callable[[Score], float | None]]
"""Text key of a measure, its explanation if any, and its value in dB."""
MEASURES: tuple[Measure, ...] = (
    ("sdr", None, lambda score: score.sdr_db),
    ("median", None, lambda score: score.frames.median),
    ("si_sdr", None, lambda score: score.si_sdr_db),
    ("silence", "silence_about", lambda score: score.silence.level_dbfs),
    ("clean", "clean_about", lambda score: score.clean_db),
    ("sir", None, lambda score: score.sir_db),
    ("sar", None, lambda score: score.sar_db),
    ("isr", None, lambda score: score.isr_db),
)


def render_report(result: ScoreResult, request: gr.Request | None) -> str:
    """The whole report as HTML."""
    cards = "".join(_render_card(key, result, request) for key in result.scores)
    sentences = [*_describe_reach(result, request), *_describe_lead(result, request)]
    remarks = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    first, scores = next(iter(result.scores.values())), list(result.scores.values())
    remarks += _render_caveats(first, result.request.fix_offset, request) + _render_notes(scores, request)
    about = f'<div class="card prose-card">{remarks}</div>'
    return f'<div class="report"><div class="score-cards">{cards}</div>{_render_table(result, request)}{about}</div>'


def render_stem_report(result: StemScores, request: gr.Request | None) -> str:
    """A table with a row per stem (and set of estimates), and what the numbers can be compared with, as HTML."""
    scores = [row.score for row in result.rows if row.score is not None]
    columns = [column for column in MEASURES if any(column[2](score) is not None for score in scores)]
    sets = {row.name for row in result.rows}
    rows = [_render_stem_row(row, columns, request, with_set=len(sets) > 1) for row in result.rows]
    heads = [translate(request, f"score.{key}") for key in ("stem", "grade", *(key for key, _, _ in columns))]
    table = html.render_table(heads, rows, numbers=frozenset(range(2, len(heads))))
    if not scores:
        return table
    remarks = _render_caveats(scores[0], result.fix_offset, request) + _render_notes(scores, request)
    return f'<div class="report stem-scores">{table}<div class="card prose-card">{remarks}</div></div>'


def _render_stem_row(
    row: SongScore, columns: Sequence[Measure], request: gr.Request | None, *, with_set: bool
) -> list[str]:
    """Stem, its grade and measures; of a stem without score the reason below its name."""
    name = translate_stem(row.stem, request)
    label = f"{name} · {row.name.upper()}" if with_set else name
    remark = f'<br><span class="quiet">{escape(row.problem)}</span>' if row.problem else ""
    score = row.score
    values = ["–" if score is None else _format_measure(key, value(score)) for key, _, value in columns]
    return [escape(label) + remark, "–" if score is None else _render_grade(score.grade, request), *values]


def translate_stem(stem: str, request: gr.Request | None) -> str:
    """A stem's name in the visitor's language, where there is a translation."""
    return TEXTS[detect_language(request)].get(f"player.{stem}", stem)


def _format_measure(key: str, value: float | None) -> str:
    return format_decibels(value, "dBFS" if key == "silence" else "dB")


def format_decibels(value: float | None, unit: str = "dB") -> str:
    """A level with its unit, or a dash where there is none."""
    return "–" if value is None else f"{value:.2f} {unit}".replace("-", "−")


def _render_card(key: str, result: ScoreResult, request: gr.Request | None) -> str:
    """SDR, large, with its word; Silence and Clean below."""
    score = result.scores[key]
    smaller = "".join(
        f"<li><span>{escape(translate(request, f'score.{what}'))}</span>{_render_grade(grade, request)}</li>"
        for what, grade in (("silence", score.silence_grade), ("clean", score.clean_grade))
    )
    name = f"{key.upper()} · {result.names[key]}"
    return (
        f'<section class="card score-card" style="--grade: {score.grade.colour}" data-estimate="{key}">'
        f'<h4 class="name">{escape(name)}</h4>'
        f'<p class="big">{format_decibels(score.sdr_db)} {_render_grade(score.grade, request)}</p>'
        f"<ul>{smaller}</ul></section>"
    )


def _render_grade(grade: Grade, request: gr.Request | None) -> str:
    word = TEXTS[detect_language(request)].get(f"score.grade_{grade.name}", grade.name)
    return f'<b class="grade" style="--grade: {grade.colour}" title="{escape(grade.sentence)}">{escape(word)}</b>'


def _render_table(result: ScoreResult, request: gr.Request | None) -> str:
    scores = list(result.scores.values())
    rows = []
    for key, about, value in MEASURES:
        values = [value(score) for score in scores]
        if all(number is None for number in values):
            continue
        rows.append((_render_measure(key, about, request), *(_format_measure(key, number) for number in values)))
    rows.append((_render_measure("range", None, request), *(_format_range(score) for score in scores)))
    rows.append(
        (_render_measure("worst", None, request), *(", ".join(map(clock, s.worst_seconds())) or "–" for s in scores))
    )
    counts = [f"{score.frames.n_counted} / {score.frames.n_silent}" for score in scores]
    rows.append((_render_measure("silent_seconds", None, request), *counts))
    heads = [translate(request, "score.measure"), *(key.upper() for key in result.scores)]
    return html.render_table(heads, rows, numbers=frozenset(range(1, len(heads))))


def _render_measure(key: str, about: str | None, request: gr.Request | None) -> str:
    explained = f'<br><span class="quiet">{escape(translate(request, f"score.{about}"))}</span>' if about else ""
    return escape(translate(request, f"score.{key}")) + explained


def _format_range(score: Score) -> str:
    lowest, highest = score.frames.minimum, score.frames.maximum
    return "–" if lowest is None else f"{format_decibels(lowest)} … {format_decibels(highest)}"


def _describe_reach(result: ScoreResult, request: gr.Request | None) -> list[str]:
    """Where A lies between the mixture and a perfect mask."""
    share = result.oracles.share(result.scores["a"].sdr_db) if result.oracles and "a" in result.scores else None
    if result.oracles is None or share is None:
        return []
    floor, ceiling = (f"{value:.1f}" for value in (result.oracles.floor_db or 0.0, result.oracles.irm2_db or 0.0))
    return [translate(request, "score.reach", floor=floor, ceiling=ceiling, share=round(100 * share))]


def _describe_lead(result: ScoreResult, request: gr.Request | None) -> list[str]:
    """Which estimate is ahead, and by how much."""
    lead = result.lead
    if lead is None:
        return []
    winner, sign = ("A", 1) if lead.value >= 0 else ("B", -1)
    bounds = sorted(sign * bound for bound in (lead.low, lead.high) if bound is not None)
    within = f" [{bounds[0]:.2f}, {bounds[1]:.2f}]" if len(bounds) == 2 else ""
    return [translate(request, "score.lead", name=winner, lead=f"{abs(lead.value):.2f}{within}")]


def _render_caveats(score: Score, fix_offset: bool, request: gr.Request | None) -> str:
    """Whether the numbers may stand beside published ones, and why not."""
    reasons = [translate(request, "score.why_one_song")]
    if score.sample_rate != PUBLISHED_RATE:
        reasons.append(translate(request, "score.why_rate", rate=f"{score.sample_rate:,}"))
    if score.channels != PUBLISHED_CHANNELS:
        reasons.append(translate(request, "score.why_mono", channels=score.channels))
    if fix_offset:
        reasons.append(translate(request, "score.why_offset"))
    listed = "".join(f"<li>{escape(reason)}</li>" for reason in reasons)
    head, same = translate(request, "score.not_comparable"), translate(request, "score.same_way")
    return f'<p>{escape(same)}</p><p class="comparable">{escape(head)}</p><ul>{listed}</ul>'


def _render_notes(scores: Sequence[Score], request: gr.Request | None) -> str:
    notes = dict.fromkeys(note for score in scores for note in score.notes)
    if not notes:
        return ""
    listed = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f"<p>{escape(translate(request, 'score.notes'))}</p><ul>{listed}</ul>"
