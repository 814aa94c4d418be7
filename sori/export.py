"""Write a model as one file that separates without this program::

    python export.py --model_path checkpoints/vocals.pth --output vocals.onnx
    python export.py --model_path checkpoints/vocals.pth --output vocals.html
    python export.py --preset 4stems --output stems.html

The suffix is the format. ``.onnx`` runs in ONNX Runtime, and in ``inference.py --model_path vocals.onnx``. ``.html`` is
a page that separates songs in any browser, from a double click and offline. Several models become one file.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from separator.errors import ConfigError, SeparatorError
from separator.shipped import PRESETS, find_preset

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
    models = parser.add_mutually_exclusive_group()
    models.add_argument("--model_path", type=Path, nargs="+", help="the checkpoint, or several (default: vocals)")
    models.add_argument("--preset", choices=PRESETS, help="the shipped models of this preset")
    add("--output", type=Path, required=True, help=f"the file to write ({', '.join(SUFFIXES)})")
    add("--overwrite", action="store_true", help="replace a file that exists")
    add(
        "--measure_delays", action=argparse.BooleanOptionalAction,
        help="store what each live delay costs, in a minute or two (by default for pages; known of the shipped models)",
    )  # fmt: skip
    return parser


def _export(options: argparse.Namespace) -> None:
    output: Path = options.output
    paths: list[Path] = options.model_path or find_preset(options.preset or next(iter(PRESETS)))
    if output.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"--output is {output}; its suffix must be one of {', '.join(SUFFIXES)}.")
    if output.exists() and (not options.overwrite or output.resolve() in [path.resolve() for path in paths]):
        raise ConfigError(f"{output} exists already; give --overwrite, or another --output.")
    from separator.export import export_html, export_onnx  # needs torch, which a mistake need not wait for
    from separator.export.onnx import require_packages

    require_packages()
    is_page = output.suffix.lower() == ".html"
    delays = _measure_delays(paths, options.measure_delays, is_page)
    if is_page:
        export_html(paths, output, name=options.preset, live_delays=delays)
    else:
        export_onnx(paths, output, live_delays=delays)
    print(f"{output}: {output.stat().st_size / 1e6:.1f} MB")


def _measure_delays(paths: Sequence[Path], wanted: bool | None, is_page: bool) -> list[dict[str, float]] | None:
    """What is to be stored. By default it is measured for pages of models that can be, and are not shipped."""
    from separator.export.delays import find_shipped_delays, measure_delays

    is_known = paths[0].suffix == ".onnx" or find_shipped_delays(paths) is not None
    if not (wanted or (wanted is None and is_page and not is_known)):
        return None
    print("Measuring what live delays cost, a minute or two; --no-measure_delays leaves it out.", file=sys.stderr)
    try:
        return [price.describe() for price in measure_delays(paths)]
    except ConfigError:
        if wanted:
            raise
        return None  # the demo song has none of its stems


if __name__ == "__main__":
    sys.exit(main())
