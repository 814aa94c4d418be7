"""The lanes of the mixer: what they show of a song, and how one finds one's way in it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.mixer import COUNT_COLOURS, PLAYER, engine, separate
from tests.serving import write_clicks

pytestmark = pytest.mark.browser

STAGE = f"{PLAYER} .stage"
TEMPO = f"{PLAYER} .fact.tempo"


def shown(page: Any) -> tuple[float, float]:
    """First and last second in view."""
    stage = page.locator(STAGE)
    return float(stage.get_attribute("data-start")), float(stage.get_attribute("data-end"))


def zoom_in(page: Any, share: float) -> dict[str, float]:
    """Turn the wheel with ctrl held, at a share of the lanes' width; returns their box."""
    lanes = page.locator(f"{PLAYER} .lanes")
    lanes.scroll_into_view_if_needed()
    box: dict[str, float] = lanes.bounding_box()
    page.mouse.move(box["x"] + share * box["width"], box["y"] + 30)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    page.wait_for_function(f"document.querySelector('{STAGE}').dataset.start > 0")
    return box


def colours(page: Any) -> list[int]:
    """How many colours each lane has."""
    page.wait_for_selector(f"{STAGE}[data-busy=false]")
    return [lane.evaluate(COUNT_COLOURS) for lane in page.locator(f"{PLAYER} .lane canvas").all()]


@pytest.mark.parametrize("bpm", [120, 93.5])
def test_the_tempo_follows_while_the_song_plays(visit: Callable[..., Any], tmp_path: Path, bpm: float) -> None:
    page = visit()
    separate(page, write_clicks(tmp_path / "clicks.wav", bpm))
    page.evaluate(f"window.first = document.querySelector('{PLAYER}').player")
    page.locator(PLAYER).focus()
    page.keyboard.press("l")
    page.keyboard.press("Space")
    page.wait_for_selector(f"{TEMPO}:not([hidden])", timeout=120_000)
    assert float(page.locator(TEMPO).get_attribute("data-bpm")) == pytest.approx(bpm, abs=0.5)
    assert page.evaluate(f"window.first === document.querySelector('{PLAYER}').player")
    assert engine(page, "engine.playing")
    assert page.locator(f"{PLAYER} .loudness").first.inner_text().endswith("LUFS")
    page.locator(f"{PLAYER} .tempo-box .chips button").first.click()
    assert float(page.locator(TEMPO).get_attribute("data-bpm")) == pytest.approx(bpm / 2, abs=0.25)
    assert page.problems == []


def test_spectrograms_are_drawn_and_waveforms_come_back(visit: Callable[..., Any], song: Path) -> None:
    page = visit()
    separate(page, song)
    page.wait_for_selector(f"{PLAYER} .loudness >> text=LUFS")  # the beats, too, are there: they would add a colour
    wave = colours(page)
    page.locator(f"{PLAYER} [data-look=spectrogram]").click()
    page.wait_for_selector(f"{STAGE}[data-look=spectrogram][data-busy=false]")
    assert all(count > 50 for count in colours(page)[:2])
    assert page.locator(f"{PLAYER} .lane").nth(1).get_attribute("aria-label") == "Spectrogram of Vocals"
    zoom_in(page, 0.5)
    assert all(count > 50 for count in colours(page)[:2])
    page.locator(PLAYER).focus()
    for key in ("f", "v"):
        page.keyboard.press(key)
    page.wait_for_selector(f"{STAGE}[data-look=waveform]")
    assert colours(page) == wave
    assert page.problems == []


def test_a_zoom_keeps_the_time_under_the_pointer(visit: Callable[..., Any], song: Path) -> None:
    page = visit()
    separate(page, song)
    zoom_in(page, 0.75)
    first, last = shown(page)
    assert last - first < 4
    assert first + 0.75 * (last - first) == pytest.approx(4.5, abs=0.02)
    page.mouse.wheel(100, 0)
    page.wait_for_function(f"document.querySelector('{STAGE}').dataset.start > {first}")
    assert shown(page)[1] - shown(page)[0] == pytest.approx(last - first, abs=0.01)


def test_a_click_in_a_zoomed_lane_seeks_to_what_it_shows(visit: Callable[..., Any], song: Path) -> None:
    page = visit()
    separate(page, song)
    box = zoom_in(page, 0.5)
    first, last = shown(page)
    page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + 30)
    assert engine(page, "engine.position") == pytest.approx(first + 0.9 * (last - first), abs=0.02)
    page.keyboard.down("Alt")  # free of the bars, if their beats are there by now
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 35, steps=4)
    page.mouse.up()
    assert engine(page, "engine.loop.start") == pytest.approx(first + 0.2 * (last - first), abs=0.02)
    assert engine(page, "engine.loop.end") == pytest.approx(first + 0.6 * (last - first), abs=0.02)


def test_zoom_and_scroll_work_by_keyboard(visit: Callable[..., Any], song: Path) -> None:
    page = visit()
    separate(page, song)
    page.locator(PLAYER).focus()
    page.keyboard.press("+")
    page.keyboard.press("+")
    assert shown(page) == (0, pytest.approx(1.5, abs=0.01))
    page.keyboard.press("PageDown")
    assert shown(page)[0] == pytest.approx(1.2, abs=0.01)
    page.locator(f"{PLAYER} .scroller").focus()
    page.keyboard.press("ArrowRight")
    assert 1.2 < shown(page)[0] < 1.4
    page.keyboard.press("-")
    assert shown(page)[1] - shown(page)[0] == pytest.approx(3, abs=0.01)
    page.keyboard.press("f")
    assert shown(page) == (0, pytest.approx(6, abs=0.01))
    assert page.locator(f"{PLAYER} .scroller").is_disabled()


def test_a_zoomed_view_follows_the_song(visit: Callable[..., Any], song: Path) -> None:
    page = visit()
    separate(page, song)
    page.locator(PLAYER).focus()
    for _ in range(3):
        page.keyboard.press("+")
    page.keyboard.press("Space")
    page.wait_for_function(f"document.querySelector('{STAGE}').dataset.start > 1")
    first, last = shown(page)
    assert first <= engine(page, "engine.position") <= last + 0.2
