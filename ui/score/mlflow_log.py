"""Logs a result of the Score tab to MLflow, with that of the blind test beside it."""

from collections.abc import Mapping

from separator.audio import read
from training.evaluation.comparison import Comparison, Estimate
from training.tracking.comparison_tracker import log_comparison
from training.tracking.mlflow_client import open_client
from ui.score.compare import ScoreResult


def log_result(result: ScoreResult, blind: Mapping[str, float] | None, tracking_uri: str) -> tuple[str, str]:
    """Log to experiment Model_Comparison; returns the name of the run and its address below MLflow's page.

    Raises AudioError for files that have gone, ConfigError for a store that cannot be written.
    """
    run_id = log_comparison(build_comparison(result), tracking_uri)
    client = open_client(tracking_uri)
    for name, value in (blind or {}).items():
        client.log_metric(run_id, f"abx_{name}", value)
    info = client.get_run(run_id).info
    return info.run_name, f"#/experiments/{info.experiment_id}/runs/{run_id}"


def build_comparison(result: ScoreResult) -> Comparison:
    """The scores as they are, with the waveforms that they belong to read from the player's files.

    Raises AudioError for files that have gone.
    """
    request = result.request
    reference, sample_rate = read(result.aligned["reference"])
    estimates = [
        Estimate(f"{key.upper()} {path.stem}", path, read(result.aligned[key])[0], result.scores[key])
        for key, path in request.estimates.items()
    ]
    estimates.sort(key=lambda estimate: estimate.score.sdr_db or 0.0, reverse=True)
    mixture = f"mixture = {request.mixture.name}" if request.mixture else None
    return Comparison(request.reference, reference, sample_rate, mixture, tuple(estimates))
