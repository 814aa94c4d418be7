"""What a score means, in a word, a colour and a sentence: the same everywhere a score is shown.

The bounds for SDR are the project's own reading of today's tools; those for Silence and Clean follow what is audible in
a stem played alone at a normal level. None is a standard.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Grade:
    """One step of a scale: `name` for a table, `colour` (hex, legible on light and dark), `sentence` for a reader."""

    name: str
    colour: str
    sentence: str


_RED, _ORANGE, _AMBER, _GREEN, _BLUE, _GREY = "#d64545", "#d9772b", "#b8912b", "#3a9d5d", "#3b82c4", "#8a8f98"

_UNKNOWN = Grade("not scored", _GREY, "There is nothing to measure here.")
_SILENT = Grade("silent estimate", _RED, "The estimate is silent: nothing was separated.")

# Each scale: (lower bound, grade), best first; a value belongs to the first bound that it reaches.
_SDR = (
    (7.0, Grade("excellent", _BLUE, "Excellent: 7 dB and above.")),
    (5.0, Grade("good", _GREEN, "Good, near commercial apps: 5 to 7 dB.")),
    (3.0, Grade("fair", _AMBER, "Fair: 3 to 5 dB.")),
    (0.0, Grade("poor", _ORANGE, "Poor: 0 to 3 dB.")),
    (-math.inf, Grade("failed", _RED, "Failed: below 0 dB, silence would score better.")),
)
_SILENCE = (
    (60.0, Grade("silent", _BLUE, "Silent where the target is silent.")),
    (50.0, Grade("nearly silent", _GREEN, "Nearly silent: only headphones tell.")),
    (40.0, Grade("audible", _AMBER, "Something is audible while the target rests.")),
    (30.0, Grade("noticeable", _ORANGE, "Other instruments are noticed while the target rests.")),
    (-math.inf, Grade("loud", _RED, "Other instruments play on while the target rests.")),
)
_CLEAN = (
    (20.0, Grade("clean", _BLUE, "Clean: the others cannot be heard behind the target.")),
    (15.0, Grade("nearly clean", _GREEN, "Nearly clean: the others shimmer through now and then.")),
    (10.0, Grade("some leakage", _AMBER, "Some leakage: the others are heard softly.")),
    (5.0, Grade("leaky", _ORANGE, "Leaky: the others are plainly heard.")),
    (-math.inf, Grade("mixed", _RED, "Mixed: the others are as loud as the target, or louder.")),
)


def grade(sdr_db: float | None, is_silent: bool = False) -> Grade:
    """The word for an SDR in dB: failed (< 0), poor (0-3), fair (3-5), good (5-7) or excellent (7 and above).

    None or NaN, which a silent reference gives, is "not scored". A silent estimate's 0 dB is no poor separation, but
    none: `is_silent` gives it its own word.
    """
    word = _pick(_SDR, sdr_db)
    return _SILENT if is_silent and word is not _UNKNOWN else word


def grade_silence(level_dbfs: float | None) -> Grade:
    """The word for Silence, the level in dBFS left where the reference is silent; None or NaN is "not scored"."""
    return _pick(_SILENCE, None if level_dbfs is None else -level_dbfs)


def grade_clean(clean_db: float | None) -> Grade:
    """The word for Clean, target over leaked others in dB; None or NaN is "not scored"."""
    return _pick(_CLEAN, clean_db)


def _pick(scale: tuple[tuple[float, Grade], ...], value: float | None) -> Grade:
    if value is None or math.isnan(value):
        return _UNKNOWN
    return next(grade for bound, grade in scale if value >= bound)
