"""General MIDI programmes, numbered from 0: which stem each belongs to, and which may stand in for which."""

import numpy as np

DRUM_CHANNEL = 9
"""Channel 10 as musicians count."""
BASSES = frozenset(range(32, 40))
PERCUSSION = frozenset({113, 115, 116, 117, 118, 119})
"""Agogo, woodblock, taiko, melodic tom, synth drum, reverse cymbal: a drummer's part in a mix."""
VOICES = frozenset({52, 53, 54, 85})
"""Choirs and the like; played by other instruments, because they would belong to the vocals stem."""
UNUSUAL = VOICES | {31, 47, 55}
"""Never stand in for another: voices, guitar harmonics, timpani, orchestra hit."""
FAMILY_SIZE = 8
FIRST_EFFECT = 112
"""From here on a family is no family: percussion, then sounds of birds and helicopters."""
KITS = (0, 8, 16, 24, 25, 32, 40)
"""Standard, room, power, electronic, TR-808, jazz and brush."""


def find_stem(channel: int, program: int) -> str:
    """The stem that a note of this channel, playing this programme, belongs to."""
    if channel == DRUM_CHANNEL or program in PERCUSSION:
        return "drums"
    return "bass" if program in BASSES else "other"


def draw_programs(rng: np.random.Generator, share: float) -> tuple[int, ...]:
    """What each of the 128 programmes is played by: ``share`` of them by another of its family."""
    return tuple(_draw_program(program, rng, share) for program in range(128))


def _draw_program(program: int, rng: np.random.Generator, share: float) -> int:
    first = program - program % FAMILY_SIZE
    family = [other for other in range(first, first + FAMILY_SIZE) if other not in UNUSUAL]
    drawn, is_swapped = int(rng.choice(family)), rng.uniform() < share
    is_fixed = program >= FIRST_EFFECT or program in UNUSUAL - VOICES
    return drawn if program in VOICES or (is_swapped and not is_fixed) else program
