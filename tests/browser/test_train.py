"""Train, as a visitor does it: practice songs, start, watch, reload, a second tab, stop, resume, listen, use."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WAIT_MS = 120_000
TINY = {
    "batch_size": "1", "steps_per_epoch": "1", "segment_seconds": "0.5", "epochs": "300", "valid_excerpts": "1",
    "valid_seconds": "5", "max_minutes": "0",
}  # fmt: skip
RUN = ".run-card"


def open_tab(page: Any) -> Any:
    page.locator("#tabs [role=tab]").nth(2).click()
    page.wait_for_selector("#train-live .card")
    return page


def wait_for_state(page: Any, state: str) -> None:
    page.wait_for_selector(f"{RUN}[data-state={state}]", timeout=WAIT_MS)


def points(page: Any) -> int:
    """How many epochs the SDR chart has drawn."""
    return int(page.locator(".chart-pair .chart").first.get_attribute("data-points") or 0)


def wait_for_points(page: Any, count: int) -> None:
    for _ in range(WAIT_MS // 500):
        if points(page) >= count:
            return
        page.wait_for_timeout(500)
    raise AssertionError(f"only {points(page)} points were drawn")


def choose_tiny_practice(page: Any) -> None:
    page.locator("#train-practice").click()
    page.wait_for_selector("#train-report .verdict.good", timeout=WAIT_MS)
    page.locator("#train-advanced > button").click()
    for name, value in TINY.items():
        field = page.locator(f"#train-{name} input")
        field.fill(value)
        field.blur()
    page.wait_for_function("document.querySelector('#train-command').innerText.includes('--valid_seconds 5')")


def test_train_reload_second_tab_stop_resume_listen_and_use(visit: Callable[..., Any]) -> None:
    page = open_tab(visit())
    assert page.locator("#train-start").is_disabled(), "nothing can start before the data are checked"
    choose_tiny_practice(page)
    page.locator("#train-start:not([disabled])").click()
    wait_for_state(page, "running")
    wait_for_points(page, 2)
    assert page.locator("#train-start").is_disabled(), "one training at a time"
    name = page.locator(f"{RUN} .name").inner_text()

    page.reload(timeout=120_000)
    open_tab(page)
    wait_for_state(page, "running")
    drawn = points(page)
    wait_for_points(page, drawn + 1)
    assert page.locator("#train-data textarea").input_value().endswith("practice"), "the folder is remembered"

    second = open_tab(visit(locale="ko-KR"))
    wait_for_state(second, "running")
    assert second.locator(f"{RUN} h3").inner_text() == "학습 중"
    second.locator("#train-stop").click()
    wait_for_state(page, "stopped")
    assert page.locator(f"{RUN} .name").inner_text() == name
    page.wait_for_selector("#train-resume:not([disabled])")

    listen(page)
    drawn = points(page)
    page.locator("#train-resume").click()
    wait_for_state(page, "running")
    wait_for_points(page, drawn + 1)
    page.locator("#train-stop").click()
    wait_for_state(page, "stopped")
    page.locator("#train-use").click()
    page.wait_for_selector("#separate", state="visible")
    assert name in page.locator("#models").inner_text()
    assert page.problems == second.problems == []


def listen(page: Any) -> None:
    """Play the newest epoch, move to the first and to the true stem while it sounds."""
    excerpt = "document.querySelector('.sori-learn')"
    page.locator(".learn-card .play").click()
    page.wait_for_function(f"{excerpt}.excerpt.position() > 0.2")
    before = page.evaluate(f"{excerpt}.dataset.shown")
    page.locator(".learn-card .epochs").fill("0")
    page.wait_for_function(f"{excerpt}.dataset.shown === '1'")
    assert before != "1"
    page.locator(".learn-card .chip").nth(1).click()
    page.wait_for_function(f"{excerpt}.dataset.shown === 'reference'")
    assert page.evaluate(f"{excerpt}.excerpt.playing !== null"), "it sounds on while the epochs change"
    assert page.evaluate("document.querySelector('.learn-card canvas').width") > 10
    page.locator(".learn-card .play").click()


def test_a_phone_has_no_sideways_scrolling(visit: Callable[..., Any]) -> None:
    page = open_tab(visit(width=390))
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("dark", [False, True])
def test_no_serious_accessibility_problem(visit: Callable[..., Any], axe: str, dark: bool) -> None:
    page = open_tab(visit(dark=dark))
    page.locator("#train-advanced > button").click()
    page.evaluate(axe)
    page.wait_for_timeout(500)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    serious = [
        f"{item['id']}: {node['html'][:160]}"
        for item in found["violations"]
        if item["impact"] in ("serious", "critical")
        for node in item["nodes"]
    ]
    assert serious == []
