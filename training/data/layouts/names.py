"""The words for stems, and what a file or folder is called that holds one."""

import re

from training.data.layouts.song import ACCOMPANIMENT, FOUR_STEMS

MIXTURE = "mixture"
OTHER_WORDS = {
    "mix": MIXTURE,
    "vocal": "vocals",
    "voice": "vocals",
    "instrumental": ACCOMPANIMENT,
    "no_vocals": ACCOMPANIMENT,
}
INSTRUMENTS = frozenset({"guitar", "piano", "keys", "strings", "synth", "percussion", "brass", "wind"})
STEM_WORDS = FOUR_STEMS | INSTRUMENTS | {MIXTURE, ACCOMPANIMENT, *OTHER_WORDS}
"""What is surely meant for a stem; any other name may be one, too."""


def stem_name(name: str) -> str:
    """The name that a stem, or the mixture, goes by in the program, given what a file, folder or column is called."""
    name = name.strip().lower()
    return OTHER_WORDS.get(name, name)


def find_stem_word(name: str) -> str | None:
    """The stem that a file's name, without suffix, ends in, as `song_vocals`, `song - drums` or `song (no_vocals)`."""
    words = [word for word in STEM_WORDS if re.search(rf"(?:^|[^a-z]){word}[)\]]?$", name.strip().lower())]
    return stem_name(max(words, key=len)) if words else None


def is_stem_word(name: str) -> bool:
    return name.strip().lower() in STEM_WORDS
