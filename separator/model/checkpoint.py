"""One file that carries weights, model config and training record; save, load, describe and list them.

A checkpoint is a dictionary of tensors, numbers, strings, lists and dictionaries, read with ``weights_only=True`` only,
so that a stranger's file can hold data but no code. No reader sees half a file.
"""

import io
import pickle
import struct
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from separator.errors import CheckpointError, ConfigError
from separator.files import atomic_write, explain_os_error
from separator.model.checkpoint_limits import check_archive, check_record, check_weights, shorten
from separator.model.config import ModelConfig
from separator.model.crnn import CRNN

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
    """The record in a checkpoint."""

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
        CheckpointError: a weight is not finite (such a model is never saved), or the file cannot be written, as
            where its folder is missing.
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
    archive = io.BytesIO()
    torch.save(content, archive)  # to memory: of a full disk torch reports an "unexpected pos"
    try:
        with atomic_write(path) as part:
            part.write_bytes(archive.getbuffer())
    except OSError as error:
        raise CheckpointError(f"cannot write {path}: {explain_os_error(error, path)}") from error


def load_model(path: Path | str, device: str | torch.device = "cpu") -> CRNN:
    """The model of a checkpoint, in evaluation mode. Weights must fit exactly.

    Raises:
        CheckpointError: missing, damaged, foreign, too new, or the weights are not those of its config.
    """
    content = read_checkpoint(path)
    config = _config(content, path)
    try:
        with torch.device("meta"):  # takes no memory
            CRNN(config).load_state_dict(content["weights"], strict=True, assign=True)
        model = CRNN(config)
        model.load_state_dict(content["weights"], strict=True)
    except (RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: the weights do not fit the model it describes: {error}") from error
    return model.float().to(device).eval()


def describe(path: Path | str) -> CheckpointInfo:
    """The record in a checkpoint, without building the model.

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
    runs = sorted(folder.glob(f"*/best_model{SUFFIX}"), key=_last_written, reverse=True)
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
        check_archive(path)
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
            f"{path} has format version {shorten(version)}; "
            f"this Sori reads up to {FORMAT_VERSION}: update Sori to use it"
        )
    missing = [key for key in ("model", "weights", "training") if not isinstance(content.get(key), dict)]
    if missing:
        raise CheckpointError(f"{path} is damaged: it lacks {', '.join(missing)}")
    check_weights(path, content["weights"])
    check_record(path, content["training"])
    return content


def _config(content: dict[str, Any], path: Path | str) -> ModelConfig:
    try:
        return ModelConfig.from_dict(content["model"])
    except (ConfigError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        raise CheckpointError(f"{path} describes a model that this Sori cannot build: {error}") from error


def _last_written(path: Path) -> float:
    """Seconds since the epoch; 0 of a file that is gone by now."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _halved(name: str, value: torch.Tensor) -> torch.Tensor:
    return value if "running_" in name or not value.is_floating_point() else value.half()


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
