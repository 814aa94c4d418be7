"""One training from beginning to end: make or find the run folder, gather the audio, train, tell how it ended.

The command and the page's thread both call ``train``; a crash becomes a ``failed`` event and is raised again.
"""

import os
import shutil
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from separator.checkpoint import read_checkpoint
from separator.config import ModelConfig
from separator.errors import Cancelled, CheckpointError, ConfigError
from training.config import TrainConfig
from training.events import EventFile, Listener, make_event
from training.material import gather
from training.run import RunFolder

Progress = Callable[[float, str], None]

HEARTBEAT_SECONDS = 2.0


def new_run(config: TrainConfig) -> RunFolder:
    """A folder for a new run, named as asked or after target, date and time.

    Raises:
        ConfigError: the settings cannot work, or a run of that name exists already.
    """
    config.validate()
    name = config.run_name or f"{config.target}-{datetime.now():%Y%m%d-%H%M%S}"
    run = RunFolder(Path(config.out_dir) / name)
    if run.events():
        raise ConfigError(
            f"there is a run in {run.path} already; go on with it by --resume_from {run.last}, or give another --run_name"
        )
    run.create(config)
    return run


def resumed_run(path: Path | str, config: TrainConfig) -> tuple[RunFolder, dict[str, Any]]:
    """The run that a checkpoint belongs to, and the content to go on from.

    A ``last.pth``, or a ``best_model.pth`` with a ``last.pth`` beside it or from which it was copied, goes on in its own
    folder, in every detail. Any other checkpoint, or another target, starts a new run from its weights (fine-tuning).

    Raises:
        CheckpointError: the file cannot be used.
        ConfigError: as :func:`new_run`.
    """
    path = Path(path)
    content = read_checkpoint(path)
    last = _last_of(path, content, config)
    if last is not None:
        content = read_checkpoint(last)
        if content["model"]["target"] == config.target:
            run = RunFolder(last.parent)
            run.create(config.replace(run_name=run.name, out_dir=str(last.parent.parent)))
            return run, content
    ModelConfig.from_dict(content["model"])  # a damaged record is told before a folder is made
    return new_run(config), {"model": content["model"], "weights": content["weights"]}


def train(
    config: TrainConfig,
    run: RunFolder,
    resume: dict[str, Any] | None = None,
    listeners: Sequence[Listener] = (),
    should_stop: Callable[[], bool] = lambda: False,
    progress: Progress | None = None,
) -> str:
    """Train in a run folder; see :class:`training.trainer.Trainer`.

    Returns:
        "stopped", "early_stopping", "epochs" or "time".

    Raises:
        SeparatorError: something that the person who started it can mend; it is in the run's events too.
    """
    from training.trainer import Trainer  # Lightning takes seconds to import

    is_first_rank = int(os.environ.get("RANK", 0)) == 0
    everyone = [*([EventFile(run.events_file)] if is_first_rank else []), *listeners]

    def announce(type_: str, **values: Any) -> None:
        for listener in everyone if is_first_rank else []:
            listener(make_event(type_, **values))

    try:
        announce("preparing", fraction=0.0, stage="looking for songs")
        model_config = ModelConfig.from_dict(resume["model"]) if resume else ModelConfig()
        tell = _teller(announce, progress, lambda: should_stop() or run.stop_requested())
        material = gather(config, model_config.stft.sample_rate, tell)
        reason = Trainer(config, material, run, everyone, resume, should_stop).fit()
    except Cancelled:
        announce("stopped", reason="stopped")
        return "stopped"
    except BaseException as error:
        announce("failed", message=str(error) or type(error).__name__)
        raise
    finally:
        run.clear_stop()
    if is_first_rank and run.best_model.is_file():
        publish_best(run)
    return reason


def publish_best(run: RunFolder) -> None:
    """Make a run's best model the one that the commands find as ``checkpoints/best_model.pth``."""
    part = run.path.parent / ".best_model.pth.part"
    shutil.copyfile(run.best_model, part)
    os.replace(part, run.path.parent / "best_model.pth")


def _teller(announce: Callable[..., None], progress: Progress | None, should_stop: Callable[[], bool]) -> Progress:
    """Pass on how far the decoding is, with a sign of life now and then for those who watch the folder."""
    last_told = time.monotonic()

    def tell(fraction: float, stage: str) -> None:
        nonlocal last_told
        if should_stop():
            raise Cancelled("stopped while the audio was being decoded; the next start goes on from there")
        if progress is not None:
            progress(fraction, stage)
        if time.monotonic() - last_told > HEARTBEAT_SECONDS:
            last_told = time.monotonic()
            announce("preparing", fraction=fraction, stage=stage)

    return tell


def _last_of(path: Path, content: dict[str, Any], config: TrainConfig) -> Path | None:
    """The ``last.pth`` of the run that wrote a checkpoint, if it is still there."""
    if "optimizer" in content:
        return path
    name = content["training"].get("run_name")
    candidates = [path.with_name("last.pth")]
    if isinstance(name, str) and name:
        candidates += [path.parent / name / "last.pth", Path(config.out_dir) / name / "last.pth"]
    for candidate in candidates:
        if candidate.is_file():
            try:
                if read_checkpoint(candidate)["training"].get("run_name") == name:
                    return candidate
            except CheckpointError:
                continue
    return None
