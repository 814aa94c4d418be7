"""One training from beginning to end: make or find the run folder, load the audio, train, report how it ended.

The command and the page's thread both call ``open_run`` and ``train``; a crash becomes a ``failed`` event and is raised
again.
"""

import errno
import itertools
import os
import shutil
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from separator.errors import Cancelled, CheckpointError, ConfigError, SeparatorError
from separator.files import ProcessId, atomic_write, explain_os_error
from separator.model.checkpoint import read_checkpoint
from separator.progress import Progress
from training.config import TrainConfig
from training.data.training_data import TrainingData, load_training_data
from training.loop.initial_weights import make_model_config
from training.runs.event_log import EventFile
from training.runs.events import Event, EventBus, Failed, Listener, Preparing, Stopped
from training.runs.folder import RunFolder

if TYPE_CHECKING:
    from lightning.fabric import Fabric

Checkpoint = dict[str, Any]


def open_run(
    config: TrainConfig, resume_from: Path | str | None = None, weights_only: bool = False
) -> tuple[RunFolder, Checkpoint | None]:
    """The folder of a new run, or the run to go on with, and the checkpoint content to start from, if any.

    A ``last.pth``, or a ``best_model.pth`` that was copied from a run which still has its ``last.pth``, goes on in its
    own folder, in every detail. Any other checkpoint, or another target, or ``weights_only``, starts a new run from its
    weights (fine-tuning). Of several processes the first one decides.

    Raises:
        CheckpointError: the file cannot be used.
        ConfigError: the settings cannot work, or a run of that name exists already.
    """
    config.validate()
    checkpoint, last = _read_start(Path(resume_from), config, weights_only) if resume_from else (None, None)
    if checkpoint is not None:
        make_model_config(config, checkpoint)  # refuse a damaged record before a folder is made
    if _n_processes() == 1:
        return RunFolder(_make_folder(config, last)), checkpoint
    from training.loop.fabric import broadcast_from_rank_zero, make_fabric  # Lightning takes seconds to import

    return RunFolder(broadcast_from_rank_zero(make_fabric(config), lambda: _make_folder(config, last))), checkpoint


def train(
    config: TrainConfig,
    run: RunFolder,
    resume: Checkpoint | None = None,
    listeners: Sequence[Listener] = (),
    should_stop: Callable[[], bool] = lambda: False,
    progress: Progress | None = None,
) -> str:
    """Train in a run folder; see :class:`training.loop.trainer.Trainer`.

    Returns:
        "stopped", "early_stopping", "epochs" or "time".

    Raises:
        SeparatorError: something that the person who started it can mend; it is in the run's events too.
    """
    is_first = _is_first_process()
    events = EventBus([EventFile(run.events_file), *listeners] if is_first else [])
    try:
        process = ProcessId.current()
        trainer = {"pid": process.pid, "pid_start": process.start}
        events.emit(Preparing(fraction=0.0, stage="looking for songs", **trainer, host=socket.gethostname()))
        if is_first:
            should_stop = _check_folder_first(run, should_stop)
        report = _progress_reporter(events, progress, lambda: should_stop() or run.stop_requested())
        reason = _load_and_fit(config, run, resume, events.listeners, should_stop, report)
        if is_first and run.best_model.is_file():
            publish_best(run)
    except (Cancelled, KeyboardInterrupt) as error:
        _emit_last(events.listeners, Stopped())
        if isinstance(error, KeyboardInterrupt):
            raise
        return "stopped"
    except BaseException as error:
        failure = _explain_failure(run, error)
        _emit_last(events.listeners, Failed(message=str(failure) or type(failure).__name__))
        if failure is error:
            raise
        raise failure from error
    finally:
        if is_first:
            run.clear_stop()
            run.unlock()
    return reason


def _check_folder_first(run: RunFolder, should_stop: Callable[[], bool]) -> Callable[[], bool]:
    """``should_stop``, which raises SeparatorError when the run folder is gone: that is no stop, but a failure."""

    def check() -> bool:
        if not run.config_file.is_file():
            raise SeparatorError(_moved_message(run))
        return should_stop()

    return check


def _explain_failure(run: RunFolder, error: BaseException) -> BaseException:
    """The error, or what one of the operating system means for the run folder, which only the start makes."""
    is_system_error = isinstance(error, OSError) or isinstance(error.__cause__, OSError)
    if is_system_error and not run.config_file.is_file():
        return SeparatorError(_moved_message(run))
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return SeparatorError(f"cannot write to {run.path}: {explain_os_error(error, run.path)}")
    return error


def _moved_message(run: RunFolder) -> str:
    return (
        f"the run folder {run.path} was moved or removed while it was trained, so the training has ended; "
        f"go on from where it is now, with --resume_from and its {run.last.name}"
    )


def _emit_last(listeners: Sequence[Listener], event: Event) -> None:
    """To each listener, also where the event file cannot be written any more."""
    for listener in listeners:
        with suppress(OSError):
            listener(event)


