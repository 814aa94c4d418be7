"""The length limit of a public page."""

from pathlib import Path

import gradio as gr

from separator.audio import probe
from separator.errors import AudioError
from ui.i18n import translate


def check_length(sound: Path, seconds: float, max_minutes: float | None, request: gr.Request | None) -> str | None:
    """An error message in the visitor's language for a sound longer than ``max_minutes``; None for any other."""
    minutes = seconds / 60
    if not max_minutes or minutes <= max_minutes:
        return None
    return translate(request, "page.too_long", name=sound.name, length=f"{minutes:.1f}", limit=round(max_minutes))


def refuse_long(sound: str | Path, max_minutes: float | None, request: gr.Request | None = None) -> None:
    """Raises AudioError for a sound that cannot be read or is longer than ``max_minutes``."""
    path = Path(sound)
    sentence = check_length(path, probe(path).seconds, max_minutes, request)
    if sentence:
        raise AudioError(sentence)
