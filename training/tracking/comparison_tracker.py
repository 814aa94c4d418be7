"""A comparison in MLflow: a parent run with the picture, the report and the verdict, and a child run per estimate.

It is written to a folder first, as a record with its artifacts, and sent from there; where MLflow does not take it, the
record is kept as a ZIP file, to be sent later.
"""

from __future__ import annotations

import json
import platform
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from separator.audio import probe, write
from separator.errors import ConfigError
from separator.files import atomic_write, hash_file
from separator.metrics import compute_frame_energy
from training.evaluation.comparison import Comparison, Estimate
from training.evaluation.scoring import Score
from training.tracking.mlflow_client import (
    DEFAULT_URI,
    add_retries,
    end_dead_runs,
    experiment_id,
    open_client,
    process_tags,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "Model_Comparison"

_PREVIEW_SECONDS = 10
_MOST_IN_A_BATCH = 1000  # what MLflow takes at once
_RECORD, _ARTIFACTS = "record.json", "artifacts"


def log_comparison(
    comparison: Comparison,
    tracking_uri: str = DEFAULT_URI,
    experiment: str = EXPERIMENT,
    keep_in: Path | None = None,
) -> str:
    """Write a comparison to MLflow: a parent run, a child per estimate. Returns the parent's run id.

    Args:
        keep_in: a folder for the comparison's record where MLflow does not take it.

    Raises:
        ConfigError: MLflow is not installed, or its store cannot be written to; with the name of the kept record.
    """
    with tempfile.TemporaryDirectory() as folder:
        _write_record(Path(folder), comparison)
        try:
            return _send(Path(folder), tracking_uri, experiment)
        except ConfigError as error:
            if keep_in is None:
                raise
            kept = _keep(Path(folder), keep_in / f"comparison-{datetime.now():%Y%m%d-%H%M%S}.zip")
            raise ConfigError(f"{error}; log it later with: python compare_mlflow.py --log_kept {kept}") from error


def log_kept(path: Path | str, tracking_uri: str = DEFAULT_URI, experiment: str = EXPERIMENT) -> str:
    """Write a comparison that was kept to MLflow. Returns the parent's run id.

    Raises:
        ConfigError: the file is no kept comparison; or as `log_comparison`.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                archive.extractall(folder)
            json.loads((Path(folder) / _RECORD).read_text(encoding="utf-8"))["estimates"]
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise ConfigError(f"{path} is no comparison that compare_mlflow.py kept ({error})") from error
        return _send(Path(folder), tracking_uri, experiment)


def _keep(folder: Path, path: Path) -> Path:
    with atomic_write(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return path


def _write_record(folder: Path, comparison: Comparison) -> None:
    """All that MLflow is to get, in files."""
    names = " vs ".join(estimate.name for estimate in comparison.estimates)
    record = {
        "name": f"{comparison.reference_path.stem}: {names}",
        "params": _file_params("reference", comparison.reference_path) | {"mixture": comparison.mixture} | _versions(),
        "tags": {"winner": comparison.winner or "none", "verdict": comparison.verdict(), "mlflow.note.content": names},
        "estimates": [_estimate_record(comparison, estimate) for estimate in comparison.estimates],
    }
    (folder / _ARTIFACTS).mkdir()
    _write_artifacts(folder / _ARTIFACTS, comparison)
    (folder / _RECORD).write_text(json.dumps(record), encoding="utf-8")


def _estimate_record(comparison: Comparison, estimate: Estimate) -> dict[str, Any]:
    score = estimate.score
    return {
        "name": estimate.name,
        "params": _file_params("estimate", estimate.path) | {"reference": comparison.reference_path.name},
        "tags": {
            "is_winner": str(estimate.name == comparison.winner).lower(),
            "grade": score.grade.name,
            "notes": "; ".join(score.notes),
        },
        "metrics": _metrics(score),
        "sdr_per_second_db": score.sdr_per_second,
    }


def _send(folder: Path, tracking_uri: str, experiment: str) -> str:
    record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
    try:
        client = add_retries(open_client(tracking_uri), tracking_uri)
        number = experiment_id(client, experiment)
        end_dead_runs(client, number)
        parent = str(client.create_run(number, run_name=record["name"], tags=process_tags()).info.run_id)
        with _end_run(client, parent):
            _log_values(client, parent, record, {})
            client.log_artifacts(parent, str(folder / _ARTIFACTS))
            for estimate in record["estimates"]:
                _log_estimate(client, number, parent, estimate)
    except ConfigError:
        raise
    except Exception as error:  # MLflow passes on whatever its store raises
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"MLflow at {tracking_uri} cannot be written to: {reason}") from error
    return parent


@contextmanager
def _end_run(client: MlflowClient, run_id: str) -> Iterator[None]:
    """Ends a run: as finished, or as failed where something goes wrong, so that none seems to go on for ever."""
    try:
        yield
    except BaseException:
        with suppress(Exception):  # of two failures the first one is reported
            client.set_terminated(run_id, status="FAILED")
        raise
    client.set_terminated(run_id)


def _log_estimate(client: MlflowClient, experiment: str, parent: str, estimate: Mapping[str, Any]) -> None:
    from mlflow.entities import Metric

    tags = {"mlflow.parentRunId": parent, **process_tags()}
    child = client.create_run(experiment, run_name=estimate["name"], tags=tags).info.run_id
    moment = _now()
    series = [
        Metric("sdr_per_second_db", value, moment, second)
        for second, value in enumerate(estimate["sdr_per_second_db"])
        if value is not None
    ]
    with _end_run(client, child):
        _log_values(client, child, estimate, estimate["metrics"])
        for start in range(0, len(series), _MOST_IN_A_BATCH):
            client.log_batch(child, series[start : start + _MOST_IN_A_BATCH])


def _log_values(client: MlflowClient, run_id: str, record: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
    from mlflow.entities import Metric, Param, RunTag

    client.log_batch(
        run_id,
        [Metric(key, value, _now(), 0) for key, value in metrics.items()],
        [Param(key, str(value)[:500]) for key, value in record["params"].items()],
        [RunTag(key, value) for key, value in record["tags"].items()],
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
    facts = {"file": path.name, "sha256": hash_file(path), "sample_rate": info.sample_rate, "channels": info.channels}
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
    from separator.plots import draw_comparison, save_png

    waveforms = {estimate.name: estimate.waveform for estimate in comparison.estimates}
    save_png(draw_comparison(comparison.reference, waveforms, comparison.sample_rate), folder / "comparison_result.png")
    report = json.dumps(comparison.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    (folder / "comparison.json").write_text(report + "\n", encoding="utf-8")
    (folder / "previews").mkdir()
    excerpt = _loudest_excerpt(comparison.reference, comparison.sample_rate)
    for name, waveform in {"reference": comparison.reference, **waveforms}.items():
        write(folder / "previews" / f"{_file_name(name)}.wav", waveform[:, excerpt], comparison.sample_rate)


def _loudest_excerpt(waveform: Tensor, sample_rate: int) -> slice:
    second = int(torch.argmax(compute_frame_energy(waveform, sample_rate)))
    start = max(0, second - _PREVIEW_SECONDS // 2) * sample_rate
    return slice(start, start + _PREVIEW_SECONDS * sample_rate)


def _file_name(name: str) -> str:
    return "".join(character if character.isalnum() or character in "-_." else "_" for character in name)
