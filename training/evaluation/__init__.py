"""Scores of separations against references."""

from training.evaluation.alignment import Alignment, Sound, align_all
from training.evaluation.bootstrap import Interval, sdr_difference
from training.evaluation.comparison import Comparison, Estimate, compare_files
from training.evaluation.ideal_masks import Oracles, oracles
from training.evaluation.report import clock, song_report, stem_table, table, write_csv, write_json
from training.evaluation.scoring import Score, ScoreOptions, SongScore, score_aligned, score_files, score_song
from training.evaluation.song_audio import find_scored_songs, find_true_stems
from training.evaluation.stem_files import pair_stems, score_stem_files, sort_by_stem, split_mixture

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
    "find_true_stems",
    "oracles",
    "pair_stems",
    "score_aligned",
    "score_files",
    "score_song",
    "score_stem_files",
    "sdr_difference",
    "song_report",
    "sort_by_stem",
    "split_mixture",
    "stem_table",
    "table",
    "write_csv",
    "write_json",
]
