"""Separate a song, or a folder of songs, from the command line::

    python inference.py song.mp3
    python inference.py --input_path song.mp3 --output_path separated_vocals.wav
    python inference.py --input_path song.mp3 --output_path karaoke.flac --stems accompaniment
    python inference.py --input_path song.mp3 --output_path stems --preset 4stems
    python inference.py --input_path song.mp3 --output_path stems --format stem.m4a
    python inference.py --input_path album/ --output_path stems/ --model_path checkpoints/best_model.pth

An output path with a suffix is a file, for one stem; any other is a folder, which takes them all. Without a model and a
preset, the stems that are asked for decide which shipped models are run.
"""

import argparse
import io
import os
import sys
import time
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from separator.api import Separator
from separator.audio import AUDIO_SUFFIXES, OUTPUT_SUFFIXES, make_folder, probe
from separator.errors import AudioError, ConfigError, SeparatorError
from separator.inference.output import StemFile
from separator.presets import choose_preset
from separator.runtime import keep_freed_memory
from separator.shipped import PRESETS, find_preset
from separator.studio.stem_mp4 import STEM_SUFFIX, refuse_stems
from sori.studio import (
    STEM_FORMAT,
    STUDIO_FORMATS,
    describe_analysis,
    find_analysis,
    is_for_studio,
    name_outputs,
    refuse_flags,
    write_for_studio,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 is success, 2 something the user can mend, 130 an interruption."""
    options = _parse(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a song's name need not be text
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = _show_warning
        try:
            return _separate_all(options)
        except SeparatorError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print("Stopped; the song in work was left unwritten.", file=sys.stderr)
            return 130


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _make_parser()
    options = parser.parse_args(argv)
    if (options.song is None) == (options.input_path is None):
        parser.error("give one song, or one folder of songs, as in: song.mp3")
    options.input_path = options.input_path or options.song
    return options


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Separate songs into stems that add up to the song.")
    add = parser.add_argument
    add("song", type=Path, nargs="?", help="a song, or a folder of songs")
    add("--input_path", type=Path, metavar="SONG", help="the same")
    add(
        "--output_path",
        type=Path,
        default=Path("separated"),
        help="a file for one stem, or a folder for all of them (default: the folder separated)",
    )
    add(
        "--model_path",
        type=Path,
        action="append",
        help="a checkpoint; repeat for more targets (default: the shipped one)",
    )
    add(
        "--preset",
        choices=list(PRESETS),
        help="shipped models: vocals and accompaniment, or vocals, drums, bass and other (default: what --stems needs)",
    )
    add("--stems", nargs="+", default=None, help="which stems to write, or all (default: the target, in a folder all)")
    add("--accompaniment_path", type=Path, help="a file for what the target leaves over")
    add(
        "--format",
        default="wav",
        choices=[*(s[1:] for s in OUTPUT_SUFFIXES), *STUDIO_FORMATS],
        help="of the files in an output folder; stem.m4a: the song and four stems for DJ programs, rpp: for Reaper",
    )
    add("--zip", action="store_true", help="pack the files of each song, and a job.json on how they were made")
    add("--bits", type=int, choices=(16, 24, 32), help="bit depth, 32 is float (default: as the song)")
    add(
        "--analyse",
        action="store_true",
        help="print tempo, key, tuning and loudness (LUFS); rpp and --zip have them anyway",
    )
    add("--device", default="auto", help="auto, cpu, cuda, cuda:1, ... or mps")
    add("--strict_band", action="store_true", help="leave everything above 11 kHz to the accompaniment")
    add("--tta", action="store_true", help="shifts: average over 4 shifted passes; slower and a little better")
    add("--quiet", action="store_true", help="no progress bar, no summary")
    return parser


def _separate_all(options: argparse.Namespace) -> int:
    songs = _songs(options.input_path)
    into_folder = options.output_path.is_dir() or not options.output_path.suffix
    if not into_folder and options.output_path.name.lower().endswith(STEM_SUFFIX):
        options.format = STEM_FORMAT
    elif not into_folder and options.format == STEM_FORMAT:
        raise ConfigError(f"{options.output_path} is no {STEM_SUFFIX} file; end the name so, or give a folder.")
    refuse_flags(options, into_folder)
    if len(songs) > 1 and not into_folder:
        raise AudioError(f"{options.input_path} holds {len(songs)} songs; give a folder as --output_path.")
    if len(songs) == 1:
        probe(songs[0])  # a wrong name fails before the model loads
    models = _choose_models(options)
    separator = Separator.from_checkpoints(models, options.device, strict_band=options.strict_band, tta=options.tta)
    if options.format == STEM_FORMAT:
        refuse_stems(separator.stems)
    keep_freed_memory()
    outputs = {song: _outputs(options, separator, song, into_folder) for song in songs}
    _refuse_collisions(outputs)
    if into_folder:
        make_folder(options.output_path)
    failures = 0
    for song, stems in outputs.items():
        try:
            _separate_one(separator, models, song, stems, options)
        except AudioError as error:
            if len(songs) == 1:
                raise
            print(f"error: {error}", file=sys.stderr)
            failures += 1
    return 2 if failures else 0


def _choose_models(options: argparse.Namespace) -> list[Path]:
    """The checkpoints that were given, those of the preset, or those of the first preset that makes the stems."""
    if options.model_path and options.preset:
        raise ConfigError("--model_path and --preset both choose the models; give one of them.")
    if options.model_path:
        return list(options.model_path)
    stems = [stem for stem in options.stems or () if stem != "all"]
    usual = "4stems" if options.format == STEM_FORMAT else choose_preset(stems)
    return find_preset(options.preset or usual)


def _songs(path: Path) -> list[Path]:
    """The audio files of a folder, but for hidden ones, which other programs leave there."""
    if not os.path.isdir(path):  # False also for a name too long to exist, where Path.is_dir raises
        return [path]
    try:
        songs = sorted(file for file in path.iterdir() if _is_audio(file))
    except OSError as error:
        raise AudioError(f"The folder {path} cannot be read: {error.strerror}.") from error
    if not songs:
        raise AudioError(f"{path} is a folder without audio files.")
    return songs


def _is_audio(file: Path) -> bool:
    return file.suffix.lower() in AUDIO_SUFFIXES and not file.name.startswith(".") and file.is_file()


def _outputs(options: argparse.Namespace, separator: Separator, song: Path, into_folder: bool) -> dict[str, Path]:
    takes_all = into_folder or (options.preset is not None and len(separator.targets) > 1)
    everything = options.stems == ["all"] or (options.stems is None and takes_all)
    stems = separator.stems if everything else options.stems or separator.targets[:1]
    if is_for_studio(options):
        return name_outputs(options, song, stems, into_folder)
    rest = {separator.stems[-1]: options.accompaniment_path} if options.accompaniment_path else {}
    if into_folder:
        return {s: options.output_path / f"{song.stem}_{s}.{options.format}" for s in stems} | rest
    if len(stems) > 1:
        raise ConfigError(f"{options.output_path} is one file, but {len(stems)} stems are asked for; give a folder.")
    if stems[0] in rest:
        raise ConfigError(f"--output_path and --accompaniment_path both ask for the {stems[0]}; give one of them.")
    return {stems[0]: options.output_path} | rest


def _refuse_collisions(outputs: Mapping[Path, Mapping[str, Path]]) -> None:
    """No two stems may go to one file, and none to a song that is still to be separated."""
    written = Counter(path.resolve() for stems in outputs.values() for path in stems.values())
    for path, count in written.items():
        if count > 1:
            raise AudioError(
                f"{count} stems would be written to {path}; separate songs of the same name, and songs with an "
                "--accompaniment_path, one by one."
            )
    if len(outputs) > 1 and (songs := [song for song in outputs if song.resolve() in written]):
        raise AudioError(f"{songs[0].name} is among the songs and would be overwritten; give another --output_path.")


def _separate_one(
    separator: Separator, models: Sequence[Path], song: Path, outputs: dict[str, Path], options: argparse.Namespace
) -> None:
    started = time.perf_counter()
    with tqdm(total=100, desc=song.name, unit="%", leave=False, disable=options.quiet or None) as bar:

        def show(fraction: float, stage: str) -> None:
            bar.set_postfix_str(stage, refresh=False)
            bar.update(100 * fraction - bar.n)

        if is_for_studio(options):
            lines = write_for_studio(separator, models, song, outputs, options, show)
        else:
            written = separator.separate_to(song, outputs, bits=options.bits, progress=show)
            lines = [_describe_stem(stem, file) for stem, file in written.items()]
            lines += describe_analysis(find_analysis(options, outputs))
    if not options.quiet:
        print(_summary(song, lines, time.perf_counter() - started, separator.device.type))


def _describe_stem(stem: str, file: StemFile) -> str:
    return f"{stem}: {file.path} (peak {file.peak:.2f}, {file.subtype})"


def _summary(song: Path, lines: Sequence[str], elapsed_seconds: float, device: str) -> str:
    seconds = probe(song).seconds
    speed = f"{seconds / elapsed_seconds:.1f} x real time on {device}"
    head = f"{song.name}: {seconds:.1f} s in {elapsed_seconds:.1f} s, {speed}"
    return "\n".join([head, *(f"  {line}" for line in lines)])


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    print(f"warning: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
