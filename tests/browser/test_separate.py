"""Separate, as a visitor does it: drop, wait, listen, mute, save."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.browser.mixer import PLAYER, drop, engine, separate, wait_for
from tests.serving import write_song

pytestmark = pytest.mark.browser


def test_drop_separate_hear_mute_and_save(visit: Callable[..., Any], song: Path, tmp_path: Path) -> None:
    page = visit()
    separate(page, song)
    page.locator(f"{PLAYER} .play").click()
    wait_for(page, "engine.context?.currentTime > 0.3")
    first = engine(page, "engine.position")
    wait_for(page, "engine.peakDb() > -30")
    wait_for(page, f"engine.position > {first}")

    for button in page.locator(f"{PLAYER} .mute").all():
        button.click()
    wait_for(page, "engine.peakDb() < -100")
    page.locator(f"{PLAYER} .mute").first.click()
    wait_for(page, "engine.peakDb() > -100")

    with page.expect_download() as download:
        page.locator(f"{PLAYER} a.letter").nth(1).click()
    download.value.save_as(tmp_path / "vocals.wav")
    assert download.value.suggested_filename == "봄 노래 - vocals.wav"
    saved, rate = soundfile.read(tmp_path / "vocals.wav")
    assert rate == 22050 and saved.shape == (6 * 22050, 2)
    assert page.problems == []


def test_the_download_is_what_the_api_gives(visit: Callable[..., Any], url: str, song: Path, tmp_path: Path) -> None:
    page = visit()
    separate(page, song)
    with page.expect_download() as download:
        page.locator(f"{PLAYER} a.letter").nth(1).click()
    download.value.save_as(tmp_path / "page.wav")
    from gradio_client import Client, handle_file

    client = Client(url, verbose=False)
    by_api = client.predict(song=handle_file(song), models=["vocals.pth"], api_name="/separate")
    assert Path(by_api[0]).read_bytes() == (tmp_path / "page.wav").read_bytes()


def test_hearing_the_song_several_times_can_be_asked_for(
    visit: Callable[..., Any], url: str, song: Path, tmp_path: Path
) -> None:
    page = visit()
    page.locator("#tta input").check()
    page.wait_for_function("document.querySelector('#command textarea').value.includes('--tta')")
    separate(page, song)
    with page.expect_download() as download:
        page.locator(f"{PLAYER} a.letter").nth(1).click()
    download.value.save_as(tmp_path / "page.wav")
    from gradio_client import Client, handle_file

    client = Client(url, verbose=False)
    by_api = client.predict(song=handle_file(song), models=["vocals.pth"], tta=True, api_name="/separate")
    assert Path(by_api[0]).read_bytes() == (tmp_path / "page.wav").read_bytes()


def test_four_stems_are_one_choice_away(visit: Callable[..., Any], song: Path) -> None:
    page = visit()
    assert page.locator("#preset input:checked").get_attribute("value") == "2stems"
    assert page.locator("#models").count() == 0
    page.locator("#preset label").nth(1).click()
    page.wait_for_function("document.querySelector('#command textarea').value.includes('--preset 4stems')")
    separate(page, song)
    names = page.locator(f"{PLAYER} a.letter").evaluate_all("links => links.map(link => link.download)")
    assert [name.removeprefix("봄 노래 - ") for name in names[1:]] == [
        "vocals.wav", "drums.wav", "bass.wav", "other.wav",
    ]  # fmt: skip
    page.locator("#preset label").nth(2).click()
    page.wait_for_selector("#models", state="visible")
    assert page.problems == []


def test_null_test_and_export(visit: Callable[..., Any], song: Path, tmp_path: Path) -> None:
    page = visit()
    separate(page, song)
    page.locator(f"{PLAYER} [data-view=null]").click()
    page.wait_for_selector(f"{PLAYER} .null-note:has-text('dB')")
    level = float(page.locator(f"{PLAYER} .null-note").inner_text().split()[1])
    assert level > 60, "16-bit stems add up to the song but for their rounding"

    page.locator(f"{PLAYER} [data-view=mixture]").click()
    with page.expect_download() as download:
        page.locator(f"{PLAYER} .export").click()
    download.value.save_as(tmp_path / "mix.wav")
    mix, _ = soundfile.read(tmp_path / "mix.wav")
    original, _ = soundfile.read(song)
    np.testing.assert_allclose(mix, original, atol=1e-4)


def test_everything_works_by_keyboard(visit: Callable[..., Any], song: Path) -> None:
    page = visit()
    separate(page, song)
    page.locator(PLAYER).focus()
    for key, expression in (
        ("Space", "engine.playing"),
        ("1", "document.querySelector('#mixer .sori-player').player.chosen === 1"),
        ("m", "engine.tracks[1].mute"),
        ("s", "engine.tracks[1].solo"),
        ("ArrowUp", "engine.tracks[1].db === 1"),
        ("a", "engine.view === 'mixture'"),
        ("l", "engine.loop !== null"),
        ("Space", "!engine.playing"),
    ):
        page.keyboard.press(key)
        wait_for(page, expression)
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert engine(page, "engine.position") == pytest.approx(5, abs=0.2)


def test_dragging_repeats_a_region(visit: Callable[..., Any], song: Path) -> None:
    page = visit()
    separate(page, song)
    lanes = page.locator(f"{PLAYER} .lanes")
    lanes.scroll_into_view_if_needed()
    box = lanes.bounding_box()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 20)
    page.keyboard.down("Alt")  # free of the bars, if their beats are there by now
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 25, steps=4)
    page.mouse.up()
    page.keyboard.up("Alt")
    page.locator(f"{PLAYER} .play").click()
    page.wait_for_timeout(1500)
    assert 3.0 <= engine(page, "engine.position") <= 3.65
    assert engine(page, "engine.playing")


def test_a_bad_file_does_not_stop_the_queue(visit: Callable[..., Any], song: Path, tmp_path: Path) -> None:
    page = visit()
    bad = tmp_path / "not <i>music<i>.wav"
    bad.write_text("no music in here")
    separate(page, bad, song, write_song(tmp_path / "second.wav", seconds=1))
    assert page.locator("#separate-queue .state.failed").count() == 1
    assert page.locator("#separate-queue .state.done").count() == 2
    assert page.locator("#separate-queue i").count() == 0, "a file's name is text, never HTML"
    assert "Traceback" not in page.content()
    with page.expect_download() as download:
        page.locator("#zip").click()
    assert download.value.suggested_filename == "2 songs - stems.zip"


def test_cancel_ends_a_long_song_and_the_page_goes_on(visit: Callable[..., Any], song: Path, tmp_path: Path) -> None:
    page = visit()
    page.locator("#tta input").check()
    drop(page, write_song(tmp_path / "long.wav", seconds=1200, rate=8000))
    page.locator("#separate").click()
    page.wait_for_selector("#separate-queue .state.running", timeout=120_000)
    page.locator("#cancel").click()
    page.wait_for_selector("#separate-queue .state.cancelled")
    page.locator("#songs [aria-label='Clear']").first.click()
    page.locator("#tta input").uncheck()
    separate(page, song)
    assert page.problems == []
