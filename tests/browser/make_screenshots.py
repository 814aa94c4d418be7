"""Takes the README's pictures of the page, in Chromium, into ``assets/images/screenshots/``::

    python tests/browser/make_screenshots.py                # every picture
    python tests/browser/make_screenshots.py separate       # only those whose name begins so
    python tests/browser/make_screenshots.py train --checkpoints RUNS     # with the trainings of another folder

It serves the page itself, on a free port, with the shipped models and the demo song.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402

from separator.api import SHIPPED_MODEL  # noqa: E402
from separator.export import export_html  # noqa: E402
from tests.serving import served_page  # noqa: E402

OUTPUT = ROOT / "assets" / "images" / "screenshots"
WIDE, PHONE = 1280, 390
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
PATIENCE_MS = 180_000


def separate(page: Any) -> None:
    """The demo song in four stems, with its tempo and key."""
    page.locator("#demo-song").click()
    page.wait_for_selector("#separate-queue table", timeout=PATIENCE_MS)
    page.wait_for_selector("#preview img", timeout=PATIENCE_MS)
    page.locator("#preset label").nth(1).click()
    page.locator("#separate").click()
    page.wait_for_selector("#mixer .sori-player[data-ready]", timeout=PATIENCE_MS)
    page.wait_for_selector("#mixer .tempo:not(:empty)", timeout=PATIENCE_MS)
    page.locator("#mixer .seeker").evaluate("seeker => { seeker.value = 9; seeker.dispatchEvent(new Event('input')); }")


def score(page: Any) -> None:
    """The demo song's vocals, made by the model, against the mixture as estimate B."""
    page.get_by_role("tab").last.click()
    page.wait_for_selector("#comparison .player-note", timeout=PATIENCE_MS)  # the tab is built when first opened
    page.wait_for_timeout(1500)
    page.locator("#score-demo").click()
    page.wait_for_selector("#score-mixture .file-preview", timeout=PATIENCE_MS)
    mixture = next((ROOT / "assets" / "demo").glob("mixture.*"))
    page.locator("#score-b input[type=file]").first.set_input_files(str(mixture))
    page.wait_for_selector("#score-b .file-preview", timeout=PATIENCE_MS)
    page.locator("#score").click()
    page.wait_for_selector("#comparison .sori-player[data-ready]", timeout=PATIENCE_MS)


def train(page: Any) -> None:
    """The Train tab as it opens: on the last training there is."""
    page.get_by_role("tab", name="Train").click()
    page.wait_for_timeout(12_000)


def export(page: Any) -> None:
    """The shipped vocals' own page, with the demo song separated."""
    with tempfile.TemporaryDirectory() as folder:
        page.goto(export_html(SHIPPED_MODEL, Path(folder) / "vocals.html").as_uri())
        song = next((ROOT / "assets" / "demo").glob("mixture.*"))
        page.locator("input[type=file]").set_input_files(song)
        page.wait_for_selector(".sori-player[data-ready]", timeout=PATIENCE_MS)


# Name -> what to do first, how wide, dark or light, and in which language.
PICTURES: dict[str, tuple[Callable[[Any], None], int, bool, str]] = {
    "separate": (separate, WIDE, False, "en-US"),
    "separate-dark": (separate, WIDE, True, "en-US"),
    "separate-phone-ko": (separate, PHONE, False, "ko-KR"),
    "train": (train, WIDE, False, "en-US"),
    "export": (export, WIDE, False, "en-US"),
    "score": (score, WIDE, False, "en-US"),
    "score-dark": (score, WIDE, True, "en-US"),
}


@contextmanager
def opened(playwright: Any, url: str, width: int, dark: bool, locale: str) -> Iterator[Any]:
    """The page in a fresh browser profile."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as profile:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=chromium, args=FLAGS, locale=locale, viewport={"width": width, "height": 900}
        )
        page = context.pages[0]
        page.goto(f"{url}/?__theme={'dark' if dark else 'light'}")
        page.wait_for_selector("#songs input[type=file]", state="attached", timeout=PATIENCE_MS)
        yield page
        context.close()


def main() -> None:
    """Take the pictures whose names begin as asked."""
    parser = argparse.ArgumentParser(description="Take the README's pictures of the page.")
    parser.add_argument("begins", nargs="?", default="", help="only pictures whose name begins so")
    parser.add_argument("--checkpoints", type=Path, default=ROOT / "checkpoints", help="folder of models and trainings")
    options = parser.parse_args()
    OUTPUT.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as scratch,
        served_page(options.checkpoints.resolve(), Path(scratch)) as url,
        sync_playwright() as playwright,
    ):
        for name, (prepare, width, dark, locale) in PICTURES.items():
            if not name.startswith(options.begins):
                continue
            with opened(playwright, url, width, dark, locale) as page:
                prepare(page)
                page.wait_for_timeout(800)
                page.screenshot(path=OUTPUT / f"{name}.png", full_page=True)
            print(f"assets/images/screenshots/{name}.png")


if __name__ == "__main__":
    main()
