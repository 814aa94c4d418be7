"""What a visitor takes away of a separated song: stems in the chosen format, a file for another program, an archive."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from separator.audio import probe
from separator.audio.convert import convert
from separator.audio.tags import read_tags
from separator.studio.job_record import RECORD_NAME, format_record
from separator.studio.reaper import REAPER_SUFFIX, write_song_project
from separator.studio.stem_mp4 import STEM_SUFFIX, write_stem_mp4

if TYPE_CHECKING:
    from separator.analysis.song import SongAnalysis

LOSSLESS, LOSSY, STUDIO = (".wav", ".flac"), (".mp3", ".ogg"), (STEM_SUFFIX, REAPER_SUFFIX)
# What browsers decode without delay or loss; anything else is unpacked to FLAC before the player gets it.
PLAYABLE = {("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("FLAC", "PCM_16"), ("FLAC", "PCM_24")}


def make_playable(path: Path, lossless: Path) -> Path:
    """``path`` itself if every browser decodes it to the sample, else its copy made at ``lossless``."""
    info = probe(path)
    return path if (info.format, info.subtype) in PLAYABLE else convert(path, lossless)


def choose_stem_suffix(suffix: str) -> str:
    """The lossless format in which stems are written first, for the player."""
    return suffix if suffix in LOSSLESS else ".wav" if suffix in STUDIO else ".flac"


def convert_stem(path: Path, suffix: str) -> Path:
    """The stem in a lossy format; itself where it is wanted as it is, or for another program."""
    return convert(path, path.with_suffix(suffix)) if suffix in LOSSY else path


def write_project(
    suffix: str, title: str, song: Path, mixture: Path, stems: Mapping[str, Path], analysis: "SongAnalysis | None"
) -> Path | None:
    """The file for another program, beside the stems; None for a format that has none.

    ``song`` has the tags, ``analysis`` the tempo of a Reaper project. Raises AudioError where it cannot be written,
    ConfigError for stems that it has no room for.
    """
    path = next(iter(stems.values())).parent / f"{title}{suffix}"
    if suffix == STEM_SUFFIX:
        write_stem_mp4(path, mixture, stems, read_tags(song))
    elif suffix == REAPER_SUFFIX:
        write_song_project(path, song, stems, analysis)
    else:
        return None
    return path


def write_zip(archive: Path, folders: Sequence[tuple[str, Sequence[Path], Mapping[str, Any]]]) -> None:
    """Pack the files of each song into a folder of its name, with a job.json on how they were made.

    Raises OSError, and leaves nothing, where there is no room.
    """
    try:
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as bundle:  # audio hardly packs any smaller
            for name, files, record in folders:
                for path in files:
                    bundle.write(path, f"{name}/{path.name}")
                bundle.writestr(f"{name}/{RECORD_NAME}", format_record(record))
    except OSError:
        archive.unlink(missing_ok=True)
        raise
