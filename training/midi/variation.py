"""What differs from song to song besides the notes, drawn by lot: players, instruments, room and levels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.midi.programs import KITS, draw_programs

SWAPPED_SHARE = 0.6
"""Programmes that another of their family plays, and songs whose drum kit is another."""
SWUNG_SHARE = 0.5
MOST_SWING = 0.08
"""Of a beat: off-beats come this much later at most; a third of a beat would be triplets at 0.17."""
STRETCH = (0.9, 1.1)
TUNING_CENTS = 40.0
LEVELS_DBFS = {"drums": (-26.0, -18.0), "bass": (-27.0, -19.0), "other": (-26.0, -18.0)}
"""RMS of a stem while it plays."""
REVERB_SENDS = {"drums": (0, 50), "bass": (0, 20), "other": (10, 90)}
"""MIDI controller 91, 0 to 127."""
CHORUS_SENDS = {"drums": (0, 1), "bass": (0, 20), "other": (0, 50)}


@dataclass(frozen=True)
class Variation:
    """One song's choices."""

    soundfont: Path
    programs: tuple[int, ...]
    """What plays instead of each of the 128 programmes."""
    kit: int | None
    """The drum kit; None keeps the file's."""
    stretch: float
    """Durations are multiplied by this."""
    swing: float
    """How much later an off-beat comes, in beats."""
    tuning_cents: float
    levels_dbfs: dict[str, float]
    reverb_sends: dict[str, int]
    chorus_sends: dict[str, int]
    room: dict[str, float]
    """FluidSynth's settings of its reverb."""


def draw_variation(rng: np.random.Generator, soundfonts: Sequence[Path]) -> Variation:
    """Draw all of a song's choices; the same for the same generator state."""

    def draw_sends(ranges: dict[str, tuple[int, int]]) -> dict[str, int]:
        return {stem: int(rng.integers(low, high)) for stem, (low, high) in ranges.items()}

    return Variation(
        soundfont=soundfonts[int(rng.integers(len(soundfonts)))],
        programs=draw_programs(rng, SWAPPED_SHARE),
        kit=int(rng.choice(KITS)) if rng.uniform() < SWAPPED_SHARE else None,
        stretch=float(rng.uniform(*STRETCH)),
        swing=float(rng.uniform(0, MOST_SWING)) if rng.uniform() < SWUNG_SHARE else 0.0,
        tuning_cents=float(rng.uniform(-TUNING_CENTS, TUNING_CENTS)),
        levels_dbfs={stem: float(rng.uniform(*levels)) for stem, levels in LEVELS_DBFS.items()},
        reverb_sends=draw_sends(REVERB_SENDS),
        chorus_sends=draw_sends(CHORUS_SENDS),
        room={
            "synth.reverb.room-size": float(rng.uniform(0.1, 0.9)),
            "synth.reverb.damp": float(rng.uniform(0.0, 0.6)),
            "synth.reverb.width": float(rng.uniform(0.2, 1.0)),
            "synth.reverb.level": float(rng.uniform(0.2, 0.9)),
        },
    )
