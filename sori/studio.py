"""What inference.py writes for other programs: .stem.m4a files, Reaper projects, and archives with a job.json."""

import argparse
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from separator.api import Separator
from separator.audio.convert import convert
from separator.audio.tags import read_tags
from separator.errors import AudioError, ConfigError
from separator.files import explain_os_error, make_part_path
from separator.progress import Progress
from separator.studio.job_record import make_record, write_archive
from separator.studio.reaper import REAPER_SUFFIX, write_song_project
from separator.studio.stem_mp4 import STEM_SUFFIX, refuse_stems, write_stem_mp4

if TYPE_CHECKING:
    from separator.analysis.song import SongAnalysis

STEM_FORMAT, REAPER_FORMAT = STEM_SUFFIX[1:], REAPER_SUFFIX[1:]
STUDIO_FORMATS = (STEM_FORMAT, REAPER_FORMAT)


def is_for_studio(options: argparse.Namespace) -> bool:
    """Whether the output is more than a file per stem."""
    return options.zip or options.format in STUDIO_FORMATS


def refuse_flags(options: argparse.Namespace, into_folder: bool) -> None:
    """Raises ConfigError for flags that do not go with the format."""
    if not is_for_studio(options):
        return
    flag = "--zip" if options.zip else f"--format {options.format}"
    if not into_folder and (options.zip or options.format == REAPER_FORMAT):
        raise ConfigError(f"{flag} writes several files' worth; give a folder as --output_path, not a file.")
    if options.accompaniment_path:
        raise ConfigError(f"{flag} holds all stems; leave --accompaniment_path away.")
    if options.format == STEM_FORMAT and (options.bits or (options.stems or ["all"]) != ["all"]):
        raise ConfigError(f"A {STEM_SUFFIX} file holds all four stems as AAC; leave --stems and --bits away.")


def name_outputs(options: argparse.Namespace, song: Path, stems: Sequence[str], into_folder: bool) -> dict[str, Path]:
    """What of output -> file, for a song."""
    if not into_folder:
        return {STEM_FORMAT: options.output_path}
    folder: Path = options.output_path
    return {"zip": folder / f"{song.stem}_stems.zip"} if options.zip else name_files(options, song, stems, folder)


def name_files(options: argparse.Namespace, song: Path, stems: Sequence[str], folder: Path) -> dict[str, Path]:
    """Stem, or format of a project -> file in the folder."""
    if options.format == STEM_FORMAT:
        return {STEM_FORMAT: folder / f"{song.stem}{STEM_SUFFIX}"}
    suffix = "wav" if options.format == REAPER_FORMAT else options.format
    files = {stem: folder / f"{song.stem}_{stem}.{suffix}" for stem in stems}
    return files | ({REAPER_FORMAT: folder / f"{song.stem}.rpp"} if options.format == REAPER_FORMAT else {})


def write_for_studio(
    separator: Separator,
    models: Sequence[Path],
    song: Path,
    outputs: dict[str, Path],
    options: argparse.Namespace,
    progress: Progress,
) -> list[str]:
    """Separate a song into what :func:`name_outputs` named; lines on what was written.

    Raises as Separator.separate_to, and ConfigError for an analysis that was asked for and cannot be made.
    """
    lines = [f"{name}: {path}" for name, path in outputs.items()]
    if "zip" not in outputs:
        return lines + describe_analysis(_write_files(separator, song, outputs, options, progress))
    stems = separator.stems if options.stems in (None, ["all"]) else options.stems
    with _make_work_folder(outputs["zip"]) as folder:
        files = name_files(options, song, stems, folder)
        analysis = _write_files(separator, song, files, options, progress)
        settings = {name: getattr(options, name) for name in ("preset", "format", "bits", "strict_band", "tta")}
        more = {"analysis": analysis.to_dict()} if analysis else {}
        settings["device"] = separator.device.type
        made_by = dict(zip(models, separator.targets_by_model, strict=True))
        record = make_record(song, made_by, settings, files.values(), **more)
        write_archive(outputs["zip"], list(files.values()), record)
    return lines + describe_analysis(analysis)


def describe_analysis(analysis: "SongAnalysis | None") -> list[str]:
    """A line, where there is an analysis."""
    return [f"analysis: {analysis.describe()}"] if analysis else []


def find_analysis(options: argparse.Namespace, stems: Mapping[str, Path]) -> "SongAnalysis | None":
    """The analysis of written stems: where it is asked for, or belongs to the format and librosa is installed.

    Raises ConfigError where it is asked for and librosa is missing.
    """
    if not options.analyse and not (options.zip or options.format == REAPER_FORMAT):
        return None
    try:
        from separator.analysis.song import analyse_stems
    except ModuleNotFoundError as error:
        if not options.analyse:
            return None
        raise ConfigError(
            f"--analyse needs {error.name}, which is not installed: pip install librosa pyloudnorm, or leave it away."
        ) from error
    return analyse_stems(stems)


def _write_files(
    separator: Separator, song: Path, files: dict[str, Path], options: argparse.Namespace, progress: Progress
) -> "SongAnalysis | None":
    if options.format == STEM_FORMAT:
        return _write_stem_mp4(separator, song, files[STEM_FORMAT], options, progress)
    stems = {stem: path for stem, path in files.items() if stem != REAPER_FORMAT}
    separator.separate_to(song, stems, bits=options.bits, progress=progress)
    analysis = find_analysis(options, stems)
    if REAPER_FORMAT in files:
        write_song_project(files[REAPER_FORMAT], song, stems, analysis)
    return analysis


def _write_stem_mp4(
    separator: Separator, song: Path, path: Path, options: argparse.Namespace, progress: Progress
) -> "SongAnalysis | None":
    refuse_stems(separator.stems)
    with _make_work_folder(path) as folder:
        stems = {stem: folder / f"{stem}.wav" for stem in separator.stems}
        separator.separate_to(song, stems, bits=32, progress=progress)
        with warnings.catch_warnings(action="ignore"):  # of a damaged song the separation has warned
            mixture = convert(song, folder / "mixture.wav", bits=32)
        write_stem_mp4(path, mixture, stems, read_tags(song))
        return find_analysis(options, stems)


@contextmanager
def _make_work_folder(path: Path) -> Iterator[Path]:
    """A folder beside a file to come, removed at the end."""
    folder = make_part_path(path)
    try:
        folder.mkdir()
    except OSError as error:
        raise AudioError(f"Could not write {path}: {explain_os_error(error, path)}.") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
