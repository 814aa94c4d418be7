"""Compares two or more separations of one song against the true stem, and keeps the comparison in MLflow.

python compare_mlflow.py --ref ./test/TEST_SONG/vocals.wav --a ESTIMATE_A.wav --b ESTIMATE_B.wav
python compare_mlflow.py --ref vocals.wav --a a.wav --b b.wav c.wav --names desktop laptop phone
python compare_mlflow.py --log_kept comparison-20260101-120000.zip   # what MLflow did not take at the time
mlflow ui                                              # then look at http://localhost:5000
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from separator.errors import ConfigError
from training.cli import run_command
from training.evaluation.comparison import Comparison, compare_files
from training.evaluation.report import clock, table
from training.evaluation.scoring import SongScore
from training.tracking.comparison_tracker import EXPERIMENT, log_comparison, log_kept
from training.tracking.mlflow_client import DEFAULT_URI

_FLAG_INSIDE = re.compile(r"(?:^|\s+)(--(?:ref|a|b|mixture|names))\s+")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code: 0, or 2 when there was nothing to compare."""
    parser = _make_parser()
    arguments = parser.parse_args(_split_quoted(sys.argv[1:] if argv is None else argv))
    if not arguments.log_kept and not (arguments.ref and arguments.a and arguments.b):
        parser.error("--ref, --a and --b are required, or --log_kept")
    return run_command(lambda: _log(arguments))


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--ref", help="the true stem")
    add("--a", help="an estimate of it")
    add("--b", nargs="+", help="one or more other estimates")
    add("--names", nargs="+", default=[], help="what to call them, as in --names desktop laptop")
    add("--mixture", help="the song (default: mixture.* or the other stems beside the reference)")
    add("--fix_offset", action="store_true", help="shift estimates that are late or early into place first")
    add("--bss", action="store_true", help="add SIR, SAR and ISR (BSSEval v4; slow)")
    add("--tracking_uri", default=DEFAULT_URI, help=f"MLflow store or server (default: {DEFAULT_URI})")
    add("--experiment", default=EXPERIMENT, help=f"MLflow experiment (default: {EXPERIMENT})")
    add("--log_kept", metavar="FILE", help="log a comparison that MLflow did not take when it was made")
    return parser


def _split_quoted(argv: Sequence[str]) -> list[str]:
    """Arguments with options that were quoted together, as in `--a "A.wav --b B.wav"`, taken apart again."""
    result: list[str] = []
    for argument in argv:
        if _FLAG_INSIDE.search(argument) and not Path(argument).exists():
            parts = [part.strip() for part in _FLAG_INSIDE.split(argument) if part.strip()]
            print(f'note: read "{argument}" as {" ".join(parts)}; quote each file on its own', file=sys.stderr)
            result += parts
        else:
            result.append(argument)
    return result


def _refuse_blanks(arguments: argparse.Namespace) -> None:
    for name, example in {"experiment": EXPERIMENT, "tracking_uri": DEFAULT_URI}.items():
        if not getattr(arguments, name).strip():
            raise ConfigError(f"--{name} is empty; leave it out, or give one, such as {example}")


def _log(arguments: argparse.Namespace) -> None:
    if arguments.log_kept:
        run_id = log_kept(arguments.log_kept, arguments.tracking_uri, arguments.experiment)
    else:
        run_id = _compare(arguments)
    print(f"\nMLflow: experiment {arguments.experiment}, run {run_id}; see it with: {_viewing_command(arguments)}")


def _compare(arguments: argparse.Namespace) -> str:
    """Print the report and write it to MLflow; returns the run's id there."""
    _refuse_blanks(arguments)
    files = [arguments.a, *arguments.b]
    comparison = compare_files(
        arguments.ref,
        files,
        arguments.names,
        arguments.mixture,
        fix_offset=arguments.fix_offset,
        bss=arguments.bss,
    )
    print(_format_report(comparison))
    return log_comparison(comparison, arguments.tracking_uri, arguments.experiment, keep_in=Path())


def _format_report(comparison: Comparison) -> str:
    rows = [SongScore(estimate.name, estimate.score) for estimate in comparison.estimates]
    notes = [f"{estimate.name}: {note}" for estimate in comparison.estimates for note in estimate.score.notes]
    worst = [
        f"{estimate.name} is worst at {', '.join(map(clock, estimate.score.worst_seconds()))}"
        for estimate in comparison.estimates
        if estimate.score.worst_seconds()
    ]
    about = comparison.mixture or "no mixture beside the reference, and none given: so no Clean"
    return "\n".join([about, table(rows, averages=False), *notes, *worst, "", comparison.verdict()])


def _viewing_command(arguments: argparse.Namespace) -> str:
    if arguments.tracking_uri == DEFAULT_URI:
        return "mlflow ui"
    is_server = arguments.tracking_uri.startswith("http")
    return arguments.tracking_uri if is_server else f"mlflow ui --backend-store-uri {arguments.tracking_uri}"


if __name__ == "__main__":
    sys.exit(main())
