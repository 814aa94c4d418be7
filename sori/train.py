"""Train a separation model::

python train.py --data_dir ./data/train --target vocals
python train.py --practice                                   # made-up songs: needs no data
python train.py --resume_from ./checkpoints/best_model.pth   # go on
python train.py --data_dir ./data/train --check              # look at the data first
python train.py --pretrain_dir ./slakh2100 --data_dir ./data/train --target bass
torchrun --nproc_per_node=2 train.py --data_dir ./data/train --target vocals
"""

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from separator.errors import ConfigError, SeparatorError
from separator.model.checkpoint import read_checkpoint
from separator.progress import Progress
from separator.runtime import keep_freed_memory
from training.cli import add_flags, explicit_settings
from training.config import PRACTICE_FOLDER, PRACTICE_RECIPE, TrainConfig
from training.data.cache import Cache, remove_cache
from training.loop.initial_weights import find_sample_rate, init_from_checkpoint
from training.loop.launch import open_run, train
from training.runs.console import Console
from training.runs.events import Listener
from training.runs.folder import RunFolder

IS_FIRST_PROCESS = int(os.environ.get("RANK", 0)) == 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 is success, 2 something the user can mend, 130 an interruption."""
    args = vars(make_parser().parse_args(argv))
    try:
        config = read_config(args)
        if args["remove_cache"]:
            return _remove_cache(config)
        config.validate()
        if args["check"]:
            return _check(config, args["resume_from"])
        if args["overfit_one_batch"] or args["lr_range_test"]:
            return _run_trial(config, args["lr_range_test"], args["resume_from"])
        return _train_all(config, args)
    except SeparatorError as error:
        if IS_FIRST_PROCESS:
            print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    finally:
        _leave_job()


def make_parser() -> argparse.ArgumentParser:
    """One flag per field of TrainConfig, and the few that are not settings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, help="a TOML file of settings; flags override it")
    parser.add_argument("--practice", action="store_true", help="train on a dozen made-up songs, five minutes or so")
    parser.add_argument("--resume_from", type=Path, help="a checkpoint to go on from, or to fine-tune")
    parser.add_argument("--init_from", type=Path, help="a checkpoint whose layers a new model begins with, if they fit")
    parser.add_argument(
        "--pretrain_dir", nargs="+", help="data folders to train on first; data_dir then fine-tunes what was learned"
    )
    parser.add_argument("--mlflow", nargs="?", const="", metavar="URI", help="write to MLflow, here or at an address")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--check", action="store_true", help="check the data, list what is wrong with it, and end")
    instead.add_argument("--overfit_one_batch", action="store_true", help="see whether the model can learn, and end")
    instead.add_argument("--lr_range_test", action="store_true", help="look for a good learning rate, and end")
    instead.add_argument("--remove_cache", action="store_true", help="delete the decoded audio, and end")
    add_flags(parser)
    return parser


def read_config(args: dict[str, Any]) -> TrainConfig:
    """Defaults, overridden by the resumed run's settings, by the recipe, by flags."""
    values: dict[str, Any] = {}
    if args["resume_from"]:
        values |= _read_settings(args["resume_from"])
    elif args["practice"]:
        values |= TrainConfig.read_recipe(PRACTICE_RECIPE)
    if args["recipe"]:
        values |= TrainConfig.read_recipe(args["recipe"])
    values |= explicit_settings(args)
    if args["practice"]:
        values["data_dir"] = [str(PRACTICE_FOLDER)]
        _make_practice_songs()
    return TrainConfig.from_dict(values)


def _make_practice_songs() -> None:
    from training.practice.songs import make_practice_songs

    if IS_FIRST_PROCESS:
        with _progress_bar("making songs") as progress:
            make_practice_songs(PRACTICE_FOLDER, progress=progress)


def _read_settings(checkpoint: Path) -> dict[str, Any]:
    """The settings of the run that a checkpoint belongs to, so that going on needs no other flag."""
    content = read_checkpoint(checkpoint)
    if isinstance(content.get("config"), dict):
        return dict(content["config"])
    name = content["training"].get("run_name", "")
    for folder in (checkpoint.parent, checkpoint.parent / str(name)):
        if RunFolder(folder).config():
            return RunFolder(folder).config()
    return {"target": list(content["model"]["targets"])}


def _train_all(config: TrainConfig, args: dict[str, Any]) -> int:
    """Train, after a run on other data where those are given."""
    start_from, init_from = args["resume_from"], args["init_from"]
    if start_from and init_from:
        raise ConfigError("give --resume_from to go on with a model, or --init_from to begin a new one, not both")
    if args["pretrain_dir"]:
        run, reason = _train(
            make_pretraining_config(config, args["pretrain_dir"]), start_from, args["mlflow"], init_from=init_from
        )
        if reason == "stopped":
            return 0
        start_from, init_from = run.best_model, None
    _train(config, start_from, args["mlflow"], weights_only=bool(args["pretrain_dir"]), init_from=init_from)
    return 0


def make_pretraining_config(config: TrainConfig, folders: Sequence[str]) -> TrainConfig:
    """The same training on other songs, which validates on some of them."""
    name = f"{config.run_name}-pretrain" if config.run_name else ""
    own = {"target_dir": (), "rest_dir": (), "soft_dir": (), "val_dir": ""}
    return config.replace(data_dir=tuple(folders), run_name=name, **own).validate()


