"""Reaper projects: every stem on a track from the start, files by relative name, any text as one word."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from torch import Tensor

from separator.audio import write
from separator.errors import AudioError
from separator.studio.reaper import write_reaper_project

WORD = re.compile(r"\"[^\"]*\"|'[^']*'|`[^`]*`|\S+")
RATE = 48000


def parse(lines: list[str]) -> list:
    """Lines of a project as nested lists: a chunk is a list whose first item is its own line."""
    stack: list[list] = [[]]
    for line in map(str.strip, lines):
        if line == ">":
            done = stack.pop()
            stack[-1].append(done)
            continue
        words = [word[1:-1] if word[0] in "\"'`" else word for word in WORD.findall(line)]
        if line.startswith("<"):
            stack.append([[words[0][1:], *words[1:]]])
        else:
            stack[-1].append(words)
    (top,) = stack
    (project,) = top
    return project


def chunks(parent: list, kind: str) -> list:
    return [item for item in parent if isinstance(item[0], list) and item[0][0] == kind]


def value(parent: list, name: str) -> list[str]:
    return next(item[1:] for item in parent if item[0] == name)


def test_a_project_has_a_track_per_stem(tmp_path: Path, noise: Callable[..., Tensor]) -> None:
    stems = {"vocals": tmp_path / '내 "song"_vocals.wav', "drums": tmp_path / "song_drums.flac"}
    for path in stems.values():
        write(path, noise(RATE * 2), RATE)
    markers = [(0.5, "first beat"), (1.25, 'it\'s "B"')]
    write_reaper_project(tmp_path / "song.rpp", stems, tempo_bpm=93.5, markers=markers, notes=["Key: A minor\nx"])
    project = parse((tmp_path / "song.rpp").read_text(encoding="utf-8").splitlines())
    assert project[0][0] == "REAPER_PROJECT"
    assert value(project, "TEMPO") == ["93.5000", "4", "4"]
    assert value(project, "SAMPLERATE")[0] == str(RATE)
    found = [(float(item[2]), item[3]) for item in project if item[0] == "MARKER"]
    assert found == markers
    assert chunks(project, "NOTES")[0][1] == ["|Key:", "A", "minor", "x"]
    tracks = chunks(project, "TRACK")
    assert [value(track, "NAME") for track in tracks] == [["vocals"], ["drums"]]
    for track, path, kind in zip(tracks, stems.values(), ("WAVE", "FLAC"), strict=True):
        (item,) = chunks(track, "ITEM")
        assert (float(*value(item, "POSITION")), float(*value(item, "LENGTH"))) == (0, 2)
        (source,) = chunks(item, "SOURCE")
        assert source[0][1] == kind
        assert tmp_path / value(source, "FILE")[0] == path


def test_without_a_tempo_reapers_own_stands(tmp_path: Path, noise: Callable[..., Tensor]) -> None:
    (tmp_path / "stems").mkdir()
    write(tmp_path / "v.wav", noise(RATE), RATE)
    write_reaper_project(tmp_path / "stems" / "song.rpp", {"vocals": tmp_path / "v.wav"})
    text = (tmp_path / "stems" / "song.rpp").read_text(encoding="utf-8")
    assert "TEMPO 120.0000 4 4" in text and "MARKER" not in text
    assert str(tmp_path / "v.wav") in text, "a file elsewhere has its whole path"
    with pytest.raises(AudioError, match=r"Could not write .*song.rpp"):
        write_reaper_project(tmp_path / "none" / "song.rpp", {"vocals": tmp_path / "v.wav"})
