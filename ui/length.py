"""How long a sound may last that is brought to be scored."""

from pathlib import Path

import gradio as gr

from separator.audio import probe
from separator.errors import SeparatorError
from ui.texts import say


def refuse_long(sound: str | Path, max_minutes: float | None, request: gr.Request | None = None) -> None:
    """Raises gr.Error, in the visitor's language, for a sound that cannot be read or is longer than ``max_minutes``."""
    path = Path(sound)
    try:
        minutes = probe(path).seconds / 60
    except SeparatorError as error:
        raise gr.Error(str(error), print_exception=False) from error
    if max_minutes and minutes > max_minutes:
        sentence = say(request, "score.too_long", name=path.name, length=f"{minutes:.1f}", limit=round(max_minutes))
        raise gr.Error(sentence, print_exception=False)
