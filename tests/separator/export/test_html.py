"""An exported page is one file that needs nothing else, and nothing that it carries can break out of its place."""

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from separator.errors import SeparatorError
from separator.export import export_html, export_onnx
from separator.export.html import ASSETS, TEXT_SECTIONS, link_modules
from separator.model import CRNN, save_checkpoint
from separator.texts import read_texts

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
EVIL = '</script><script>alert("1")</script>{{onnx}}'


def read_element(page: str, name: str) -> str:
    (text,) = re.findall(rf'<script type="[a-z/]+" id="sori-{name}">(.*?)</script>', page, re.DOTALL)
    return text


def read_settings(page: str) -> dict[str, Any]:
    return json.loads(read_element(page, "model"))


@pytest.mark.slow
def test_page_carries_the_model_and_what_runs_it(tiny_checkpoint: Path, tmp_path: Path) -> None:
    page = export_html(tiny_checkpoint, tmp_path / "new" / "page.html").read_text(encoding="utf-8")
    settings = read_settings(page)
    assert (settings["name"], settings["stems"]) == ("vocals", ["vocals", "accompaniment"])
    assert set(settings["licences"]) == {"ONNX Runtime Web", "KISS FFT", "Signalsmith Stretch"}
    unpacked = [gzip.decompress(base64.b64decode(read_element(page, name))) for name in ("runtime", "fft", "onnx")]
    assert [data[:4] for data in unpacked[:2]] == [b"\0asm", b"\0asm"]
    assert unpacked[2] == export_onnx(tiny_checkpoint, tmp_path / "model.onnx").read_bytes()


@pytest.mark.slow
def test_page_shows_what_delays_cost_where_that_was_measured(tiny_checkpoint: Path, tmp_path: Path) -> None:
    prices = [{"delay_seconds": 2.0, "sdr_db": 5.0, "change_db": -0.2}]
    for name, given, shown in (("none", None, []), ("some", prices, prices)):
        page = export_html(tiny_checkpoint, tmp_path / f"{name}.html", live_delays=given)
        assert read_settings(page.read_text(encoding="utf-8"))["live_delays"] == shown


@pytest.mark.slow
def test_onnx_file_gives_the_same_page(tiny_checkpoint: Path, tmp_path: Path) -> None:
    onnx = export_onnx(tiny_checkpoint, tmp_path / "vocals.onnx")
    pages = [export_html(path, tmp_path / f"{i}.html") for i, path in enumerate((tiny_checkpoint, onnx))]
    assert pages[0].read_bytes() == pages[1].read_bytes()


@pytest.mark.slow
def test_names_and_records_cannot_break_the_page(tiny_model: CRNN, tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    save_checkpoint(path, tiny_model, {"terms": EVIL, "date": "2026-11-23T10:00:00"})
    page = export_html(path, tmp_path / "page.html", name=EVIL).read_text(encoding="utf-8")
    settings = read_settings(page)
    assert (settings["name"], settings["about"]) == (EVIL, {"terms": EVIL, "trained": "2026-11-23"})
    assert EVIL not in page and "<title>&lt;/script&gt;" in page


@pytest.mark.slow
def test_a_runs_best_model_is_called_as_its_folder(tiny_model: CRNN, tmp_path: Path) -> None:
    (tmp_path / "my run").mkdir()
    save_checkpoint(tmp_path / "my run" / "best_model.pth", tiny_model, {})
    page = export_html(tmp_path / "my run" / "best_model.pth", tmp_path / "page.html")
    assert read_settings(page.read_text(encoding="utf-8"))["name"] == "my run"


def test_page_asks_nothing_of_the_network() -> None:
    """Its own rules forbid it, and its scripts have no address of another place to ask."""
    page = (Path(__file__).parents[3] / "assets" / "html" / "export.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page and "connect-src blob: data:;" in page
    ours = {path: source for path, source in link_modules().items() if path.startswith("js/")}
    assert not [path for path, source in ours.items() if re.search(r"https?://(?!www\.w3\.org/)", source)]


def test_modules_come_after_those_that_they_import() -> None:
    done: set[str] = set()
    for path, source in link_modules().items():
        assert set(re.findall(r'(?:from |^import )"sori:([^"]+)"', source, re.MULTILINE)) <= done, path
        assert not re.search(r'(from|import) "\.', source), path
        done.add(path)
    assert "js/player/mixer.js" in done and "js/player/compare.js" not in done


def test_texts_are_those_of_the_sections_in_five_languages() -> None:
    texts = read_texts(ASSETS / "languages" / f"{section}.json" for section in TEXT_SECTIONS)
    assert set(texts) == {"en", "ko", "ja", "zh", "es"}
    assert {key.split(".")[0] for key in texts["ko"]} == set(TEXT_SECTIONS)


@pytest.mark.slow
def test_page_that_cannot_be_written_is_a_sentence(tiny_checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "page.html").mkdir()
    (tmp_path / "page.html" / "file").touch()
    with pytest.raises(SeparatorError, match="cannot write"):
        export_html(tiny_checkpoint, tmp_path / "page.html")
