"""A model in one HTML file that separates songs in any browser, offline: the network as ONNX, the runtime that runs it
and the scripts of ``assets/js/export``, which mirror ``separator.api``.

Bytes are in the page as base64 of gzip. Scripts are JSON, which the page turns into modules: a page opened from a file
may not import any. Everything from outside goes in as JSON without ``<``, so that nothing can close a script element.
"""

import base64
import gzip
import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

from separator.errors import SeparatorError
from separator.export.onnx import export_onnx, list_paths
from separator.files import atomic_write, explain_os_error
from separator.inference.onnx_model import SUFFIX, OnnxModel, read_onnx
from separator.shipped import shipped_folder
from separator.texts import read_texts

ASSETS = shipped_folder("assets")
RUNTIME = "vendor/onnxruntime-web"
FFT = "vendor/kissfft-wasm"
STRETCH = "vendor/signalsmith-stretch"
ENTRIES = (
    "js/export/main.js",
    "js/export/worker.js",
    "js/live/worklet.js",
    f"{RUNTIME}/ort.wasm.bundle.min.mjs",
    f"{FFT}/kissfft.js",
    "js/lanes/worker.js",
    "js/practice/stretch_worker.js",
    f"{STRETCH}/SignalsmithStretch.esm.js",
)
TEXT_SECTIONS = ("export", "player", "practice", "stream")
_IMPORT = re.compile(r'(\bfrom |^import )"(\.[^"]+)"', re.MULTILINE)
_BLANK = re.compile(r"\{\{(\w+)\}\}")


def export_html(
    model_path: Path | str | Sequence[Path | str],
    output: Path | str,
    *,
    name: str | None = None,
    live_delays: list[dict[str, float]] | None = None,
) -> Path:
    """Write the page of a checkpoint's model, of several as one, or of one that is ONNX already; of 17 MB for the
    shipped vocals.

    ``name`` is what the page calls the model: by default as its file, or as the folder of a run's best model.
    Raises CheckpointError, ConfigError and SeparatorError as :func:`export_onnx`.
    """
    paths, output = list_paths(model_path), Path(output)
    with tempfile.TemporaryDirectory() as folder:
        onnx = paths[0]
        if len(paths) > 1 or onnx.suffix != SUFFIX:
            onnx = export_onnx(paths, Path(folder) / "model.onnx", live_delays=live_delays)
        model = read_onnx(onnx)
        page = build_html(model, name or name_models(paths))
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(output) as part:
            part.write_text(page, encoding="utf-8")
    except OSError as error:
        raise SeparatorError(f"cannot write {output}: {explain_os_error(error, output)}") from error
    return output


def build_html(model: OnnxModel, name: str) -> str:
    """The page's text."""
    values = {
        "title": escape(name),
        "icon": base64.b64encode(_read("images/logo.svg")).decode(),
        "style": (_read("css/style.css") + _read("css/export.css")).decode(),
        "texts": _dump(read_texts(ASSETS / "languages" / f"{section}.json" for section in TEXT_SECTIONS)),
        "model": _dump(describe_model(model, name)),
        "modules": _dump(list(link_modules().items())),
        "onnx": _pack(model.content),
        "runtime": _pack(_read(f"{RUNTIME}/ort-wasm-simd-threaded.wasm")),
        "fft": _pack(_read(f"{FFT}/kissfft.wasm")),
    }
    return _BLANK.sub(lambda blank: values[blank[1]], _read("html/export.html").decode())


def describe_model(model: OnnxModel, name: str) -> dict[str, Any]:
    """What the page's scripts need of a model: ``ModelSettings`` in ``assets/js/types.d.ts``."""
    keys = ("stft", "targets", "stems", "segmentation", "fold", "training")
    written = {key: json.loads(model.metadata[key]) for key in keys}
    written["live_delays"] = json.loads(model.metadata.get("live_delays", "[]"))
    trained = str(written.pop("training").get("date", ""))[:10]
    return written | {
        "name": name,
        "input_channels": model.config.input_channels,
        "time_factor": model.config.time_factor,
        "state_shapes": [[1, *shape] for shape in model.state_shapes],
        "about": {key: fact for key, fact in (("terms", model.metadata["license"]), ("trained", trained)) if fact},
        "licences": dict(_read_licences()),
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


def name_models(paths: Sequence[Path]) -> str:
    """Each as its file, or as the folder of a run's best model."""
    return " + ".join(
        path.absolute().parent.name if path.stem in ("best_model", "last") else path.stem for path in paths
    )


def _read_licences() -> Iterator[tuple[str, str]]:
    for folder, name in ((RUNTIME, "ONNX Runtime Web"), (FFT, "KISS FFT"), (STRETCH, "Signalsmith Stretch")):
        yield name, _read(f"{folder}/LICENSE").decode()


def _read(path: str) -> bytes:
    return (ASSETS / path).read_bytes()


def _pack(data: bytes) -> str:
    return base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()


def _dump(value: Any) -> str:
    """JSON that is safe inside of a script element."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")
