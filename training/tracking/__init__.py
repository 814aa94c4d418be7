"""Records in MLflow."""

from training.tracking.comparison_tracker import EXPERIMENT, log_comparison, log_kept
from training.tracking.mlflow_client import DEFAULT_URI, disable_telemetry, open_client
from training.tracking.run_tracker import MlflowTracker

__all__ = [
    "DEFAULT_URI",
    "EXPERIMENT",
    "MlflowTracker",
    "disable_telemetry",
    "log_comparison",
    "log_kept",
    "open_client",
]
