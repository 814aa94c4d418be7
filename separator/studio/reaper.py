"""Reaper projects: a text file that puts the stems on tracks, with tempo, markers and notes.

Reaper is free to read, and other programs convert its projects. Files are named relative to the project, so that the
folder can be moved. Format: https://github.com/ReaTeam/Doc/blob/master/State%20Chunk%20Definitions
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from separator.audio.reader import probe
from separator.audio.tags import read_tags
from separator.errors import AudioError
from separator.files import atomic_write, explain_os_error

if TYPE_CHECKING:
    from separator.analysis.song import SongAnalysis

REAPER_SUFFIX = ".rpp"
_SOURCES = {".wav": "WAVE", ".flac": "FLAC", ".mp3": "MP3", ".ogg": "VORBIS"}
_DEFAULT_BPM = 120.0


def write_reaper_project(
    path: Path,
    stems: Mapping[str, Path],
    *,
    tempo_bpm: float | None = None,
    markers: Sequence[tuple[float, str]] = (),
    notes: Sequence[str] = (),
) -> None:
    """Write a project with a track per stem.

    Args:
        stems: name -> file, best in the project's folder.
        tempo_bpm: of the whole song; None where it is not known, and Reaper's own default stands.
        markers: seconds from the start of the song, and a name each.
        notes: lines of the project's notes.

    Raises:
        AudioError: a stem cannot be read, or the project not written.
    """
    infos = {name: probe(file) for name, file in stems.items()}
    rate = next(iter(infos.values())).sample_rate
    lines = ['<REAPER_PROJECT 0.1 "6.0"']
    if notes:
        lines += ["  <NOTES 0 2", *(f"    |{' '.join(note.split())}" for note in notes), "  >"]
    lines += [f"  TEMPO {tempo_bpm or _DEFAULT_BPM:.4f} 4 4", f"  SAMPLERATE {rate} 0 0"]
    lines += [f"  MARKER {number} {at:.6f} {_quote(name)} 0" for number, (at, name) in enumerate(markers, 1)]
    for name, file in stems.items():
        lines += _format_track(name, _place(file, path.parent), infos[name].seconds, infos[name].channels)
    try:
        with atomic_write(path) as part:
            part.write_text("\n".join([*lines, ">", ""]), encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise AudioError(f"Could not write {path}: {explain_os_error(error, path)}.") from error


def write_song_project(path: Path, song: Path, stems: Mapping[str, Path], analysis: "SongAnalysis | None") -> None:
    """Write a project with the song's tempo, a marker at its first beat, and its tags and analysis as notes.

    Raises as :func:`write_reaper_project`.
    """
    notes = [f"{name.capitalize()}: {text}" for name, text in read_tags(song).describe().items()]
    notes += [analysis.describe()] if analysis else []
    tempo = analysis.tempo if analysis else None
    markers = [(tempo.beats[0], "first beat")] if tempo else []
    write_reaper_project(path, stems, tempo_bpm=tempo.bpm if tempo else None, markers=markers, notes=notes)


def _format_track(name: str, file: str, seconds: float, channels: int) -> list[str]:
    return [
        "  <TRACK",
        f"    NAME {_quote(name)}",
        "    VOLPAN 1 0 -1 -1 1",
        f"    NCHAN {max(2, channels + channels % 2)}",
        "    <ITEM",
        "      POSITION 0",
        f"      LENGTH {seconds:.9f}",
        "      LOOP 0",
        f"      NAME {_quote(name)}",
        f"      <SOURCE {_SOURCES[Path(file).suffix.lower()]}",
        f"        FILE {_quote(file)}",
        "      >",
        "    >",
        "  >",
    ]


def _place(file: Path, folder: Path) -> str:
    """The file as the project names it: relative where it lies in the project's folder or below."""
    file, folder = file.absolute(), folder.absolute()
    return file.relative_to(folder).as_posix() if file.is_relative_to(folder) else str(file)


def _quote(text: str) -> str:
    """A text as one word of a project: in the first kind of quotation mark that is not in it."""
    text = " ".join(text.splitlines())
    mark = next((mark for mark in "\"'`" if mark not in text), None)
    return f"{mark}{text}{mark}" if mark else f"`{text.replace('`', chr(39))}`"
