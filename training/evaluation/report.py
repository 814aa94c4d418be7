"""Scores as text, JSON and CSV: a report of one song, a table of many. The conventions are named where numbers are."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from separator.files import atomic_write
from training.evaluation.bootstrap import Interval, mean_interval, median_interval
from training.evaluation.ideal_masks import Oracles
from training.evaluation.scoring import Score, SongScore

CONVENTIONS = {
    "uSDR": "energy ratio of the whole track, mean over songs (MDX'21)",
    "cSDR": "median of the seconds of a song, median over songs (SiSEC 2018, MUSDB18 tables)",
    "Silence": "level where the reference is silent (dBFS, lower is better)",
    "Clean": "target over leaked others while both play (dB, higher is better)",
}

_COLUMNS: dict[str, Callable[[Score], float | None]] = {
    "SDR": lambda score: score.sdr_db,
    "SDR/s": lambda score: score.frames.median,
    "SI-SDR": lambda score: score.si_sdr_db,
    "Silence": lambda score: score.silence.level_dbfs,
    "Clean": lambda score: score.clean_db,
    "SIR": lambda score: score.sir_db,
    "SAR": lambda score: score.sar_db,
    "ISR": lambda score: score.isr_db,
}


def clock(second: int) -> str:
    """Seconds as m:ss."""
    return f"{second // 60}:{second % 60:02d}"


def song_report(row: SongScore) -> str:
    """One song's score on some fifteen lines."""
    score = row.score
    if score is None:
        return f"{row.name}: not scored: {row.problem}"
    lines = [f"{row.name}   {clock(round(score.seconds))}, {score.sample_rate} Hz, {_channels(score.channels)}"]
    lines += _measures(score)
    lines += [] if row.oracles is None else _oracle_lines(row.oracles, score.sdr_db)
    return "\n".join(lines + [f"  note       {note}" for note in score.notes])


def _measures(score: Score) -> list[str]:
    f, silence = score.frames, score.silence
    lines = [
        f"  SDR        {_db(score.sdr_db)}   {score.grade.sentence} (Whole track; its mean over songs is uSDR.)",
        f"  SI-SDR     {_db(score.si_sdr_db)}   The same, whatever the level of the estimate.",
        f"  per second {_db(f.median)}   Median, cSDR (from {_db(f.minimum).strip()} to {_db(f.maximum).strip()}; "
        f"{f.n_counted} scored, {f.n_silent} silent)",
        f"  Silence    {_db(silence.level_dbfs, 'dBFS')} {score.silence_grade.sentence} {_silence_detail(score)}",
        f"  Clean      {_db(score.clean_db)}   {score.clean_grade.sentence}",
    ]
    worst = ", ".join(f"{clock(n)} ({_db(score.sdr_per_second[n]).strip()})" for n in score.worst_seconds())
    lines += [f"  worst at   {worst}"] if worst else []
    if score.sir_db is not None or score.sar_db is not None:
        lines.append(f"  BSSEval    SIR {_db(score.sir_db)}, SAR {_db(score.sar_db)}, ISR {_db(score.isr_db)}")
    return lines


def _silence_detail(score: Score) -> str:
    below = score.silence.below_mixture_db
    against = "" if below is None else f", {below:.1f} dB below the mixture"
    return f"({score.silence.seconds:.1f} s{against})" if score.silence.seconds else "(the reference is never silent)"


def _oracle_lines(oracles: Oracles, sdr_db: float | None) -> list[str]:
    share = oracles.share(sdr_db)
    reached = "" if share is None or share > 1 else f"; this score is {share:.0%} of the way from floor to there"
    return [
        f"  floor      {_db(oracles.floor_db)}   The mixture taken as the estimate",
        f"  ideal mask {_db(oracles.irm2_db)}   IRM2 (IRM1 {_db(oracles.irm1_db).strip()}, "
        f"IBM {_db(oracles.ibm_db).strip()}, phase-sensitive {_db(oracles.psm_db).strip()}){reached}",
    ]


def table(rows: Sequence[SongScore], *, averages: bool = True) -> str:
    """A line per song; with `averages`, the mean of SDR (uSDR) and the median of SDR/s (cSDR), with 95 % intervals."""
    return _table("song", [row.name for row in rows], rows, _averages(rows) if averages else [])


def stem_table(rows: Sequence[SongScore]) -> str:
    """A line per stem of one song, its name above them."""
    return f"{rows[0].name}\n{_table('stem', [row.stem for row in rows], rows, [])}"


def _table(title: str, names: Sequence[str], rows: Sequence[SongScore], averages: Sequence[str]) -> str:
    scored = [row for row in rows if row.score is not None]
    columns = {name: [column(row.score) for row in scored if row.score] for name, column in _COLUMNS.items()}
    columns = {name: values for name, values in columns.items() if any(value is not None for value in values)}
    columns |= _oracle_columns(scored)
    width = max(map(_width, [title, *names]))
    named = [(_pad(name, width), row) for name, row in zip(names, rows, strict=True)]
    head = "  ".join([_pad(title, width), *(f"{name:>7}" for name in columns), "grade"])
    lines = [
        "  ".join([name, *(_cell(values[i]) for values in columns.values()), _grade_name(row)])
        for i, (name, row) in enumerate(pair for pair in named if pair[1].score is not None)
    ]
    failed = [f"{name}  not scored: {row.problem}" for name, row in named if row.score is None]
    return "\n".join([*_conventions(columns), "", head, *lines, *failed, *(["", *averages] if averages else [])])


