"""The graphics card that a Hugging Face Space lends for a while; everywhere else there is nothing to ask for."""

import os
from collections.abc import Callable
from typing import TypeVar

LOAN_SECONDS = 30
"""Asked for on top of the work itself: loading the model and moving it to the card."""
SPEED = 10.0
"""A cautious guess of how many times faster than real time a lent card separates."""

Result = TypeVar("Result")


def loan_seconds(song_seconds: float) -> int:
    """How long a song of this length needs the card, in seconds."""
    return round(LOAN_SECONDS + song_seconds / SPEED)


def on_gpu(work: Callable[[], Result], song_seconds: float) -> Result:
    """Call ``work`` while a Space's card is ours; anywhere else just call it."""
    if "SPACE_ID" not in os.environ:
        return work()
    import spaces  # only installed on a Space

    return spaces.GPU(duration=loan_seconds(song_seconds))(work)()
