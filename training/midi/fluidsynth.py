"""Calls FluidSynth's command: a MIDI file and a soundfont in, samples out. No shell is involved."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from separator.errors import AudioError, ConfigError

FloatArray = NDArray[np.float32]
GAIN = "0.5"
SECONDS_PER_SECOND = 1.0
START_SECONDS = 60.0
"""A call may take this long, and ``SECONDS_PER_SECOND`` more for each second of music; 0.05 are usual."""
SOUNDFONT_HINT = (
    "on Debian and Ubuntu: sudo apt-get install fluid-soundfont-gm, "
    "then --soundfont /usr/share/sounds/sf2/FluidR3_GM.sf2"
)


def find_fluidsynth() -> str:
    """The path of FluidSynth's command.

    Raises:
        ConfigError: it is not installed.
    """
    command = shutil.which("fluidsynth")
    if command is None:
        raise ConfigError(
            "FluidSynth, which plays the MIDI files, is not installed; on Debian and Ubuntu: "
            "sudo apt-get install fluidsynth, on macOS: brew install fluid-synth"
        )
    return command


def check_soundfonts(paths: Sequence[Path]) -> None:
    """Refuse what cannot be a soundfont.

    Raises:
        ConfigError: none is given, or one is missing or something else.
    """
    if not paths:
        raise ConfigError(f"no soundfont given; {SOUNDFONT_HINT}")
    for path in paths:
        if not path.is_file():
            raise ConfigError(f"no soundfont at {path}; {SOUNDFONT_HINT}")
        with path.open("rb") as file:
            head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"sfbk":
            raise ConfigError(f"{path} is no soundfont; give a file of type .sf2 or .sf3")


def synthesise(
    midi_path: Path, soundfont: Path, sample_rate: int, seconds: float, settings: Mapping[str, float]
) -> FloatArray:
    """Play a MIDI file; returns samples (N, 2), which may exceed full scale.

    Args:
        seconds: about how long the music is; a call that takes far longer is stopped.
        settings: of FluidSynth, by name.

    Raises:
        AudioError: FluidSynth failed, or was stopped.
        ConfigError: FluidSynth is not installed.
    """
    with tempfile.TemporaryDirectory() as folder:
        wav_path = Path(folder) / "stem.wav"
        command = [find_fluidsynth(), "-f", os.devnull, "-n", "-i", "-q", "-g", GAIN, "-F", str(wav_path)]
        command += ["-r", str(sample_rate), "-T", "wav", "-O", "float", "-o", "synth.dynamic-sample-loading=1"]
        command += ["-o", "synth.default-soundfont="]  # else it stands in for one that cannot be loaded
        for name, value in settings.items():
            command += ["-o", f"{name}={value:.4f}"]
        most_seconds = START_SECONDS + SECONDS_PER_SECOND * seconds
        try:
            done = subprocess.run(
                [*command, str(soundfont.resolve()), str(midi_path.resolve())],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=most_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise AudioError(f"FluidSynth was stopped after {most_seconds:.0f} s without an end") from error
        if done.returncode or not wav_path.exists():
            reason = " ".join(done.stderr.split()[-20:])
            raise AudioError(f"FluidSynth ended with exit code {done.returncode} and no song: {reason}")
        samples, _ = soundfile.read(wav_path, dtype="float32", always_2d=True)
    return np.asarray(samples, dtype=np.float32)
