"""Train a separation model.

    python train.py --data_dir ./data/train --target vocals
    python train.py --practice                                   # made-up songs: needs no data
    python train.py --resume_from ./checkpoints/best_model.pth   # go on
    torchrun --nproc_per_node=2 train.py --data_dir ./data/train --target vocals
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from tqdm import tqdm

from separator.errors import SeparatorError
from training.config import TrainConfig, default_of
from training.console import Console
from training.run import RunFolder
from training.runner import new_run, resumed_run, train

PRACTICE_FOLDER = Path("data/practice")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 0, or 2 where the user has to change something."""
    args = vars(make_parser().parse_args(argv))
    try:
        return _run(args)
    except SeparatorError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def make_parser() -> argparse.ArgumentParser:
    """One flag per field of TrainConfig, and the few that are not settings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, help="a TOML file of settings; flags override it")
    parser.add_argument("--practice", action="store_true", help="train on a dozen made-up songs")
    parser.add_argument("--resume_from", type=Path, help="a checkpoint to go on from, or to fine-tune")
    for f in fields(TrainConfig):
        default = default_of(f)
        unit = f" [{f.metadata['unit']}]" if f.metadata["unit"] else ""
        shown = " ".join(map(str, default)) if isinstance(default, tuple) else default
        text = f"{f.metadata['help']}{unit} (default: {shown if shown != '' else 'none'})".replace("%", "%%")
        if isinstance(default, tuple):
            kind = float if default and isinstance(default[0], float) else str
            action = "extend" if f.name.endswith("_dir") else "store"
            parser.add_argument(f"--{f.name}", nargs="+" if default or action == "extend" else "*", type=kind, action=action, help=text)
        else:
            parser.add_argument(f"--{f.name}", type=type(default), help=text)
    return parser


def _run(args: dict[str, Any]) -> int:
    from training.engine import keep_freed_memory  # imports Lightning: only when there is something to train

    config, resume_from = _config(args), args["resume_from"]
    config.validate()
    run, resume = resumed_run(resume_from, config) if resume_from else (new_run(config), None)
    print(f"run folder: {run.path}")
    keep_freed_memory()
    with _stop_on_interrupt(run), tqdm(total=1.0, desc="decoding", unit="", leave=False, disable=None) as bar:

        def progress(fraction: float, stage: str) -> None:
            bar.n = round(fraction, 3)
            bar.refresh()

        reason = train(config, run, resume, [Console()], progress=progress)
    print(f"best model: {run.best_model}")
    if reason == "stopped":
        print(f"to go on: python train.py --resume_from {run.last}")
    return 0


def _config(args: dict[str, Any]) -> TrainConfig:
    """Defaults, overridden by the resumed run's settings, by the recipe, by flags."""
    values: dict[str, Any] = {}
    if args["resume_from"]:
        values |= _settings_of(args["resume_from"])
    if args["recipe"]:
        values |= TrainConfig.read_recipe(args["recipe"])
    values |= {f.name: args[f.name] for f in fields(TrainConfig) if args[f.name] is not None}
    if args["practice"]:
        from training.practice import make_practice_songs

        values["data_dir"] = [str(make_practice_songs(PRACTICE_FOLDER))]
    return TrainConfig.from_dict(values)


def _settings_of(checkpoint: Path) -> dict[str, Any]:
    """The settings of the run that a checkpoint lies in, so that going on needs no other flag."""
    from separator.checkpoint import read_checkpoint

    content = read_checkpoint(checkpoint)
    if isinstance(content.get("config"), dict):
        return dict(content["config"])
    name = content["training"].get("run_name", "")
    for folder in (checkpoint.parent, checkpoint.parent / str(name)):
        if RunFolder(folder).config():
            return RunFolder(folder).config()
    return {"target": content["model"]["target"]}


class _stop_on_interrupt:
    """Ctrl-C asks the run to finish its step and save; a second Ctrl-C breaks off at once."""

    def __init__(self, run: RunFolder) -> None:
        self.run = run

    def __enter__(self) -> None:
        self.before = signal.signal(signal.SIGINT, self._handle)

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self.before)

    def _handle(self, *_: object) -> None:
        print("\nstopping after this step ...", file=sys.stderr)
        self.run.request_stop()
        signal.signal(signal.SIGINT, self.before)


if __name__ == "__main__":
    sys.exit(main())
