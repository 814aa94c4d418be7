"""What commands share: TrainConfig as flags, one per field with its help, and errors as a line and an exit code."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import Field, fields
from typing import Any

from separator.errors import SeparatorError
from training.config import TrainConfig, get_default


def run_command(run: Callable[[], object]) -> int:
    """Run a command's work; returns its exit code: 0, or 2 after a line about an error that the user can mend."""
    try:
        run()
    except (SeparatorError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add one flag per setting to a parser, in groups; one that is not on the command line is None."""
    for group in reversed(TrainConfig.__bases__):
        section = parser.add_argument_group(str(group.__doc__).removesuffix("."))
        for f in fields(group):
            default = get_default(f)
            if not isinstance(default, tuple):
                section.add_argument(f"--{f.name}", type=type(default), help=_help(f))
            elif f.name.endswith("_dir"):  # may be repeated as well as listed
                section.add_argument(f"--{f.name}", nargs="+", action="extend", help=_help(f))
            else:
                kind = float if default and isinstance(default[0], float) else str
                section.add_argument(f"--{f.name}", nargs="*", type=kind, help=_help(f))


def explicit_settings(args: dict[str, Any]) -> dict[str, Any]:
    """The settings that are on the command line."""
    return {f.name: args[f.name] for f in fields(TrainConfig) if args[f.name] is not None}


def settings_table() -> str:
    """Every setting as a Markdown table: the README's, which a test compares with this."""
    rows = [
        f"| `--{f.name}` | {f.metadata['help']} | {f.metadata['unit']} | {_format_default(f)} |"
        for f in fields(TrainConfig)
    ]
    return "\n".join(["| flag | what it is | unit | default |", "|---|---|---|---|", *rows])


def _help(f: "Field[Any]") -> str:
    unit = f" [{f.metadata['unit']}]" if f.metadata["unit"] else ""
    return f"{f.metadata['help']}{unit} (default: {_format_default(f)})".replace("%", "%%")


def _format_default(f: "Field[Any]") -> str:
    default = get_default(f)
    return (" ".join(map(str, default)) if isinstance(default, tuple) else str(default)) or "none"
