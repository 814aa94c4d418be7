"""Write a model as one file that separates without this program::

    python export.py --model_path checkpoints/vocals.pth --output vocals.onnx
    python export.py --model_path checkpoints/vocals.pth --output vocals.html

The suffix is the format. ``.onnx`` runs in ONNX Runtime, and in ``inference.py --model_path vocals.onnx``. ``.html`` is
a page that separates songs in any browser, from a double click and offline.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from separator.errors import ConfigError, SeparatorError
from separator.shipped import shipped_folder

SUFFIXES = (".onnx", ".html")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 is success, 2 something the user can mend, 130 an interruption."""
    options = _make_parser().parse_args(argv)
    try:
        _export(options)
    except SeparatorError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped; nothing was written.", file=sys.stderr)
        return 130
    return 0


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    shipped = shipped_folder("checkpoints") / "vocals.pth"
    add("--model_path", type=Path, default=shipped, help="the checkpoint (default: the shipped vocals)")
    add("--output", type=Path, required=True, help=f"the file to write ({', '.join(SUFFIXES)})")
    add("--overwrite", action="store_true", help="replace a file that exists")
    add("--measure_delays", action="store_true", help="store the price of each live delay; takes a minute or two")
    return parser


def _export(options: argparse.Namespace) -> None:
    output: Path = options.output
    if output.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"--output is {output}; its suffix must be one of {', '.join(SUFFIXES)}.")
    if output.exists() and (not options.overwrite or output.resolve() == options.model_path.resolve()):
        raise ConfigError(f"{output} exists already; give --overwrite, or another --output.")
    from separator.export import export_html, export_onnx  # needs torch, which a mistake need not wait for
    from separator.export.onnx import require_packages

    require_packages()
    delays = None
    if options.measure_delays:
        from separator.export.delays import measure_delays

        delays = [asdict(price) for price in measure_delays(options.model_path)]
        for price in delays:
            del price["cores"]  # of this machine, not of the model
    export = export_html if output.suffix.lower() == ".html" else export_onnx
    export(options.model_path, output, live_delays=delays)
    print(f"{output}: {output.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    sys.exit(main())
