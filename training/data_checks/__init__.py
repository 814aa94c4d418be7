"""What is wrong with a data folder."""

from training.data_checks.doctor import examine
from training.data_checks.report import Finding, FolderSummary, Report, gigabytes

__all__ = [
    "Finding",
    "FolderSummary",
    "Report",
    "examine",
    "gigabytes",
]
