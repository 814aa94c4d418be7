"""Measures of a separation: SDR and its kin, Silence, Clean, BSSEval, and the words for a score."""

from separator.metrics.bss import BssScores, bss_eval
from separator.metrics.distortion import Summary, framewise_sdr, sdr, si_sdr, summarise
from separator.metrics.energy import (
    LIMIT_DB,
    SILENCE_DB,
    check_shapes,
    compute_frame_energy,
    is_silent_beside,
    remove_codec_noise,
)
from separator.metrics.grades import Grade, grade, grade_clean, grade_silence
from separator.metrics.leakage import SilenceLeak, clean, silence_leak

__all__ = [
    "LIMIT_DB",
    "SILENCE_DB",
    "BssScores",
    "Grade",
    "SilenceLeak",
    "Summary",
    "bss_eval",
    "check_shapes",
    "clean",
    "compute_frame_energy",
    "framewise_sdr",
    "grade",
    "grade_clean",
    "grade_silence",
    "is_silent_beside",
    "remove_codec_noise",
    "sdr",
    "si_sdr",
    "silence_leak",
    "summarise",
]
