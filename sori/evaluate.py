"""Scores models, or files, against the true stems of one song or of every song of a folder.

python evaluate.py --song_dir ./test/Test_Song_Name --target vocals
python evaluate.py --song_dir ./test/Test_Song_Name --target all
python evaluate.py --song_dir ./musdb18hq --target vocals --model_path ./checkpoints/best_model.pth --csv scores.csv
python evaluate.py --song_dir ./test/Test_Song_Name --target vocals --estimate ./separated_vocals.wav --oracle
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from separator.audio import read
from separator.errors import ConfigError, DatasetError
from separator.presets import choose_preset
from separator.runtime import keep_freed_memory
from separator.shipped import find_preset, shipped_folder
from training.cli import run_command
from training.data.layouts.names import MIXTURE
from training.data.layouts.paths import audio_files
from training.data.layouts.song import ACCOMPANIMENT, Song
from training.evaluation.alignment import Sound
from training.evaluation.report import song_report, sort_rows, stem_table, table, write_csv, write_json
from training.evaluation.scoring import ScoreOptions, Separate, SongScore, score_song
from training.evaluation.song_audio import find_scored_songs, find_true_stems
from training.evaluation.stem_files import sort_by_stem

ALL = ["all"]
FULL_PRESET = "4stems"
"""What `--target all` separates with, where no model is given."""


@dataclass(frozen=True)
class Source:
    """Where the estimates come from: what they are called, their stems, and how they are made."""

    name: str
    stems: tuple[str, ...]
    separate: Separate


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code: 0, or 2 when nothing could be scored."""
    arguments = _make_parser().parse_args(argv)
    return run_command(lambda: _evaluate(arguments))


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--song_dir", required=True, help="a song's folder (mixture.*, <target>.*, ...), or a folder of such folders")
    add("--target", nargs="+", default=["vocals"], help="the stem to score, several, or all (default: vocals)")
    add(
        "--model_path",
        action="append",
        help="checkpoint to separate with; repeat for more stems (default: checkpoints/<target>.pth; of several "
        "targets, the shipped models that make them)",
    )
    add(
        "--estimate",
        help="score this file, or the files of this folder that are named after stems, instead of a model's output; "
        "one song only",
    )
    add("--device", default="auto", help="auto, cpu, cuda or mps (default: auto)")
    add("--sample_rate", type=int, metavar="HZ", help="score at this rate instead of each song's own")
    add("--mono", action="store_true", help="score the downmix")
    add("--fix_offset", action="store_true", help="shift an estimate that is late or early into place first")
    add("--oracle", action="store_true", help="add floor (the mixture) and ideal masks")
    add("--bss", action="store_true", help="add SIR, SAR and ISR (BSSEval v4; slow)")
    add("--json", metavar="FILE", help="write everything to this file")
    add("--csv", metavar="FILE", help="write a row per song and stem to this file")
    return parser


def _evaluate(arguments: argparse.Namespace) -> None:
    _refuse_contradictions(arguments)
    songs, notes = find_scored_songs(arguments.song_dir, arguments.target[0])
    if arguments.estimate and len(songs) > 1:
        raise ConfigError(f"--estimate scores one song, but {arguments.song_dir} holds {len(songs)}; give one's folder")
    source = _read_estimates(arguments) if arguments.estimate else _load_separation(arguments)
    options = ScoreOptions(
        arguments.sample_rate, arguments.mono, arguments.fix_offset, arguments.bss, oracle=arguments.oracle
    )
    targets = source.stems if arguments.target == ALL else tuple(arguments.target)
    print(f"{', '.join(targets)} by {source.name}, scored {_describe_options(options)}")
    rows = _score_all(songs, lambda song: _choose_targets(song, targets, arguments.target), source.separate, options)
    if all(row.score is None for row in rows):
        raise DatasetError("; ".join(f"{row.problem}" for row in rows[:3]))
    print("\n".join([*notes, *_report(rows, len(songs))]))
    _write_files(arguments, rows, source.name)


def _refuse_contradictions(arguments: argparse.Namespace) -> None:
    if arguments.estimate and arguments.model_path:
        raise ConfigError("--estimate scores a file and --model_path a model; give one of them")
    if arguments.sample_rate is not None and not 1000 <= arguments.sample_rate <= 384000:
        raise ConfigError(f"--sample_rate is {arguments.sample_rate}; it must be 1000 to 384000 Hz, such as 22050")
    if len(set(arguments.target)) < len(arguments.target) or ("all" in arguments.target and arguments.target != ALL):
        raise ConfigError(f"--target is {' '.join(arguments.target)}; give each stem once, or all alone")


