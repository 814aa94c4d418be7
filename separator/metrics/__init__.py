"""Measures of a separation."""

from separator.metrics.distortion import framewise_sdr, sdr, si_sdr, summarise
from separator.metrics.grades import grade

__all__ = ["framewise_sdr", "grade", "sdr", "si_sdr", "summarise"]