def _train(
    config: TrainConfig,
    start_from: Path | None,
    mlflow: str | None,
    weights_only: bool = False,
    init_from: Path | None = None,
) -> tuple[RunFolder, str]:
    """One run, and how it ended."""
    begun, sentence = init_from_checkpoint(init_from, config) if init_from else (None, "")
    run, checkpoint = open_run(config, start_from, weights_only)
    keep_freed_memory()
    if begun is not None:
        checkpoint = begun
        _print_once(sentence)
    _print_once(f"run folder: {run.path}")
    with (
        _stop_on_signals(run),
        _listeners(run, mlflow) as listeners,
        _progress_bar("decoding", is_all=True) as progress,
    ):
        reason = train(config, run, checkpoint, listeners, progress=progress)
    if run.best_model.is_file():
        _print_once(f"best model: {run.best_model}")
    if reason == "stopped":
        again = f"python train.py --resume_from {run.last}" if run.last.is_file() else "the same command again"
        _print_once(f"to go on: {again}")
    return run, reason


def _check(config: TrainConfig, start_from: Path | None) -> int:
    """Print the doctor's report; 0 if training can start, otherwise 2."""
    from training.data_checks.doctor import examine

    cache = Cache(config.cache_dir, find_sample_rate(config, start_from))
    with _progress_bar("decoding") as progress:
        report = examine(
            config.data_dir,
            config.target,
            cache,
            loose_dirs=config.loose_dirs(),
            soft_dirs=config.soft_dir,
            valid_dir=config.val_dir or None,
            valid_share=config.val_split,
            seed=config.seed,
            progress=progress,
            probe_epoch=lambda: _seconds_per_epoch(config, start_from),
        )
    print("\n".join(report.lines()))
    return 0 if report.can_start else 2


def _seconds_per_epoch(config: TrainConfig, start_from: Path | None) -> float:
    from training.loop.sanity_checks import seconds_per_epoch  # Lightning takes seconds to import

    return seconds_per_epoch(config, start_from=start_from)


def _run_trial(config: TrainConfig, is_range_test: bool, start_from: Path | None) -> int:
    """Run one of the short trials and print its verdict; 0 if all is well, otherwise 2."""
    from training.data.training_data import load_training_data
    from training.loop.fabric import oom_as_user_error
    from training.loop.sanity_checks import learning_rate_range, overfit_one_batch

    with _progress_bar("decoding") as progress:
        data = load_training_data(config, find_sample_rate(config, start_from), progress)
    with tqdm(desc="steps", unit="", leave=False, disable=None) as bar:

        def report(step: int, loss: float) -> None:
            bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
            bar.update()

        with oom_as_user_error(config):
            verdict = (learning_rate_range if is_range_test else overfit_one_batch)(config, data, report, start_from)
    print(("good: " if verdict.is_good else "not good: ") + verdict.sentence)
    return 0 if verdict.is_good else 2


def _remove_cache(config: TrainConfig) -> int:
    freed = remove_cache(config.cache_dir)
    print(f"{freed / 1e6:.0f} MB of decoded audio removed from {config.cache_dir}")
    return 0


def _leave_job() -> None:
    """Close what torchrun's processes talk through: left to the interpreter's end, its threads may abort a good run."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _print_once(sentence: str) -> None:
    if IS_FIRST_PROCESS:
        print(sentence, flush=True)


@contextmanager
def _progress_bar(what: str, *, is_all: bool = False) -> Iterator[Progress]:
    """A progress bar, where there is a terminal; with ``is_all`` it goes away when full, else after its last stage."""
    is_hidden = None if IS_FIRST_PROCESS else True
    with tqdm(total=1.0, desc=what, bar_format="{l_bar}{bar}|", leave=False, disable=is_hidden) as bar:

        def progress(fraction: float, stage: str) -> None:
            bar.n = round(fraction, 3)
            bar.refresh()
            if is_all and fraction >= 1:
                bar.close()

        yield progress


@contextmanager
def _listeners(run: RunFolder, mlflow: str | None) -> Iterator[list[Listener]]:
    """Listeners that print, and that write to MLflow where that is wanted."""
    if mlflow is None or not IS_FIRST_PROCESS:
        yield [Console()]
        return
    from training.tracking.mlflow_client import DEFAULT_URI
    from training.tracking.run_tracker import MlflowTracker

    tracker = MlflowTracker(run.path, mlflow or DEFAULT_URI)
    try:
        yield [Console(), tracker]
    finally:
        tracker.close()


@contextmanager
def _stop_on_signals(run: RunFolder) -> Iterator[None]:
    """Ctrl-C (or `kill`) requests a stop after this step; a second one exits at once."""
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in signals}

    def request_stop(*_: object) -> None:
        if "WORLD_SIZE" not in os.environ:  # torchrun passes on what the terminal has sent to all already
            _restore_signals(before)
        run.request_stop()
        if IS_FIRST_PROCESS:
            print("\nstopping after this step ...", file=sys.stderr, flush=True)

    for number in signals:
        signal.signal(number, request_stop)
    try:
        yield
    finally:
        _restore_signals(before)


def _restore_signals(handlers: dict[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)


if __name__ == "__main__":
    sys.exit(main())
