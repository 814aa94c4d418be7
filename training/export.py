"""Make a shipped model of a run's best one: half the size, with its record and the terms it may be used under::

python -m training.export checkpoints/RUN/best_model.pth checkpoints/vocals.pth --terms "non-commercial"

Of a model that went on from another one, the mean of both is often better than either (``--average_with``).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from separator.errors import ConfigError
from separator.model import load_model, save_checkpoint
from separator.model.checkpoint import describe
from training.cli import run_command
from training.loop.weight_averaging import mean_weights


def export(source: Path, destination: Path, terms: str, average_with: Path | None = None) -> None:
    """Write the model, or the mean of two, with float16 weights; the training record of the first goes along.

    Raises:
        CheckpointError: a source cannot be used, or the destination not be written.
        ConfigError: the two have different layers.
    """
    model = load_model(source)
    if average_with is not None:
        other = load_model(average_with)
        if other.config != model.config:
            raise ConfigError(f"{average_with} has other layers than {source}; only like models can be averaged")
        model.load_state_dict(mean_weights([model.state_dict(), other.state_dict()]))
    save_checkpoint(destination, model, {**describe(source).training, "terms": terms}, half=True)
    print(f"{destination}: {destination.stat().st_size / 1e6:.1f} MB")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("destination", type=Path)
    parser.add_argument("--terms", default="", help="under which terms the weights may be used")
    parser.add_argument("--average_with", type=Path, help="another model, to ship the mean of both")
    options = parser.parse_args(argv)
    return run_command(lambda: export(options.source, options.destination, options.terms, options.average_with))


if __name__ == "__main__":
    sys.exit(main())
