"""One file that carries weights, model config and training record; save, load, describe and list them.

A checkpoint is a dictionary of tensors, numbers, strings, lists and dictionaries, read with ``weights_only=True`` only,
so that a stranger's file can hold data but no code. It is written beside and renamed: no reader sees half a file.
"""

import os
import pickle
import struct
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from separator.config import ModelConfig
from separator.errors import CheckpointError, ConfigError
from separator.model import CRNN

FORMAT_VERSION = 1
SUFFIX = ".pth"
_DAMAGE = (
    RuntimeError,
    EOFError,
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    struct.error,
    zipfile.BadZipFile,
    OSError,
)
"""What torch's safe unpickler raises for bytes that are no checkpoint: it reads them as instructions."""


@dataclass(frozen=True)
class CheckpointInfo:
    """What a checkpoint says of itself."""

    path: Path
    targets: tuple[str, ...]
    config: ModelConfig
    n_weights: int
    size_bytes: int
    training: dict[str, Any] = field(default_factory=dict)


def save_checkpoint(
    path: Path | str, model: CRNN, training: dict[str, Any], *, half: bool = False, **extra: Any
) -> None:
    """Write a model with its record, and whatever else a training needs to go on (plain data and tensors).

    Args:
        half: store weights as float16: half the size, for shipping. Running statistics stay in float32.

    Raises:
        CheckpointError: a weight is not finite (such a model is never saved), or the file cannot be written.
    """
    path = Path(path)
    weights = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
    broken = [name for name, value in weights.items() if not torch.isfinite(value).all()]
    if broken:
        raise CheckpointError(
            f"not saved: {len(broken)} tensors of the model hold NaN or infinite values ({broken[0]})"
        )
    if half:
        weights = {name: _halved(name, value) for name, value in weights.items()}
    content = {
        "format_version": FORMAT_VERSION,
        "model": model.config.to_dict(),
        "weights": weights,
        "training": training,
        **extra,
    }
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(content, part)
        os.replace(part, path)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
        part.unlink(missing_ok=True)
        raise CheckpointError(f"cannot write {path}: {error}") from error


def load_model(path: Path | str, device: str | torch.device = "cpu") -> CRNN:
    """The model of a checkpoint, in evaluation mode. Weights must fit exactly.

    Raises:
        CheckpointError: missing, damaged, foreign, too new, or the weights are not those of its config.
    """
    content = read_checkpoint(path)
    config = _config(content, path)
    try:
        model = CRNN(config)
        model.load_state_dict(content["weights"], strict=True)
    except (RuntimeError, TypeError) as error:
        raise CheckpointError(f"{path}: the weights do not fit the model it describes: {error}") from error
    return model.float().to(device).eval()


def describe(path: Path | str) -> CheckpointInfo:
    """What a checkpoint says of itself, without building the model.

    Raises:
        CheckpointError: as :func:`load_model`.
    """
    path = Path(path)
    content = read_checkpoint(path)
    config = _config(content, path)
    buffers = ("running_mean", "running_var", "num_batches_tracked")
    n_weights = sum(value.numel() for name, value in content["weights"].items() if not name.endswith(buffers))
    return CheckpointInfo(path, config.targets, config, n_weights, path.stat().st_size, content["training"])


def list_checkpoints(folder: Path | str) -> list[CheckpointInfo]:
    """The shipped models directly in a folder, then the best model of each run below it, newest first.

    Files that are not checkpoints are passed over.
    """
    folder = Path(folder)
    runs = sorted(folder.glob(f"*/best_model{SUFFIX}"), key=lambda path: path.stat().st_mtime, reverse=True)
    shipped = [path for path in sorted(folder.glob(f"*{SUFFIX}")) if path.stem != "best_model"]
    found = []
    for path in [*shipped, *runs]:
        try:
            found.append(describe(path))
        except CheckpointError:
            continue
    return found


def read_checkpoint(path: Path | str) -> dict[str, Any]:
    """The whole content of a checkpoint, checked for form and version.

    Raises:
        CheckpointError: missing, damaged, foreign or too new.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"there is no model file {path}; train one with train.py, or give another --model_path")
    try:
        _refuse_bare_pickle(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} holds more than plain data (it could run code when opened), so it was not loaded; "
            "only checkpoints written by Sori can be used"
        ) from error
    except _DAMAGE as error:
        raise CheckpointError(f"{path} is damaged or is not a model file: {_first_line(error)}") from error
    if not isinstance(content, dict) or "format_version" not in content:
        raise CheckpointError(f"{path} is a model file of another program; only Sori's own checkpoints can be used")
    version = content["format_version"]
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise CheckpointError(
            f"{path} has format version {version}; this Sori reads up to {FORMAT_VERSION}: update Sori to use it"
        )
    missing = [key for key in ("model", "weights", "training") if not isinstance(content.get(key), dict)]
    if missing:
        raise CheckpointError(f"{path} is damaged: it lacks {', '.join(missing)}")
    for name, value in content["weights"].items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor) or not torch.isfinite(value).all():
            raise CheckpointError(f"{path} is damaged: its weight {name!r} is no tensor of finite numbers")
    return content


def _refuse_bare_pickle(path: Path) -> None:
    """Checkpoints are ZIP archives; a pickle outside of one is not even looked into."""
    with path.open("rb") as file:
        if file.read(1) == pickle.PROTO:
            raise pickle.UnpicklingError("a bare pickle")


def _config(content: dict[str, Any], path: Path | str) -> ModelConfig:
    try:
        return ModelConfig.from_dict(content["model"])
    except (ConfigError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} describes a model that this Sori cannot build: {error}") from error


def _halved(name: str, value: torch.Tensor) -> torch.Tensor:
    return value if "running_" in name or not value.is_floating_point() else value.half()


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
