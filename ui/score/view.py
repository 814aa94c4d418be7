"""What the Score tab draws: grades, all measures side by side, what they can be compared with. No wiring here."""

from collections.abc import Callable
from html import escape

import gradio as gr

from separator.metrics.grades import Grade
from training.evaluation.report import clock
from training.evaluation.scoring import Score
from ui.components import html
from ui.i18n import TEXTS, language_of, say
from ui.score.compare import Answer

PUBLISHED_RATE, PUBLISHED_CHANNELS = 44100, 2

# Text key of a measure, its explanation if any, and its value in dB.
MEASURES: tuple[tuple[str, str | None, Callable[[Score], float | None]], ...] = (
    ("sdr", None, lambda score: score.sdr_db),
    ("median", None, lambda score: score.frames.median),
    ("si_sdr", None, lambda score: score.si_sdr_db),
    ("silence", "silence_about", lambda score: score.silence.level_dbfs),
    ("clean", "clean_about", lambda score: score.clean_db),
    ("sir", None, lambda score: score.sir_db),
    ("sar", None, lambda score: score.sar_db),
    ("isr", None, lambda score: score.isr_db),
)


def report(answer: Answer, request: gr.Request | None) -> str:
    """The whole report as HTML."""
    cards = "".join(_card(key, answer, request) for key in answer.scores)
    sentences = [*_reach(answer, request), *_lead(answer, request)]
    remarks = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    about = f'<div class="card prose-card">{remarks}{_comparable(answer, request)}{_notes(answer, request)}</div>'
    return f'<div class="report"><div class="score-cards">{cards}</div>{_table(answer, request)}{about}</div>'


def decibels(value: float | None, unit: str = "dB") -> str:
    """A level with its unit, or a dash where there is none."""
    return "–" if value is None else f"{value:.2f} {unit}".replace("-", "−")


def _card(key: str, answer: Answer, request: gr.Request | None) -> str:
    """SDR, large, with its word; Silence and Clean below."""
    score = answer.scores[key]
    smaller = "".join(
        f"<li><span>{escape(say(request, f'score.{what}'))}</span>{_word(grade, request)}</li>"
        for what, grade in (("silence", score.silence_grade), ("clean", score.clean_grade))
    )
    name = f"{key.upper()} · {answer.names[key]}"
    return (
        f'<section class="card score-card" style="--grade: {score.grade.colour}" data-estimate="{key}">'
        f'<h4 class="name">{escape(name)}</h4><p class="big">{decibels(score.sdr_db)} {_word(score.grade, request)}</p>'
        f"<ul>{smaller}</ul></section>"
    )


def _word(grade: Grade, request: gr.Request | None) -> str:
    word = TEXTS[language_of(request)].get(f"score.grade_{grade.name}", grade.name)
    return f'<b class="grade" style="--grade: {grade.colour}" title="{escape(grade.sentence)}">{escape(word)}</b>'


def _table(answer: Answer, request: gr.Request | None) -> str:
    scores = list(answer.scores.values())
    rows = []
    for key, about, value in MEASURES:
        values = [value(score) for score in scores]
        if all(number is None for number in values):
            continue
        unit = "dBFS" if key == "silence" else "dB"
        rows.append((_measure(key, about, request), *(decibels(number, unit) for number in values)))
    rows.append((_measure("range", None, request), *(_range(score) for score in scores)))
    rows.append((_measure("worst", None, request), *(", ".join(map(clock, s.worst_seconds())) or "–" for s in scores)))
    counts = [f"{score.frames.n_counted} / {score.frames.n_silent}" for score in scores]
    rows.append((_measure("silent_seconds", None, request), *counts))
    heads = [say(request, "score.measure"), *(key.upper() for key in answer.scores)]
    return html.table(heads, rows, numbers=frozenset(range(1, len(heads))))


def _measure(key: str, about: str | None, request: gr.Request | None) -> str:
    explained = f'<br><span class="quiet">{escape(say(request, f"score.{about}"))}</span>' if about else ""
    return escape(say(request, f"score.{key}")) + explained


def _range(score: Score) -> str:
    lowest, highest = score.frames.minimum, score.frames.maximum
    return "–" if lowest is None else f"{decibels(lowest)} … {decibels(highest)}"


def _reach(answer: Answer, request: gr.Request | None) -> list[str]:
    """Where A lies between doing nothing and a perfect mask."""
    share = answer.oracles.share(answer.scores["a"].sdr_db) if answer.oracles and "a" in answer.scores else None
    if answer.oracles is None or share is None:
        return []
    floor, ceiling = (f"{value:.1f}" for value in (answer.oracles.floor_db or 0.0, answer.oracles.irm2_db or 0.0))
    return [say(request, "score.reach", floor=floor, ceiling=ceiling, share=round(100 * share))]


def _lead(answer: Answer, request: gr.Request | None) -> list[str]:
    """Which estimate is ahead, and by how much."""
    lead = answer.lead
    if lead is None:
        return []
    winner, sign = ("A", 1) if lead.value >= 0 else ("B", -1)
    bounds = sorted(sign * bound for bound in (lead.low, lead.high) if bound is not None)
    within = f" [{bounds[0]:.2f}, {bounds[1]:.2f}]" if len(bounds) == 2 else ""
    return [say(request, "score.lead", name=winner, lead=f"{abs(lead.value):.2f}{within}")]


def _comparable(answer: Answer, request: gr.Request | None) -> str:
    """Whether the numbers may stand beside published ones, and why not."""
    score = next(iter(answer.scores.values()))
    reasons = [say(request, "score.why_one_song")]
    if score.sample_rate != PUBLISHED_RATE:
        reasons.append(say(request, "score.why_rate", rate=f"{score.sample_rate:,}"))
    if score.channels != PUBLISHED_CHANNELS:
        reasons.append(say(request, "score.why_mono", channels=score.channels))
    if answer.question.fix_offset:
        reasons.append(say(request, "score.why_offset"))
    listed = "".join(f"<li>{escape(reason)}</li>" for reason in reasons)
    head, same = say(request, "score.not_comparable"), say(request, "score.same_way")
    return f'<p>{escape(same)}</p><p class="comparable">{escape(head)}</p><ul>{listed}</ul>'


def _notes(answer: Answer, request: gr.Request | None) -> str:
    notes = dict.fromkeys(note for score in answer.scores.values() for note in score.notes)
    if not notes:
        return ""
    listed = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f"<p>{escape(say(request, 'score.notes'))}</p><ul>{listed}</ul>"
