"""Blend the weights of two models of one descent, which often serves new songs better than either::

    python -m training.blend checkpoints/start.pth checkpoints/RUN/best_model.pth checkpoints/vocals.pth --share 0.5

What fine-tuning wins on the songs it saw it loses in part on others; half of the way keeps most of both (robust
fine-tuning, Wortsman et al. 2022).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from separator.checkpoint import describe, load_model, save_checkpoint
from separator.errors import ConfigError, SeparatorError
from separator.model import CRNN


def blend(one: CRNN, other: CRNN, share: float) -> CRNN:
    """A new model whose weights and statistics are those of ``one``, moved by ``share`` of the way to ``other``.

    Raises:
        ConfigError: the models are not of the same layers and STFT.
    """
    if one.config != other.config:
        raise ConfigError(
            "the two models differ in their layers, STFT or target; only one model's stages can be blended"
        )
    model = CRNN(one.config)
    theirs = other.state_dict()
    model.load_state_dict({name: _between(value, theirs[name], share) for name, value in one.state_dict().items()})
    return model.eval()


def _between(one: Tensor, other: Tensor, share: float) -> Tensor:
    """Counters, which have no fractions, stay."""
    return one.lerp(other, share) if one.is_floating_point() else one


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("one", type=Path, help="the model before")
    parser.add_argument("other", type=Path, help="the model after")
    parser.add_argument("out", type=Path, help="the checkpoint to write")
    parser.add_argument("--share", type=float, default=0.5, help="how far to go from the one to the other, 0 to 1")
    options = parser.parse_args(argv)
    try:
        model = blend(load_model(options.one), load_model(options.other), options.share)
        before, after = (describe(path).training for path in (options.one, options.other))
        # Neither the run nor the scores of the model after are the blend's: training it further is another run.
        own = {"run_name": options.out.stem, "loss": None, "sdr_db": None}
        record = {**before, **after, **own, "blended_with": options.one.name, "share": options.share}
        save_checkpoint(options.out, model, record)
    except SeparatorError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
