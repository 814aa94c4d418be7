"""The analysis of a separated song as the mixer takes it: ``SongAnalysis`` in ``assets/js/types.d.ts``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from separator.audio import read
from ui.separate.queue import SongRow

if TYPE_CHECKING:
    from separator.analysis.key import SongKey
    from separator.analysis.loudness import Loudness
    from separator.analysis.song import SongAnalysis

BEATS_PER_BAR = 4
"""Of every song: no metre is estimated, and no first beat of a bar."""


def analyse_song(song: SongRow) -> dict[str, Any]:
    """Tempo, key and loudness of a song that is done; raises AudioError for a file that cannot be read."""
    from separator.analysis.loudness import measure_loudness  # librosa takes its time to load
    from separator.analysis.song import analyse_stems

    assert song.mixture is not None, "a song that is done has its mixture"
    found = song.found or analyse_stems(song.stems)
    levels = {"mixture": measure_loudness(*read(song.mixture)), **found.loudness}
    return describe_analysis(found, levels)


def describe_analysis(found: SongAnalysis, levels: dict[str, Loudness]) -> dict[str, Any]:
    """What was found, with the levels of each kind of track."""
    return {
        "tempo_bpm": found.tempo.bpm if found.tempo else None,
        "tempo_confidence": found.tempo.confidence if found.tempo else 0.0,
        "beats": [round(beat, 3) for beat in found.tempo.beats] if found.tempo else [],
        "first_downbeat": 0,
        "beats_per_bar": BEATS_PER_BAR,
        "key": _describe_key(found.key) if found.key else None,
        "tuning_cents": 1200 * math.log2(found.key.tuning_hz / 440) if found.key else None,
        "loudness": {
            kind: {"lufs": level.integrated_lufs, "true_peak_db": level.true_peak_dbtp}
            for kind, level in levels.items()
        },
    }


def _describe_key(key: SongKey) -> dict[str, Any]:
    tonic, mode = key.name.split()
    return {"tonic": tonic, "mode": mode, "confidence": key.confidence}
