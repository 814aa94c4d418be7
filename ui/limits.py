"""How long a sound may last that is brought to a public page."""

from pathlib import Path

import gradio as gr

from separator.audio.reader import probe
from separator.errors import AudioError
from ui.i18n import say


def too_long(sound: Path, seconds: float, max_minutes: float | None, request: gr.Request | None) -> str | None:
    """What is said of a sound that is longer than ``max_minutes``, in the visitor's language; None of any other."""
    minutes = seconds / 60
    if not max_minutes or minutes <= max_minutes:
        return None
    return say(request, "page.too_long", name=sound.name, length=f"{minutes:.1f}", limit=round(max_minutes))


def refuse_long(sound: str | Path, max_minutes: float | None, request: gr.Request | None = None) -> None:
    """Raises AudioError for a sound that cannot be read or is longer than ``max_minutes``."""
    path = Path(sound)
    sentence = too_long(path, probe(path).seconds, max_minutes, request)
    if sentence:
        raise AudioError(sentence)