def publish_best(run: RunFolder) -> None:
    """Make a run's best model the one that the commands find as ``checkpoints/best_model.pth``.

    Raises:
        CheckpointError: it cannot be written there.
    """
    published = run.path.parent / "best_model.pth"
    try:
        with atomic_write(published) as part:
            shutil.copyfile(run.best_model, part)
    except OSError as error:
        reason = explain_os_error(error, published)
        raise CheckpointError(f"the best model is {run.best_model}, but it cannot be copied: {reason}") from error


def _load_and_fit(
    config: TrainConfig,
    run: RunFolder,
    resume: Checkpoint | None,
    listeners: Sequence[Listener],
    should_stop: Callable[[], bool],
    report: Progress,
) -> str:
    from training.loop.fabric import make_fabric, oom_as_user_error  # Lightning takes seconds to import
    from training.loop.trainer import Trainer

    fabric = make_fabric(config)
    data = _load_data_once(fabric, config, make_model_config(config, resume).stft.sample_rate, report)
    with oom_as_user_error(config):
        return Trainer(config, data, run, listeners, resume, should_stop, fabric).fit()


def _load_data_once(fabric: "Fabric", config: TrainConfig, sample_rate: int, report: Progress) -> TrainingData:
    """The audio, decoded by one process of each machine while the others wait.

    Should that one fail, all fail with its message instead of doing the same work in vain.
    """
    from training.loop.fabric import raise_on_all_ranks

    data: TrainingData | None = None
    failure: SeparatorError | OSError | None = None
    if fabric.local_rank == 0:
        try:
            data = load_training_data(config, sample_rate, report)
        except (SeparatorError, OSError) as error:
            failure = error
    raise_on_all_ranks(fabric, failure)
    return data or load_training_data(config, sample_rate)


def _make_folder(config: TrainConfig, last: Path | None) -> Path:
    """The folder of a run that goes on, or a new one, named as configured or after target, date and time."""
    run = RunFolder(last.parent if last is not None else Path(config.out_dir) / config.run_name)
    if last is not None:
        config = config.replace(run_name=run.name, out_dir=str(last.parent.parent))
    try:
        if not config.run_name:
            run = _lock_new_run(config)
        elif not run.lock():
            raise ConfigError(f"{run.path} is being trained by another process; stop that one first")
        if last is None and run.last.exists():
            run.unlock()
            raise ConfigError(
                f"there is a run in {run.path} already; go on with it by --resume_from {run.last}, "
                "or give another --run_name"
            )
        run.create(config)
    except OSError as error:
        raise ConfigError(
            f"cannot make the run's folder {run.path}: {error.strerror}; give another --out_dir"
        ) from error
    return run.path


def _lock_new_run(config: TrainConfig) -> RunFolder:
    """A run named after target, date and time, with a number where another one began in the same second."""
    name = f"{'-'.join(config.target)}-{datetime.now():%Y%m%d-%H%M%S}"
    for number in itertools.count(1):
        run = RunFolder(Path(config.out_dir) / (name if number == 1 else f"{name}-{number}"))
        with suppress(FileExistsError):
            run.path.mkdir(parents=True)
            if run.lock():
                return run
    raise AssertionError  # the numbers do not end


def _progress_reporter(events: EventBus, progress: Progress | None, should_stop: Callable[[], bool]) -> Progress:
    """Report how far the decoding is to ``progress``, and now and then as an event; raises Cancelled at a stop."""

    def report(fraction: float, stage: str) -> None:
        if should_stop():
            raise Cancelled("stopped while the audio was being decoded; the next start goes on from there")
        if progress is not None:
            progress(fraction, stage)
        events.emit_heartbeat(Preparing(fraction=fraction, stage=stage))

    return report


def _read_start(path: Path, config: TrainConfig, weights_only: bool) -> tuple[Checkpoint, Path | None]:
    """What to start from, and the ``last.pth`` of the run to go on with, if it is not to be a new one."""
    content = read_checkpoint(path)
    last = None if weights_only else _find_last(path, content, config)
    if last is not None:
        state = read_checkpoint(last)
        if tuple(state["model"].get("targets", ())) == config.target:
            return state, last
    return {"model": content["model"], "weights": content["weights"]}, None


def _find_last(path: Path, content: Checkpoint, config: TrainConfig) -> Path | None:
    """The ``last.pth`` of the run that wrote a checkpoint, if it is still there."""
    if "optimizer" in content:
        return path
    name = content["training"].get("run_name")
    candidates = [path.with_name("last.pth")]
    if isinstance(name, str) and name:
        candidates += [path.parent / name / "last.pth", Path(config.out_dir) / name / "last.pth"]
    return next((last for last in candidates if last.is_file() and _is_same_run(content, last)), None)


def _is_same_run(content: Checkpoint, last: Path) -> bool:
    """Whether two checkpoints are of one run: its name alone could have been used twice."""
    try:
        other = read_checkpoint(last)["training"]
    except CheckpointError:
        return False
    return all(content["training"].get(key) == other.get(key) for key in ("run_name", "data", "seed"))


def _is_first_process() -> bool:
    """Whether this is the process that writes, of all that torchrun started."""
    return int(os.environ.get("RANK", 0)) == 0


def _n_processes() -> int:
    """How many processes torchrun started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", 1))
