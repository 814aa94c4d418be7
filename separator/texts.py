"""Texts in several languages: JSON files of keys, each with its translations side by side."""

import json
from collections.abc import Iterable
from pathlib import Path


def read_texts(paths: Iterable[Path]) -> dict[str, dict[str, str]]:
    """Language -> ``section.key`` -> sentence; a file's name without suffix is the section."""
    texts: dict[str, dict[str, str]] = {}
    for path in paths:
        for key, translations in json.loads(path.read_text(encoding="utf-8")).items():
            for language, sentence in translations.items():
                texts.setdefault(language, {})[f"{path.stem}.{key}"] = sentence
    return texts