def _read_estimates(arguments: argparse.Namespace) -> Source:
    """The estimates in files: one of the only target, or a folder of them."""
    path, targets = Path(arguments.estimate), arguments.target
    if path.is_dir():
        files = {stem: file for stem, file in sort_by_stem(audio_files(path)).items() if stem != MIXTURE}
    elif targets == ALL or len(targets) > 1:
        raise ConfigError(f"--estimate {path} is one file; give a folder of files named after stems, or one --target")
    else:
        files = {targets[0]: path}
    wanted = list(files) if targets == ALL else targets
    missing = [stem for stem in wanted if stem not in files]
    if missing or not wanted:
        stems = ", ".join(missing) or "any stem"
        raise ConfigError(f"{path} has no file of {stems}; end its name in the stem's, as in song_vocals.wav")
    estimates = {stem: Sound(*read(files[stem])) for stem in wanted}
    return Source(path.name, tuple(wanted), lambda song, mixture: estimates)


def _load_separation(arguments: argparse.Namespace) -> Source:
    from separator.api import Separator

    paths = [Path(path) for path in arguments.model_path or _choose_models(arguments.target)]
    separator = Separator.from_checkpoints(paths, arguments.device)
    name = ", ".join(str(path) if arguments.model_path else path.name for path in paths)
    missing = [target for target in arguments.target if target not in separator.stems and arguments.target != ALL]
    if missing:
        made = ", ".join(separator.stems)
        raise ConfigError(f"{name} separates {made}, not {', '.join(missing)}; choose another --model_path or --target")
    keep_freed_memory()

    def separate(song: Song, mixture: Sound) -> Mapping[str, Sound]:
        stems = separator.separate(mixture.waveform, mixture.sample_rate)
        return {stem: Sound(waveform, mixture.sample_rate) for stem, waveform in stems.items()}

    return Source(name, separator.stems, separate)


def _choose_models(targets: Sequence[str]) -> list[Path]:
    """The shipped model of a single target, or else those of the preset that makes all targets."""
    if targets == ALL:
        return find_preset(FULL_PRESET)
    alone = shipped_folder("checkpoints") / f"{'vocals' if targets == [ACCOMPANIMENT] else targets[0]}.pth"
    return [alone] if len(targets) == 1 and alone.is_file() else find_preset(choose_preset(targets))


def _choose_targets(song: Song, targets: Sequence[str], asked: Sequence[str]) -> Sequence[str]:
    """The stems to score of a song; of all, those that it has."""
    return (find_true_stems(song, targets) or targets) if asked == ALL else targets


def _score_all(
    songs: list[Song], choose_targets: Callable[[Song], Sequence[str]], separate: Separate, options: ScoreOptions
) -> list[SongScore]:
    """Score each song, with a line of progress on the terminal for each row where there are several songs."""
    rows = []
    for number, song in enumerate(songs, 1):
        targets = choose_targets(song)
        for row in score_song(song, targets, separate, options):
            rows.append(row)
            name = row.name if len(targets) == 1 else f"{row.name}, {row.stem}"
            if len(songs) > 1:
                print(f"[{number}/{len(songs)}] {name}: {_summarise(row)}", file=sys.stderr)
    return rows


def _report(rows: Sequence[SongScore], n_songs: int) -> list[str]:
    """The report of one song and stem, a row per stem of one song, or a table of songs for each stem."""
    if n_songs == 1:
        return [stem_table(rows) if len(rows) > 1 else song_report(rows[0])]
    by_stem = sort_rows(rows)
    return [table(rows)] if len(by_stem) == 1 else [f"\n{stem}\n{table(own)}" for stem, own in by_stem.items()]


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
    target = arguments.target[0] if len(arguments.target) == 1 else arguments.target
    about: dict[str, Any] = {"target": target, "estimate": source}
    about |= {name: getattr(arguments, name) for name in ("sample_rate", "mono", "fix_offset", "bss", "oracle")}
    if arguments.json:
        write_json(arguments.json, rows, about)
    if arguments.csv:
        write_csv(arguments.csv, rows)


if __name__ == "__main__":
    sys.exit(main())
