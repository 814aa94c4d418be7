"""One slot for heavy work, shared by every tab, and the graphics card that a Hugging Face Space lends for a while."""

import os
from collections.abc import Callable
from typing import Any, TypeVar

# Separating and scoring take turns; status and stop handlers never stand in this queue.
HEAVY: dict[str, Any] = {"concurrency_id": "heavy", "concurrency_limit": 1}

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
