"""Scores of separations against references."""

from training.evaluation.alignment import Alignment, Sound, align_all
from training.evaluation.bootstrap import Interval, sdr_difference
from training.evaluation.comparison import Comparison, Estimate, compare_files
from training.evaluation.oracles import Oracles, oracles
from training.evaluation.report import clock, song_report, table, write_csv, write_json
from training.evaluation.scoring import Score, ScoreOptions, SongScore, score_aligned, score_dataset, score_files
from training.evaluation.song_audio import find_scored_songs

__all__ = [
    "Alignment",
    "Comparison",
    "Estimate",
    "Interval",
    "Oracles",
    "Score",
    "ScoreOptions",
    "SongScore",
    "Sound",
    "align_all",
    "clock",
    "compare_files",
    "find_scored_songs",
    "oracles",
    "score_aligned",
    "score_dataset",
    "score_files",
    "sdr_difference",
    "song_report",
    "table",
    "write_csv",
    "write_json",
]
