"""The mixer of Separate as a visitor drives it, and what its engine holds."""

import time
from pathlib import Path
from typing import Any

PLAYER = "#mixer .sori-player"
READY = PLAYER + "[data-ready]"
COUNT_COLOURS = """canvas => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
}"""


def drop(page: Any, *songs: Path) -> None:
    page.locator("#songs input[type=file]").first.set_input_files([str(song) for song in songs])
    page.wait_for_selector("#separate-queue table")


def separate(page: Any, *songs: Path) -> None:
    drop(page, *songs)
    page.locator("#separate").click()
    page.wait_for_selector(READY, timeout=60_000)


def engine(page: Any, expression: str, player: str = PLAYER) -> Any:
    """Value of an expression about a player's ``engine``."""
    return page.evaluate(_about_engine(expression, player))


def wait_for(page: Any, expression: str, player: str = PLAYER) -> None:
    """Until an expression about a player's ``engine`` is true; also on pages that forbid to evaluate strings."""
    end = time.monotonic() + 30
    while not engine(page, expression, player):
        assert time.monotonic() < end, f"never: {expression}"
        page.wait_for_timeout(50)


def _about_engine(expression: str, player: str) -> str:
    return f"(() => {{ const {{ engine }} = document.querySelector('{player}').player; return {expression}; }})()"
