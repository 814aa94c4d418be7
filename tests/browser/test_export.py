"""An exported page, as its listener uses it: opened from a file, without a network."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch

from separator.api import Separator
from separator.audio import read
from separator.model import load_model
from tests.browser.mixer import COUNT_COLOURS, wait_for
from tests.serving import ROOT, write_song

pytestmark = pytest.mark.browser

READY = ".sori-player[data-ready]"
WORDS = json.loads((ROOT / "assets" / "languages" / "export.json").read_text(encoding="utf-8"))


def separate(page: Any, song: Path) -> None:
    page.locator("input[type=file]").set_input_files(song)
    page.wait_for_selector(READY, timeout=60_000)


def download(page: Any, index: int, folder: Path) -> Path:
    with page.expect_download() as started:
        page.locator(f"{READY} a.letter").nth(index).click()
    path = folder / started.value.suggested_filename
    started.value.save_as(path)
    return path


@pytest.mark.parametrize(("rate", "channels"), [(44100, 2), (48000, 1), (8000, 2)])
def test_downloads_are_the_stems_of_separator(
    open_file: Callable[..., Any], checkpoint: Path, tmp_path: Path, rate: int, channels: int
) -> None:
    song = write_song(tmp_path / "봄 노래.wav", seconds=3, rate=rate)
    if channels == 1:
        soundfile.write(song, soundfile.read(song)[0][:, 0], rate)
    page = open_file()
    separate(page, song)
    waveform, _ = read(song)
    reference = Separator([load_model(checkpoint)], "cpu").separate(waveform, rate)
    for index, (name, expected) in enumerate(reference.items(), start=1):
        path = download(page, index, tmp_path)
        stem, stem_rate = read(path)
        assert (path.name, stem_rate, stem.shape) == (f"봄 노래_{name}.wav", rate, expected.shape)
        difference = 10 * torch.log10((stem - expected).square().sum() / expected.square().sum())
        assert difference < -60
    assert page.problems == []


def test_stems_play_in_the_mixer(open_file: Callable[..., Any], song: Path) -> None:
    page = open_file()
    separate(page, song)
    page.locator(READY).focus()
    page.keyboard.press(" ")
    wait_for(page, "engine.peakDb() > -40", READY)
    assert page.locator(f"{READY} .title").count() == 4
    assert page.problems == []


def test_tempo_and_pitch_change_without_a_server(open_file: Callable[..., Any], song: Path, tmp_path: Path) -> None:
    page = open_file(width=390)
    separate(page, song)
    page.locator(f"{READY} .practice summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator(f"{READY} .practice input[type=range]").first.fill("50")
    wait_for(page, "engine.tempo === 0.5", READY)
    with page.expect_download() as started:
        page.locator(f"{READY} .export").click()
    started.value.save_as(tmp_path / "slow.wav")
    assert soundfile.info(tmp_path / "slow.wav").duration == pytest.approx(12, abs=0.02)
    assert page.problems == []


def test_spectrograms_are_drawn_offline_too(open_file: Callable[..., Any], song: Path) -> None:
    page = open_file()
    separate(page, song)
    page.locator(f"{READY} [data-look=spectrogram]").click()
    page.wait_for_selector(f"{READY} [data-look=spectrogram][data-busy=false]")
    assert all(lane.evaluate(COUNT_COLOURS) > 50 for lane in page.locator(f"{READY} .lane canvas").all()[:2])
    assert page.locator(f"{READY} .tempo-box .chips").is_hidden(), "no tempo is found without librosa"
    assert page.problems == []


def test_file_without_audio_is_a_sentence(open_file: Callable[..., Any], song: Path, tmp_path: Path) -> None:
    (tmp_path / "notes <b>.wav").write_text("no audio at all")
    page = open_file()
    page.locator("input[type=file]").set_input_files(tmp_path / "notes <b>.wav")
    page.get_by_text(WORDS["no_audio"]["en"].format(name="notes <b>.wav")).wait_for()
    separate(page, song)  # the next song is separated all the same
    assert page.problems == []


def test_song_is_dropped_anywhere(open_file: Callable[..., Any], song: Path) -> None:
    page = open_file()
    page.evaluate(
        """(bytes) => {
          const data = new DataTransfer();
          data.items.add(new File([Uint8Array.from(bytes)], "dropped.wav"));
          document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }""",
        list(song.read_bytes()),
    )
    page.wait_for_selector(READY, timeout=60_000)
    assert page.locator("[role=status]").first.inner_text().startswith("dropped.wav")


def test_stopped_song_leaves_room_for_the_next(open_file: Callable[..., Any], song: Path, tmp_path: Path) -> None:
    page = open_file()
    page.locator("input[type=file]").set_input_files(write_song(tmp_path / "long.wav", seconds=240))
    page.get_by_role("button", name=WORDS["stop"]["en"]).click()
    page.get_by_text(WORDS["stopped"]["en"], exact=True).wait_for()
    separate(page, song)
    assert page.problems == []


@pytest.mark.parametrize(("language", "locale"), [("ko", "ko-KR"), ("ja", "ja-JP"), ("zh", "zh-CN"), ("es", "es-ES")])
def test_page_is_in_the_listeners_language(open_file: Callable[..., Any], language: str, locale: str) -> None:
    page = open_file(locale=locale, width=390)
    page.get_by_text(WORDS["privacy"][language]).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("combobox").select_option("en")
    page.get_by_text(WORDS["privacy"]["en"]).wait_for()


@pytest.mark.parametrize("missing", ["WebAssembly", "DecompressionStream", "Worker"])
def test_browser_that_lacks_something_gets_a_sentence(open_file: Callable[..., Any], missing: str) -> None:
    page = open_file(setup=f"delete window.{missing};")
    page.get_by_text(WORDS["too_old"]["en"]).wait_for()


def test_page_needs_no_shared_memory(open_file: Callable[..., Any], song: Path) -> None:
    page = open_file()
    assert page.evaluate("typeof SharedArrayBuffer") == "undefined"
    separate(page, song)


@pytest.mark.parametrize("dark", [False, True])
def test_page_is_accessible(open_file: Callable[..., Any], song: Path, axe: str, dark: bool) -> None:
    page = open_file(dark=dark)
    separate(page, song)
    page.locator(f"{READY} .practice summary").click()
    page.evaluate(axe)
    found = page.evaluate("axe.run().then((r) => r.violations.map((v) => [v.id, v.nodes.map((n) => n.html)]))")
    assert found == []


def test_workers_import_what_webkit_lets_them_from_a_file(open_file: Callable[..., Any]) -> None:
    setup = """window.blobs = []; const make = URL.createObjectURL;
    URL.createObjectURL = (blob) => { blobs.push(blob); return make.call(URL, blob); };"""
    page = open_file(setup=setup)
    page.wait_for_selector(".drop")
    scripts = page.evaluate("Promise.all(blobs.map((blob) => blob.text()))")
    workers = [script for script in scripts if script.startswith("const urls = {")]
    assert workers and all("import(urls" in script and "blob:" not in script.split("\n")[0] for script in workers)
