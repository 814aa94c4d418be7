"""A comparison in MLflow: a parent run with the picture, the report and the verdict, and a child run per estimate."""

from __future__ import annotations

import hashlib
import json
import platform
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from separator.audio import probe, write
from separator.energy import frame_energy
from separator.errors import ConfigError
from training.comparison import Comparison, Estimate
from training.mlflow_store import DEFAULT_URI, experiment_id, open_client, patiently
from training.scoring import Score

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "Model_Comparison"

_PREVIEW_SECONDS = 10
_MOST_IN_A_BATCH = 1000  # what MLflow takes at once


def log_comparison(comparison: Comparison, tracking_uri: str = DEFAULT_URI, experiment: str = EXPERIMENT) -> str:
    """Write a comparison to MLflow: a parent run, a child per estimate. Returns the parent's run id.

    Raises:
        ConfigError: MLflow is not installed, or its store cannot be written to.
    """
    try:
        client = patiently(lambda: open_client(tracking_uri))
        number = patiently(lambda: experiment_id(client, experiment))
        return patiently(lambda: _log(client, number, comparison), attempts=3)
    except ConfigError:
        raise
    except Exception as error:  # MLflow passes on whatever its store raises
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"MLflow at {tracking_uri} cannot be written to: {reason}") from error


def _log(client: MlflowClient, experiment: str, comparison: Comparison) -> str:
    names = " vs ".join(estimate.name for estimate in comparison.estimates)
    parent = client.create_run(experiment, run_name=f"{comparison.reference_path.stem}: {names}").info.run_id
    params = _file_params("reference", comparison.reference_path) | {"mixture": comparison.mixture} | _versions()
    tags = {"winner": comparison.winner or "none", "verdict": comparison.verdict(), "mlflow.note.content": names}
    with _ended(client, parent):
        _log_values(client, parent, params, tags, {})
        for estimate in comparison.estimates:
            _log_estimate(client, experiment, parent, comparison, estimate)
        with tempfile.TemporaryDirectory() as folder:
            _write_artifacts(Path(folder), comparison)
            client.log_artifacts(parent, folder)
    return str(parent)


@contextmanager
def _ended(client: MlflowClient, run_id: str) -> Iterator[None]:
    """Ends a run: as finished, or as failed where something goes wrong, so that none seems to go on for ever."""
    try:
        yield
    except BaseException:
        with suppress(Exception):  # of two failures the first one is told
            client.set_terminated(run_id, status="FAILED")
        raise
    client.set_terminated(run_id)


def _log_estimate(
    client: MlflowClient, experiment: str, parent: str, comparison: Comparison, estimate: Estimate
) -> None:
    from mlflow.entities import Metric

    tags = {"mlflow.parentRunId": parent, "is_winner": str(estimate.name == comparison.winner).lower()}
    child = client.create_run(experiment, run_name=estimate.name, tags=tags).info.run_id
    moment = _now()
    series = [
        Metric("sdr_per_second_db", value, moment, second)
        for second, value in enumerate(estimate.score.sdr_per_second)
        if value is not None
    ]
    with _ended(client, child):
        params = _file_params("estimate", estimate.path) | {"reference": comparison.reference_path.name}
        grades = {"grade": estimate.score.grade.name, "notes": "; ".join(estimate.score.notes)}
        _log_values(client, child, params, grades, _metrics(estimate.score))
        for start in range(0, len(series), _MOST_IN_A_BATCH):
            client.log_batch(child, series[start : start + _MOST_IN_A_BATCH])


def _log_values(
    client: MlflowClient, run_id: str, params: Mapping[str, Any], tags: Mapping[str, str], metrics: Mapping[str, float]
) -> None:
    from mlflow.entities import Metric, Param, RunTag

    client.log_batch(
        run_id,
        [Metric(key, value, _now(), 0) for key, value in metrics.items()],
        [Param(key, str(value)[:500]) for key, value in params.items()],
        [RunTag(key, value) for key, value in tags.items()],
    )


def _now() -> int:
    return round(1000 * time.time())


def _metrics(score: Score) -> dict[str, float]:
    values = {
        "sdr_db": score.sdr_db,
        "si_sdr_db": score.si_sdr_db,
        "sdr_second_median_db": score.frames.median,
        "sdr_second_min_db": score.frames.minimum,
        "sdr_second_max_db": score.frames.maximum,
        "silence_dbfs": score.silence.level_dbfs,
        "silence_below_mixture_db": score.silence.below_mixture_db,
        "clean_db": score.clean_db,
        "sir_db": score.sir_db,
        "sar_db": score.sar_db,
        "isr_db": score.isr_db,
    }
    counts = {"seconds_scored": float(score.frames.n_counted), "seconds_silent": float(score.frames.n_silent)}
    return {key: value for key, value in values.items() if value is not None} | counts


def _file_params(role: str, path: Path) -> dict[str, Any]:
    info = probe(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    facts = {"file": path.name, "sha256": digest, "sample_rate": info.sample_rate, "channels": info.channels}
    return {f"{role}.{key}": value for key, value in (facts | {"subtype": info.subtype}).items()}


def _versions() -> dict[str, str]:
    found = {"version.python": platform.python_version()}
    for package in ("torch", "torchaudio", "soundfile", "museval", "mlflow"):
        try:
            found[f"version.{package}"] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _write_artifacts(folder: Path, comparison: Comparison) -> None:
    """`comparison_result.png`, `comparison.json`, and ten seconds of each sound around the loudest one."""
    from separator.plots import comparison_figure, save_png

    waveforms = {estimate.name: estimate.waveform for estimate in comparison.estimates}
    save_png(
        comparison_figure(comparison.reference, waveforms, comparison.sample_rate), folder / "comparison_result.png"
    )
    report = json.dumps(comparison.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    (folder / "comparison.json").write_text(report + "\n", encoding="utf-8")
    (folder / "previews").mkdir()
    excerpt = _loudest_excerpt(comparison.reference, comparison.sample_rate)
    for name, waveform in {"reference": comparison.reference, **waveforms}.items():
        write(folder / "previews" / f"{_file_name(name)}.wav", waveform[:, excerpt], comparison.sample_rate)


def _loudest_excerpt(waveform: Tensor, sample_rate: int) -> slice:
    second = int(torch.argmax(frame_energy(waveform, sample_rate)))
    start = max(0, second - _PREVIEW_SECONDS // 2) * sample_rate
    return slice(start, start + _PREVIEW_SECONDS * sample_rate)


def _file_name(name: str) -> str:
    return "".join(character if character.isalnum() or character in "-_." else "_" for character in name)
