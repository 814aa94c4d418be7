"""A model in one HTML file that separates songs in any browser, offline: the network as ONNX, the runtime that runs it
and the scripts of ``assets/js/export``, which mirror ``separator.api``.

Bytes are in the page as base64 of gzip. Scripts are JSON, which the page turns into modules: a page opened from a file
may not import any. Everything from outside goes in as JSON without ``<``, so that nothing can close a script element.
"""

import base64
import gzip
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

from separator.files import atomic_write
from separator.inference.overlap_add import Segmentation
from separator.model.crnn import CRNN
from separator.shipped import shipped_folder

ASSETS = shipped_folder("assets")
RUNTIME = "vendor/onnxruntime-web"
FFT = "vendor/kissfft-wasm"
ENTRIES = ("js/export/main.js", "js/export/worker.js", f"{RUNTIME}/ort.wasm.bundle.min.mjs", f"{FFT}/kissfft.js")
TEXT_SECTIONS = ("export", "player")
_IMPORT = re.compile(r'(\bfrom |^import )"(\.[^"]+)"', re.MULTILINE)
_BLANK = re.compile(r"\{\{(\w+)\}\}")


def write_html(
    path: str | Path, onnx: bytes, model: CRNN, stems: tuple[str, ...], name: str, about: Mapping[str, str] | None = None
) -> None:
    """Write the page of a model. Raises OSError.

    Args:
        onnx: the same model, with the inputs and outputs of ``separator.export.onnx``.
        stems: the model's targets, then what they leave over.
        about: facts that the page shows, such as the model's licence.
    """
    with atomic_write(path) as part:
        part.write_text(build_html(onnx, model, stems, name, about or {}), encoding="utf-8")


def build_html(onnx: bytes, model: CRNN, stems: tuple[str, ...], name: str, about: Mapping[str, str]) -> str:
    """The page's text, of 17 MB for the shipped models."""
    settings = describe_model(model, stems, name) | {"about": list(about.items()), "licences": list(_read_licences())}
    values = {
        "title": escape(name),
        "icon": base64.b64encode(_read("images/logo.svg")).decode(),
        "style": (_read("css/style.css") + _read("css/export.css")).decode(),
        "texts": _dump(read_texts()),
        "model": _dump(settings),
        "modules": _dump(list(link_modules().items())),
        "onnx": _pack(onnx),
        "runtime": _pack(_read(f"{RUNTIME}/ort-wasm-simd-threaded.wasm")),
        "fft": _pack(_read(f"{FFT}/kissfft.wasm")),
    }
    return _BLANK.sub(lambda blank: values[blank[1]], _read("html/export.html").decode())


def describe_model(model: CRNN, stems: tuple[str, ...], name: str) -> dict[str, Any]:
    """What the page's scripts need of a model: ``ModelSettings`` in ``assets/js/types.d.ts``."""
    config = model.config
    return {
        "name": name,
        "stft": config.stft.to_dict(),
        "targets": list(config.targets),
        "stems": list(stems),
        "input_channels": config.input_channels,
        "time_factor": config.time_factor,
        "state_shapes": [list(state.shape) for state in model.empty_state()],
        "segmentation": asdict(Segmentation.for_model(config)),
    }


def link_modules() -> dict[str, str]:
    """Path below ``assets`` -> source of every module, each after those that it imports, by names that begin with
    ``sori:``, which the page replaces."""
    linked: dict[str, str] = {}

    def add(path: str) -> None:
        if path in linked:
            return
        folder = (ASSETS / path).parent

        def link(found: re.Match[str]) -> str:
            imported = (folder / found[2]).resolve().relative_to(ASSETS.resolve()).as_posix()
            add(imported)
            return f'{found[1]}"sori:{imported}"'

        source = _IMPORT.sub(link, _read(path).decode())
        linked[path] = source

    for entry in ENTRIES:
        add(entry)
    return linked


def read_texts() -> dict[str, dict[str, str]]:
    """Language -> ``section.key`` -> sentence, of what the page shows."""
    texts: dict[str, dict[str, str]] = {}
    for section in TEXT_SECTIONS:
        for key, translations in json.loads(_read(f"languages/{section}.json")).items():
            for language, sentence in translations.items():
                texts.setdefault(language, {})[f"{section}.{key}"] = sentence
    return texts


def _read_licences() -> Iterator[tuple[str, str]]:
    for folder, name in ((RUNTIME, "ONNX Runtime Web"), (FFT, "KISS FFT")):
        yield name, _read(f"{folder}/LICENSE").decode()


def _read(path: str) -> bytes:
    return (ASSETS / path).read_bytes()


def _pack(data: bytes) -> str:
    return base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()


def _dump(value: Any) -> str:
    """JSON that is safe inside of a script element."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")
