"""The excerpt that a run separates after every epoch, sent to the page one epoch at a time."""

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from training.runs.events import make_plain
from training.runs.folder import RunFolder
from ui.train.run_manager import RunManager

WHOLE = ("mixture", "reference")
"""Whole files beside the previews."""


def make_previews_value(run: RunFolder, sdr_db: Mapping[int, float]) -> dict[str, Any] | None:
    """The value of the listening area: the epochs with a preview, with their SDR in dB; None if there are none."""
    found = run.preview_files()
    if not found or not all((run.previews / f"{name}.wav").is_file() for name in WHOLE):
        return None
    return {"run": run.name, "epochs": [[epoch, make_plain(sdr_db.get(epoch))] for epoch in found]}


def make_preview_server(manager: RunManager) -> Callable[[list[str]], str]:
    """The server function of the listening area: a file of a run is read when it is played."""

    def read_preview(run_and_name: list[str]) -> str:
        """[run, name] -> a WAV as base64, empty if it is not there; name: mixture, reference or an epoch's number."""
        run_name, name = map(str, run_and_name)
        path = _preview_path(manager, run_name, name)
        return base64.b64encode(path.read_bytes()).decode("ascii") if path is not None else ""

    return read_preview  # a function, as Gradio marks it with an attribute, which a method cannot have


def _preview_path(manager: RunManager, run_name: str, name: str) -> Path | None:
    """Only files that the run itself lists, so no name leads anywhere else."""
    run = next((run for run in manager.list_runs() if run.name == run_name), None)
    if run is None:
        return None
    files = {str(epoch): path for epoch, path in run.preview_files().items()}
    files |= {whole: run.previews / f"{whole}.wav" for whole in WHOLE}
    path = files.get(name)
    return path if path is not None and path.is_file() else None
