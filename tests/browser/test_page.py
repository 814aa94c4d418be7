"""The page as a whole: languages, phone width, accessibility, nothing fetched from elsewhere."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.serving import served_page, small_checkpoints
from ui.i18n import TEXTS_FOLDERS

pytestmark = pytest.mark.browser

BEHIND = 'import os; os.environ["GRADIO_ROOT_PATH"] = "/behind"\n'
LOCALES = {"en": "en-US", "ko": "ko-KR", "ja": "ja-JP", "zh": "zh-CN", "es": "es-ES"}


def words(section: str) -> dict[str, dict[str, str]]:
    (path,) = (path for folder in TEXTS_FOLDERS for path in folder.glob(f"{section}.json"))
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", LOCALES)
def test_speaks_the_browsers_language(visit: Callable[..., Any], language: str) -> None:
    page = visit(locale=LOCALES[language])
    page.get_by_role("tab", name=words("page")["score"][language], exact=True).wait_for()
    page.get_by_text(words("separate")["hint"][language]).wait_for()  # once the page knows where it is looked at
    page.get_by_text(words("player")["empty"][language]).first.wait_for()  # once its script is there
    content = page.locator("body").inner_text()
    for section, key in (("page", "tagline"), ("separate", "demo"), ("separate", "hint"), ("player", "empty")):
        assert words(section)[key][language] in content
    assert "__i18n__" not in content
    page.locator("#separate").click()  # a sentence made by the server
    page.get_by_text(words("separate")["no_song"][language]).first.wait_for()


@pytest.mark.parametrize("tab", [0, -1])
def test_fits_a_phone(visit: Callable[..., Any], tab: int) -> None:
    page = visit(width=390)
    page.get_by_role("tab").nth(tab).click()
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_nothing_is_fetched_from_elsewhere(visit: Callable[..., Any]) -> None:
    page = visit()
    page.get_by_role("tab").last.click()
    page.wait_for_timeout(1500)
    assert page.problems == []


def test_works_below_a_proxys_path(visit: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    with served_page(small_checkpoints(tmp_path / "checkpoints"), tmp_path, BEHIND) as address:
        page = visit(address=f"{address}/behind")
        page.get_by_text(words("player")["empty"]["en"]).first.wait_for()
        of_gradio = ("/manifest.json", "/pwa_icon")
        assert [problem for problem in page.problems if not problem.endswith(of_gradio)] == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("tab", [0, -1])
def test_axe_finds_nothing_serious(visit: Callable[..., Any], axe: str, tab: int, dark: bool) -> None:
    page = visit(dark=dark)
    page.get_by_role("tab").nth(tab).click()
    if tab == 0:
        page.locator("#demo-song").click()
        page.wait_for_selector("#separate-queue table")
        page.locator("#separate").click()
        page.wait_for_selector("#mixer .sori-player[data-ready]", timeout=60_000)
    page.wait_for_timeout(500)
    page.evaluate(axe)
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    serious = [
        f"{violation['id']}: {node['html'][:160]}"
        for violation in result["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
    assert serious == []
