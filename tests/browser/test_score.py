"""Score, as a visitor does it: the demo song, a click on a second, the blind test."""

from collections.abc import Callable
from functools import partial
from math import comb
from pathlib import Path
from typing import Any

import pytest

from tests.browser import mixer

pytestmark = pytest.mark.browser

PLAYER = "#comparison .sori-player"
engine = partial(mixer.engine, player=PLAYER)


def open_score(page: Any) -> None:
    """Gradio builds a tab when it is first opened, and its buttons answer a moment later."""
    page.get_by_role("tab").last.click()
    page.wait_for_selector("#comparison .player-note")
    page.wait_for_timeout(1500)


def score_demo(page: Any, demo_song: Path) -> None:
    """The demo's vocals against its mixture and its other instruments, as estimates A and B."""
    open_score(page)
    for field, stem in (("reference", "vocals"), ("mixture", "mixture"), ("a", "mixture"), ("b", "other")):
        page.locator(f"#score-{field} input[type=file]").first.set_input_files(str(demo_song / f"{stem}.flac"))
        page.wait_for_selector(f"#score-{field} .file-preview")
    page.locator("#score").click()
    page.wait_for_selector(f"{PLAYER}[data-ready]", timeout=60_000)


def test_report_then_a_click_on_a_second_then_abx(visit: Callable[..., Any], demo_song: Path) -> None:
    page = visit()
    score_demo(page, demo_song)
    cards = page.locator(".score-card")
    assert cards.count() == 2
    assert "dB" in cards.first.inner_text()
    assert "50 test songs" in page.locator("#score-report").inner_text()

    strip = page.locator(f"{PLAYER} .strip").first
    strip.scroll_into_view_if_needed()
    width = strip.bounding_box()["width"]
    duration = engine(page, "engine.duration")
    strip.click(position={"x": 9.5 / duration * width, "y": 20})
    page.wait_for_timeout(1600)
    assert engine(page, "engine.loop") == {"start": 9, "end": 10}
    assert 9 <= engine(page, "engine.position") <= 10
    for key, index in (("1", 0), ("3", 2), ("4", 3)):  # the same second of the reference, of B, of A's error
        page.locator(PLAYER).focus()
        page.keyboard.press(key)
        assert engine(page, "engine.view") == index
        assert 9 <= engine(page, "engine.position") <= 10

    right = blind_test(page)
    verdict = page.locator(".abx-verdict").inner_text()
    chance = sum(comb(8, k) for k in range(right, 9)) / 2**8
    assert f"{right} of 8 right" in verdict
    assert f"p = {chance:.3f}" in verdict
    assert page.problems == []


def blind_test(page: Any) -> int:
    """Answer A in all of 8 trials; returns how often that was right."""
    page.locator(".abx select").select_option("8")
    page.locator(".abx-start").click()
    right = 0
    for _ in range(8):
        assert page.locator(f"{PLAYER} .head.chosen").count() == 0, "nothing may tell which track X is"
        page.locator("[data-hear=X]").click()
        right += engine(page, "engine.view") == 1
        page.locator("[data-answer=A]").click()
    return right


def test_equal_loudness_is_said_and_can_be_switched_off(visit: Callable[..., Any], demo_song: Path) -> None:
    page = visit()
    score_demo(page, demo_song)
    remark = page.locator(f"{PLAYER} .head.pick .remark").first.inner_text()
    decibels = float(remark.split()[0])
    gain = "engine.gainOf(engine.tracks[1])"
    assert engine(page, gain) == pytest.approx(10 ** (decibels / 20), rel=1e-6)
    page.get_by_role("button", name="Equal loudness").click()
    assert engine(page, gain) == 1


def test_all_stems_of_a_song_are_a_row_each(visit: Callable[..., Any], demo_song: Path) -> None:
    page = visit(width=390)
    open_score(page)
    stems = [str(demo_song / f"{stem}.flac") for stem in ("vocals", "drums", "bass", "other", "mixture")]
    for field, files in (("reference", stems), ("a", stems[:4])):
        page.locator(f"#score-{field} input[type=file]").first.set_input_files(files)
        page.wait_for_selector(f"#score-{field} .file-preview")
    page.locator("#score").click()
    page.wait_for_selector("#score-report table", timeout=60_000)
    rows = page.locator("#score-report tbody tr td:first-child").all_inner_texts()
    assert rows == ["Vocals", "Drums", "Bass", "Other"]
    page.wait_for_selector("#comparison .sori-player[data-ready]", timeout=60_000)
    page.locator("#which-stem input").click()
    page.get_by_role("option", name="Bass").click()
    page.wait_for_selector("#score-status .progress-card", state="attached")
    page.wait_for_selector("#comparison .sori-player[data-ready]", timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.problems == []


def test_missing_reference_gets_a_sentence(visit: Callable[..., Any]) -> None:
    page = visit()
    open_score(page)
    page.locator("#score").click()
    page.get_by_text("Give the reference").first.wait_for()


def test_the_model_can_make_the_estimate(visit: Callable[..., Any]) -> None:
    page = visit()
    open_score(page)
    page.locator("#score-demo").click()
    page.wait_for_selector("#score-mixture .file-preview")
    page.locator("#score").click()
    page.wait_for_selector(f"{PLAYER}[data-ready]", timeout=90_000)
    assert page.locator(".score-card").count() == 1
    assert page.problems == []


def test_the_result_can_be_logged_to_mlflow(visit: Callable[..., Any], demo_song: Path) -> None:
    page = visit()
    score_demo(page, demo_song)
    page.locator("#log").click()
    link = page.locator("#logged a")
    link.wait_for(timeout=90_000)
    assert "#/experiments/" in link.get_attribute("href")
    assert page.problems == []
