"""Hear it learn: the excerpt that a run separates after every epoch, handed to the page one epoch at a time."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

from training.runs.folder import RunFolder
from ui.train.run_manager import Trainings

WHOLE = ("mixture", "reference")
"""What a preview is compared with."""


def previews_value(run: RunFolder) -> dict[str, Any] | None:
    """The value of the listening area: the epochs that can be heard, with their SDR in dB; None if there are none."""
    found = run.previews()
    if not found or not all((run.path / "previews" / f"{name}.wav").is_file() for name in WHOLE):
        return None
    return {"run": run.name, "epochs": [[preview.epoch, preview.sdr_db] for preview in found]}


def preview_server(trainings: Trainings) -> Callable[[list[str]], str]:
    """What answers the listening area's own requests, so that no file of a run is copied before it is heard."""

    def preview_sound(asked: list[str]) -> str:
        """[run, name] -> a WAV as base64, empty if it is not there; name: mixture, reference or an epoch's number."""
        run_name, name = map(str, asked)
        path = _preview_path(trainings, run_name, name)
        return base64.b64encode(path.read_bytes()).decode("ascii") if path is not None else ""

    return preview_sound  # a function, as Gradio marks it with an attribute, which a method cannot have


def _preview_path(trainings: Trainings, run_name: str, name: str) -> Path | None:
    """Only files that the run itself lists, so no name leads anywhere else."""
    run = next((run for run in trainings.runs() if run.name == run_name), None)
    if run is None:
        return None
    known = {str(preview.epoch): preview.path for preview in run.previews()}
    known |= {whole: run.path / "previews" / f"{whole}.wav" for whole in WHOLE}
    path = known.get(name)
    return path if path is not None and path.is_file() else None
