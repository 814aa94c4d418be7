"""Writes the tables of figures in the READMEs and the model card from checkpoints/metrics.json::

    python -m tests.benchmarks.metric_tables

A table stands between two lines, ``<!-- metrics: NAME -->`` and ``<!-- /metrics -->`` (in YAML after ``#``). Everything
around it is prose, and free.
"""

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
METRICS_JSON = ROOT / "checkpoints" / "metrics.json"
PAGES = tuple(ROOT / name for name in ("README.md", "README.ko.md", "checkpoints/README.md"))
BLOCK = re.compile(r"^( *)((?:<!--|#) metrics: ([\w-]+)(?: -->)?)\n.*?^ *((?:<!--|#) /metrics(?: -->)?)$", re.M | re.S)

CONTESTANTS = ("floor", "spleeter", "sori", "sori_tta", "ideal_ratio_mask")
Metrics = dict[str, Any]

ENGLISH = {
    "head": ("SDR in dB", "songs", "mixture (floor)", "Spleeter", "Sori", "Sori `--tta`", "ideal mask (ceiling)"),
    "mono": "vocals, 22.05 kHz mono",
    "own": "vocals",
    "together": "{}, separated together",
    "vocals": "vocals",
    "drums": "drums",
    "bass": "bass",
    "other": "other",
}
KOREAN = {
    "head": ("SDR(dB)", "곡 수", "믹스 그대로(하한)", "Spleeter", "Sori", "Sori `--tta`", "이상적인 마스크(상한)"),
    "mono": "보컬, 22.05 kHz 모노",
    "own": "보컬",
    "together": "{}, 한꺼번에 분리",
    "vocals": "보컬",
    "drums": "드럼",
    "bass": "베이스",
    "other": "기타 악기",
}
MEASURES = {
    "usdr_mono": "uSDR, 22.05 kHz mono",
    "csdr_mono": "cSDR, 22.05 kHz mono",
    "usdr_own": "uSDR",
    "csdr_own": "cSDR",
}
SEPARATES = {
    "vocals": "the voice; the rest is the accompaniment",
    "vocals_scratch": "the voice, without any of Spleeter's weights",
}
"""Where there is more to write than the targets."""


def summary_table(metrics: Metrics, words: dict[str, Any]) -> Iterable[str]:
    """Of the READMEs: uSDR of vocals, and of all stems separated together."""
    vocals = metrics["vocals"]
    yield from head(words["head"])
    yield row(words["mono"], vocals["songs"], *cells(vocals, CONTESTANTS, "usdr_mono"))
    yield row(words["own"], vocals["songs"], *cells(vocals, CONTESTANTS, "usdr_own"))
    for stem, section in metrics["stems"].items():
        label = words["together"].format(words[stem])
        yield row(label, section["songs"], *cells(section, CONTESTANTS, "usdr_own"))


def results_table(metrics: Metrics) -> Iterable[str]:
    """Of the card: uSDR and cSDR of vocals, uSDR of all stems separated together."""
    contestants = (*CONTESTANTS[:4], "sori_scratch", CONTESTANTS[4])
    titles = (*ENGLISH["head"][1:6], "`vocals_scratch`", ENGLISH["head"][6])
    yield from head(("stem", "measure", *titles))
    for measure, title in MEASURES.items():
        yield row("vocals", title, metrics["vocals"]["songs"], *cells(metrics["vocals"], contestants, measure))
    for stem, section in metrics["stems"].items():
        label = f"{ENGLISH[stem]}, together"
        yield row(label, MEASURES["usdr_own"], section["songs"], *cells(section, contestants, "usdr_own"))


def models_table(metrics: Metrics) -> Iterable[str]:
    yield from head(
        ("file", "separates", "weights", "size", "multiply-adds per second of audio", "SDR of the demo song")
    )
    for name, model in metrics["models"].items():
        demo = metrics["demo"][name]
        yield row(
            f"`{name}.pth`",
            SEPARATES.get(name, " and ".join(f"the {target}" for target in demo)),
            f"{model['million_weights']:.2f} M",
            f"{model['megabytes']:.1f} MB",
            f"{model['billion_multiply_adds_per_second']:.2f} billion",
            ", ".join(f"{sdr_db:.2f} dB" for sdr_db in demo.values()),
        )


def model_index(metrics: Metrics) -> Iterable[str]:
    """Hugging Face's model-index, YAML: five headline results."""
    vocals, stems = metrics["vocals"], metrics["stems"]
    songs = {
        "valid": f"{vocals['songs']} songs with true vocals",
        "valid4": f"{stems['drums']['songs']} songs with stems",
    }
    figures = {
        "valid": {"uSDR of vocals": (vocals, "usdr_own"), "cSDR of vocals": (vocals, "csdr_own")},
        "valid4": {f"uSDR of {ENGLISH[stem]}": (stems[stem], "usdr_own") for stem in ("drums", "bass", "other")},
    }
    yield from ("model-index:", "  - name: sori", "    results:")
    for data, results in figures.items():
        yield "      - task: {type: audio-to-audio, name: music source separation}"
        yield f"        dataset: {{type: {data}, name: {songs[data]}}}"
        values = {name: section["mean"]["sori"][measure] for name, (section, measure) in results.items()}
        entries = (f"{{type: sdr, name: {name}, value: {value:.2f}}}" for name, value in values.items())
        yield f"        metrics: [{', '.join(entries)}]"


def head(titles: Iterable[str]) -> list[str]:
    titles = tuple(titles)
    return [row(*titles), "|" + "---|" * len(titles)]


def row(*values: object) -> str:
    return f"| {' | '.join(map(str, values))} |"


def cells(section: Metrics, contestants: Iterable[str], measure: str) -> list[str]:
    """Means with two decimals; a dash where a contestant was not scored."""
    mean = section["mean"]
    return [f"{mean[name][measure]:.2f}" if measure in mean.get(name, {}) else "–" for name in contestants]


TABLES: dict[str, Callable[[Metrics], Iterable[str]]] = {
    "summary-en": lambda metrics: summary_table(metrics, ENGLISH),
    "summary-ko": lambda metrics: summary_table(metrics, KOREAN),
    "results": results_table,
    "models": models_table,
    "model-index": model_index,
}


def fill_tables(text: str, metrics: Metrics) -> str:
    """The text with every marked block written anew. Raises KeyError for a block of an unknown name."""

    def fill(block: re.Match[str]) -> str:
        indent, first, name, last = block.groups()
        return "\n".join(indent + line for line in (first, *TABLES[name](metrics), last))

    return BLOCK.sub(fill, text)


def read_metrics() -> Metrics:
    metrics: Metrics = json.loads(METRICS_JSON.read_text(encoding="utf-8"))
    return metrics


def write_tables() -> None:
    for page in PAGES:
        page.write_text(fill_tables(page.read_text(encoding="utf-8"), read_metrics()), encoding="utf-8")


if __name__ == "__main__":
    write_tables()
