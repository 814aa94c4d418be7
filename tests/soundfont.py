"""The smallest soundfont: one looped sine for programme 0 and the drums; FluidSynth takes it for all others too."""

import os
import shutil
import struct
from pathlib import Path

import mido
import numpy as np
import pytest

RATE = 22050
PERIOD = 50
"""Samples: 441 Hz, which is A4 but for 4 cents."""


def require_fluidsynth() -> None:
    """Skip the test where FluidSynth is missing, except where CI is set: there it fails."""
    if shutil.which("fluidsynth") is None:
        if os.environ.get("CI"):
            pytest.fail("fluidsynth is not installed: apt-get install fluidsynth")
        pytest.skip("fluidsynth is not installed")


def write_soundfont(path: Path) -> Path:
    """Write a soundfont of a sine of 441 Hz at half of full scale."""
    n = 20 * PERIOD
    sine = np.round(16000 * np.sin(2 * np.pi * np.arange(n + 46) / PERIOD)).astype("<i2")
    sine[n:] = 0
    presets = [("melody", 0, 0, 0), ("drums", 0, 128, 1), ("EOP", 0, 0, 2)]
    sample = ("sine", 0, n, PERIOD, n - PERIOD, RATE, 69, 0, 0, 1)
    tables = {
        "phdr": b"".join(struct.pack("<20s3H3I", name.encode(), *numbers, 0, 0, 0) for name, *numbers in presets),
        "pbag": struct.pack("<6H", 0, 0, 1, 0, 2, 0),
        "pmod": bytes(10),
        "pgen": struct.pack("<6H", 41, 0, 41, 0, 0, 0),  # the instrument of each preset
        "inst": struct.pack("<20sH20sH", b"sine", 0, b"EOI", 1),
        "ibag": struct.pack("<4H", 0, 0, 2, 0),
        "imod": bytes(10),
        "igen": struct.pack("<6H", 54, 1, 53, 0, 0, 0),  # looped; the sample
        "shdr": struct.pack("<20s5IBbHH", sample[0].encode(), *sample[1:]) + struct.pack("<20s26x", b"EOS"),
    }
    info = _chunk("ifil", struct.pack("<2H", 2, 1)) + _chunk("isng", b"EMU8000\0") + _chunk("INAM", b"tiny\0\0")
    lists = _chunk("LIST", b"INFO" + info) + _chunk("LIST", b"sdta" + _chunk("smpl", sine.tobytes()))
    lists += _chunk("LIST", b"pdta" + b"".join(_chunk(name, data) for name, data in tables.items()))
    path.write_bytes(_chunk("RIFF", b"sfbk" + lists))
    return path


def _chunk(name: str, data: bytes) -> bytes:
    return name.encode() + struct.pack("<I", len(data)) + data


def write_midi(path: Path, *parts: tuple[int, int, int], beats: int = 8) -> Path:
    """Write crotchets at 120 beats a minute: a part is (channel from 0, programme, pitch)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = mido.MidiFile(ticks_per_beat=96)
    for channel, program, pitch in parts:
        track = mido.MidiTrack([mido.Message("program_change", channel=channel, program=program)])
        for _ in range(beats):
            track.append(mido.Message("note_on", channel=channel, note=pitch, velocity=100))
            track.append(mido.Message("note_off", channel=channel, note=pitch, time=96))
        file.tracks.append(track)
    file.save(path)
    return path
