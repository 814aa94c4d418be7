"""The page's texts in five languages.

The strings live in ``ui/languages/<section>.json``, one file a tab, each key with its five translations side by side;
those of scripts that exported pages carry too, in ``assets/languages``.
``t(key)`` is for labels that the browser translates; ``translate(request, key)`` for sentences made on the server.
"""

import json
from pathlib import Path

import gradio as gr
from gradio.i18n import I18nData

from separator.shipped import shipped_folder
from separator.texts import read_texts

LANGUAGES = ("en", "ko", "ja", "zh", "es")
TEXTS_FOLDERS = (Path(__file__).parent / "languages", shipped_folder("assets") / "languages")


_FOUND = read_texts(path for folder in TEXTS_FOLDERS for path in sorted(folder.glob("*.json")))
TEXTS = {language: _FOUND[language] for language in LANGUAGES}
I18N = gr.I18n(**TEXTS)


def t(key: str) -> I18nData:
    """A label that the browser shows in its own language; raises KeyError when English has no such key."""
    if key not in TEXTS["en"]:
        raise KeyError(f"no text called {key!r} in languages/")
    return I18N(key)


def detect_language(request: gr.Request | None) -> str:
    """The first supported language of the visitor's Accept-Language header, or English."""
    header = request.headers.get("accept-language", "") if request is not None else ""
    for part in header.split(","):
        language = part.split(";")[0].strip().lower().split("-")[0]
        if language in TEXTS:
            return language
    return "en"


def translate(request: gr.Request | None, key: str, **values: object) -> str:
    """The sentence ``key`` in the visitor's language, with its ``{names}`` filled in."""
    return TEXTS[detect_language(request)][key].format(**values)


def dump_script_texts(prefixes: tuple[str, ...] = ("page", "player", "practice", "compare", "abx", "live")) -> str:
    """The texts that JavaScript needs, as JSON that is safe inside a ``<script>`` element."""
    wanted = {
        language: {key: text for key, text in texts.items() if key.split(".")[0] in prefixes}
        for language, texts in TEXTS.items()
    }
    return json.dumps(wanted, ensure_ascii=False).replace("</", "<\\/")
