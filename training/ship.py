"""Make a shipped model of a run's best one: half the size, with its record and the terms it may be used under::

python -m training.ship checkpoints/RUN/best_model.pth checkpoints/vocals.pth --terms "non-commercial"
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from separator.checkpoint import describe, load_model, save_checkpoint
from separator.errors import SeparatorError


def ship(source: Path, destination: Path, terms: str) -> None:
    """Write the model with float16 weights; the training record goes along.

    Raises:
        CheckpointError: the source cannot be used, or the destination not be written.
    """
    record = describe(source).training
    save_checkpoint(destination, load_model(source), {**record, "terms": terms}, half=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("destination", type=Path)
    parser.add_argument("--terms", default="", help="under which terms the weights may be used")
    options = parser.parse_args(argv)
    try:
        ship(options.source, options.destination, options.terms)
    except SeparatorError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{options.destination}: {options.destination.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
