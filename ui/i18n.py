"""Every word the page shows, in five languages, and the two ways to say it.

The strings live in ``ui/languages/<section>.json``, one file a tab, each key with its five translations side by side.
``t(key)`` is for labels that the browser translates; ``say(request, key)`` for sentences made on the server.
"""

import json
from pathlib import Path

import gradio as gr
from gradio.i18n import I18nData

LANGUAGES = ("en", "ko", "ja", "zh", "es")
FOLDER = Path(__file__).parent / "languages"


def load_texts(folder: Path = FOLDER) -> dict[str, dict[str, str]]:
    """Language -> ``section.key`` -> sentence, read from every JSON file in ``folder``."""
    texts: dict[str, dict[str, str]] = {language: {} for language in LANGUAGES}
    for path in sorted(folder.glob("*.json")):
        section = json.loads(path.read_text(encoding="utf-8"))
        for key, translations in section.items():
            for language, sentence in translations.items():
                texts[language][f"{path.stem}.{key}"] = sentence
    return texts


TEXTS = load_texts()
I18N = gr.I18n(**TEXTS)


def t(key: str) -> I18nData:
    """A label that the browser shows in its own language; raises KeyError when English has no such key."""
    if key not in TEXTS["en"]:
        raise KeyError(f"no text called {key!r} in {FOLDER.name}/")
    return I18N(key)


def language_of(request: gr.Request | None) -> str:
    """The first of our languages that the visitor's browser asks for, or English."""
    header = request.headers.get("accept-language", "") if request is not None else ""
    for part in header.split(","):
        language = part.split(";")[0].strip().lower().split("-")[0]
        if language in TEXTS:
            return language
    return "en"


def say(request: gr.Request | None, key: str, **values: object) -> str:
    """The sentence ``key`` in the visitor's language, with its ``{names}`` filled in."""
    return TEXTS[language_of(request)][key].format(**values)


def script_texts(prefixes: tuple[str, ...] = ("page", "player", "compare", "abx", "live")) -> str:
    """The texts that JavaScript needs, as JSON that is safe inside a ``<script>`` element."""
    wanted = {
        language: {key: text for key, text in texts.items() if key.split(".")[0] in prefixes}
        for language, texts in TEXTS.items()
    }
    return json.dumps(wanted, ensure_ascii=False).replace("</", "<\\/")
