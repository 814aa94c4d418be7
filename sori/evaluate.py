"""Scores a model, or a file, against the true stem of one song or of every song of a folder.

python evaluate.py --song_dir ./test/Test_Song_Name --target vocals
python evaluate.py --song_dir ./musdb18hq --target vocals --model_path ./checkpoints/best_model.pth --csv scores.csv
python evaluate.py --song_dir ./test/Test_Song_Name --target vocals --estimate ./separated_vocals.wav --oracle
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from separator.audio import read
from separator.errors import ConfigError, DatasetError
from separator.runtime import keep_freed_memory
from training.cli import run_command
from training.data.layouts.song import ACCOMPANIMENT, Song
from training.evaluation.alignment import Sound
from training.evaluation.report import song_report, table, write_csv, write_json
from training.evaluation.scoring import ScoreOptions, SongScore, score_dataset
from training.evaluation.song_audio import find_scored_songs

Separate = Callable[[Song, Sound], Sound]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code: 0, or 2 when nothing could be scored."""
    arguments = _make_parser().parse_args(argv)
    return run_command(lambda: _evaluate(arguments))


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--song_dir", required=True, help="a song's folder (mixture.*, <target>.*, ...), or a folder of such folders")
    add("--target", default="vocals", help="the stem to score (default: vocals)")
    add("--model_path", help="checkpoint to separate with (default: checkpoints/<target>.pth)")
    add("--estimate", help="score this file instead of a model's output; one song only")
    add("--device", default="auto", help="auto, cpu, cuda or mps (default: auto)")
    add("--sample_rate", type=int, metavar="HZ", help="score at this rate instead of each song's own")
    add("--mono", action="store_true", help="score the downmix")
    add("--fix_offset", action="store_true", help="shift an estimate that is late or early into place first")
    add("--oracle", action="store_true", help="add floor (the mixture) and ideal masks")
    add("--bss", action="store_true", help="add SIR, SAR and ISR (BSSEval v4; slow)")
    add("--json", metavar="FILE", help="write everything to this file")
    add("--csv", metavar="FILE", help="write a row per song to this file")
    return parser


def _evaluate(arguments: argparse.Namespace) -> None:
    _refuse_contradictions(arguments)
    songs, notes = find_scored_songs(arguments.song_dir, arguments.target)
    if arguments.estimate and len(songs) > 1:
        raise ConfigError(f"--estimate scores one song, but {arguments.song_dir} holds {len(songs)}; give one's folder")
    separate, source = _read_estimate(arguments.estimate) if arguments.estimate else _load_separation(arguments)
    options = ScoreOptions(
        arguments.sample_rate, arguments.mono, arguments.fix_offset, arguments.bss, oracle=arguments.oracle
    )
    print(f"{arguments.target} by {source}, scored {_describe_options(options)}")
    rows = _score_all(songs, arguments.target, separate, options)
    if all(row.score is None for row in rows):
        raise DatasetError("; ".join(f"{row.problem}" for row in rows[:3]))
    print("\n".join([*notes, song_report(rows[0]) if len(songs) == 1 else table(rows)]))
    _write_files(arguments, rows, source)


def _refuse_contradictions(arguments: argparse.Namespace) -> None:
    if arguments.estimate and arguments.model_path:
        raise ConfigError("--estimate scores a file and --model_path a model; give one of them")
    if arguments.sample_rate is not None and not 1000 <= arguments.sample_rate <= 384000:
        raise ConfigError(f"--sample_rate is {arguments.sample_rate}; it must be 1000 to 384000 Hz, such as 22050")


def _read_estimate(path: str) -> tuple[Separate, str]:
    estimate = Sound(*read(path))
    return lambda song, mixture: estimate, Path(path).name


def _load_separation(arguments: argparse.Namespace) -> tuple[Separate, str]:
    from separator.api import SHIPPED_MODEL, Separator

    target = "vocals" if arguments.target == ACCOMPANIMENT else arguments.target
    path = Path(arguments.model_path or SHIPPED_MODEL.with_name(f"{target}.pth"))
    separator = Separator.from_checkpoint(path, arguments.device)
    if arguments.target not in separator.stems:
        made = ", ".join(separator.stems)
        raise ConfigError(f"{path} separates {made}, not {arguments.target}; choose another --model_path or --target")
    keep_freed_memory()

    def separate(song: Song, mixture: Sound) -> Sound:
        stems = separator.separate(mixture.waveform, mixture.sample_rate)
        return Sound(stems[arguments.target], mixture.sample_rate)

    return separate, str(path if arguments.model_path else path.name)


def _score_all(songs: list[Song], target: str, separate: Separate, options: ScoreOptions) -> list[SongScore]:
    """Score each song, with a line of progress on the terminal where there are several."""
    rows = []
    for row in score_dataset(songs, target, separate, options):
        rows.append(row)
        if len(songs) > 1:
            print(f"[{len(rows)}/{len(songs)}] {row.name}: {_summarise(row)}", file=sys.stderr)
    return rows


def _summarise(row: SongScore) -> str:
    if row.score is None:
        return row.problem or ""
    if row.score.sdr_db is None:
        return f"{row.score.grade.name}, the true stem is silent"
    return f"{row.score.grade.name}, {row.score.sdr_db:.2f} dB"


def _describe_options(options: ScoreOptions) -> str:
    rate = f"at {options.sample_rate} Hz" if options.sample_rate else "at each song's own rate"
    return f"{rate}, {'downmixed to mono' if options.mono else 'all channels'}"


def _write_files(arguments: argparse.Namespace, rows: list[SongScore], source: str) -> None:
    about: dict[str, Any] = {"target": arguments.target, "estimate": source}
    about |= {name: getattr(arguments, name) for name in ("sample_rate", "mono", "fix_offset", "bss", "oracle")}
    if arguments.json:
        write_json(arguments.json, rows, about)
    if arguments.csv:
        write_csv(arguments.csv, rows)


if __name__ == "__main__":
    sys.exit(main())
