"""Every sentence exists in every language, with the same blanks to fill in."""

import json
import re
from pathlib import Path

import gradio as gr
import pytest

from tests.serving import ROOT
from ui.i18n import LANGUAGES, TEXTS, TEXTS_FOLDERS, detect_language, dump_script_texts, t, translate

FILES = sorted(path for folder in TEXTS_FOLDERS for path in folder.glob("*.json"))
BLANK = re.compile(r"\{(\w+)\}")


class Visitor:
    """As much of a request as the texts look at."""

    def __init__(self, languages: str) -> None:
        self.headers = {"accept-language": languages}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_translation_is_missing(path: Path) -> None:
    for key, translations in json.loads(path.read_text(encoding="utf-8")).items():
        assert set(translations) == set(LANGUAGES), f"{path.stem}.{key}"
        assert all(sentence.strip() for sentence in translations.values()), f"{path.stem}.{key}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_have_the_same_blanks(language: str) -> None:
    for key, sentence in TEXTS[language].items():
        assert sorted(BLANK.findall(sentence)) == sorted(BLANK.findall(TEXTS["en"][key])), f"{key} in {language}"


def test_every_text_that_the_code_names_exists() -> None:
    sections = {path.stem for path in FILES}
    named = re.compile(rf'"((?:{"|".join(sections)})\.(?!(?:js|py|css)")[a-z_]+)"')
    sources = [*(ROOT / "ui").glob("*.py"), *(ROOT / "assets").rglob("*.js")]
    used = {(source.name, key) for source in sources for key in named.findall(source.read_text(encoding="utf-8"))}
    assert len(used) > 50
    assert {(name, key) for name, key in used if key not in TEXTS["en"]} == set()


@pytest.mark.parametrize(
    ("asked", "given"),
    [("ko-KR,ko;q=0.9,en;q=0.8", "ko"), ("zh-TW", "zh"), ("fr-FR,es;q=0.5", "es"), ("fr", "en"), ("", "en")],
)
def test_the_language_is_that_of_the_browser(asked: str, given: str) -> None:
    assert detect_language(Visitor(asked)) == given  # type: ignore[arg-type]
    assert translate(Visitor(asked), "separate.cancel") == TEXTS[given]["separate.cancel"]  # type: ignore[arg-type]


def test_unknown_key_is_refused() -> None:
    with pytest.raises(KeyError, match="no text called"):
        t("separate.nonsense")


def test_scripts_cannot_be_closed_by_a_text() -> None:
    assert "</" not in dump_script_texts()
    assert isinstance(gr.I18n(**TEXTS).translations_dict, dict)