def _width(name: str) -> int:
    """Columns of a terminal; Korean, Chinese and Japanese letters take two each."""
    composed = unicodedata.normalize("NFC", name)  # macOS hands out names with letters taken apart
    return sum(1 + (unicodedata.east_asian_width(letter) in "WF") for letter in composed)


def _pad(name: str, width: int) -> str:
    return name + " " * (width - _width(name))


def _conventions(columns: dict[str, list[float | None]]) -> list[str]:
    named = {"SDR": CONVENTIONS["uSDR"], "SDR/s": CONVENTIONS["cSDR"]} | CONVENTIONS
    return [f"{name:<8} {named[name]}" for name in columns if name in named]


def _oracle_columns(rows: Sequence[SongScore]) -> dict[str, list[float | None]]:
    names = {"floor": "floor_db", "IBM": "ibm_db", "IRM1": "irm1_db", "IRM2": "irm2_db", "PSM": "psm_db"}
    if not any(row.oracles for row in rows):
        return {}
    return {name: [getattr(row.oracles, field, None) for row in rows] for name, field in names.items()}


def _averages(rows: Sequence[SongScore]) -> list[str]:
    averages = summary(rows)
    skipped = sum(row.score is None for row in rows)
    lines = [
        f"{name}: {interval} dB over {count} songs (95 % interval)" for name, (interval, count) in averages.items()
    ]
    return lines + ([f"{skipped} of {len(rows)} songs could not be scored"] if skipped else [])


def summary(rows: Sequence[SongScore]) -> dict[str, tuple[Interval, int]]:
    """The averages that are published, each by its own convention, with their intervals and numbers of songs.

    Songs whose reference is silent have no SDR and are not in them.
    """
    whole = [row.score.sdr_db for row in rows if row.score and row.score.sdr_db is not None]
    seconds = [row.score.frames.median for row in rows if row.score and row.score.frames.median is not None]
    averages = {}
    if whole:
        averages = {
            "uSDR (mean)": (mean_interval(whole), len(whole)),
            "SDR, median": (median_interval(whole), len(whole)),
        }
    return averages | ({"cSDR (median)": (median_interval(seconds), len(seconds))} if seconds else {})


def write_json(path: str | Path, rows: Sequence[SongScore], about: dict[str, Any]) -> None:
    """Everything, seconds included, with `about` (target, model, options) first; averages of several stems by stem."""
    songs = [
        {"name": row.name, "stem": row.stem, "problem": row.problem}
        | {"score": row.score.to_dict() if row.score else None}
        | {"oracles": asdict(row.oracles) if row.oracles else None}
        for row in rows
    ]
    by_stem = {stem: _plain_summary(of_stem) for stem, of_stem in sort_rows(rows).items()}
    averages = by_stem if len(by_stem) > 1 else _plain_summary(rows)
    report = about | {"conventions": CONVENTIONS, "averages": averages, "songs": songs}
    _write(Path(path), json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def sort_rows(rows: Sequence[SongScore]) -> dict[str, list[SongScore]]:
    """Rows by stem, in the order of their first appearance."""
    return {stem: [row for row in rows if row.stem == stem] for stem in dict.fromkeys(row.stem for row in rows)}


def _plain_summary(rows: Sequence[SongScore]) -> dict[str, Any]:
    return {name: asdict(interval) | {"songs": count} for name, (interval, count) in summary(rows).items()}


def write_csv(path: str | Path, rows: Sequence[SongScore]) -> None:
    """A row per song and stem, for a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["song", "stem", *_COLUMNS, "grade", "floor", "IBM", "IRM1", "IRM2", "problem"])
    for row in rows:
        numbers = [None if row.score is None else column(row.score) for column in _COLUMNS.values()]
        oracles = [values[0] for values in _oracle_columns([row]).values()] or [None] * 4
        writer.writerow([row.name, row.stem, *numbers, _grade_name(row), *oracles, row.problem])
    _write(Path(path), text.getvalue())


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as part:
        part.write_text(text, encoding="utf-8")


def _grade_name(row: SongScore) -> str:
    return row.score.grade.name if row.score else ""


def _channels(count: int) -> str:
    return {1: "mono", 2: "stereo"}.get(count, f"{count} channels")


def _db(value: float | None, unit: str = "dB") -> str:
    return f"{'-':>7}{' ' * (len(unit) + 1)}" if value is None else f"{value:7.2f} {unit}"


def _cell(value: float | None) -> str:
    return f"{'-':>7}" if value is None else f"{value:7.2f}"
