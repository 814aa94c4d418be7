"""Chromium and the served page. Without a browser these tests are skipped, except where CI is set: there they fail."""

import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from separator.export import export_html
from separator.model import CRNN, DualPathConfig, save_checkpoint
from tests.serving import ROOT, served_page, small_checkpoints, write_song

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or "/usr/bin/chromium"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip

TINY = replace(DualPathConfig(("drums", "bass")), channels=(2, 2, 2, 2), gru_hidden=4, local_channels=2)


def fake_microphone(wav: Path) -> list[str]:
    """Flags that make a song the microphone, over and over, and allow it."""
    fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    return [*fake, f"--use-file-for-fake-audio-capture={wav}"]


def _missing(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the page is served."""
    checkpoints = small_checkpoints(tmp_path_factory.mktemp("checkpoints"))
    with served_page(checkpoints, tmp_path_factory.mktemp("served")) as address:
        yield address


@pytest.fixture(scope="session")
def playwright() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("playwright is not installed: python -m pip install -r requirements-dev.txt")
    if not Path(CHROMIUM).exists():
        _missing("no Chromium was found: apt-get install chromium")
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture
def visit(playwright: Any, url: str, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Open the page in a fresh profile: ``visit(locale="ko-KR", width=390, dark=True)``; ``address`` if served apart.

    The page that comes back has ``problems``: script errors, and requests that left this computer.
    """
    contexts = []

    def open_page(locale: str = "en-US", width: int = 1280, dark: bool = False, address: str = url) -> Any:
        context = playwright.chromium.launch_persistent_context(
            tmp_path / f"profile {len(contexts)}", executable_path=CHROMIUM, args=FLAGS, locale=locale,
            viewport={"width": width, "height": 900}, accept_downloads=True,
        )  # fmt: skip
        contexts.append(context)
        page = context.pages[0]
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("request", lambda request: _note_stranger(page.problems, request.url, address))
        page.goto(f"{address}/?__theme={'dark' if dark else 'light'}")
        page.wait_for_selector("#songs input[type=file]", state="attached", timeout=120_000)
        return page

    yield open_page
    for context in contexts:
        context.close()


def _note_stranger(problems: list[str], requested: str, url: str) -> None:
    if not requested.startswith((url, "data:", "blob:")):
        problems.append(f"a request left this computer: {requested}")


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("export") / "tiny.pth"
    save_checkpoint(path, CRNN(TINY).eval(), {"terms": "for tests"})
    return path


@pytest.fixture(scope="session")
def exported(checkpoint: Path) -> Path:
    return export_html(checkpoint, checkpoint.with_name("tiny 모델.html"))


@pytest.fixture
def open_file(playwright: Any, exported: Path, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Open the exported page from its file, offline; ``problems`` are script errors and requests for anything else."""
    contexts = []

    def open_page(
        locale: str = "en-US", width: int = 1280, dark: bool = False, setup: str = "", flags: Sequence[str] = (),
        part: str = "",
    ) -> Any:  # fmt: skip
        context = playwright.chromium.launch_persistent_context(
            tmp_path / f"profile {len(contexts)}", executable_path=CHROMIUM, args=[*FLAGS, *flags], locale=locale,
            offline=True, viewport={"width": width, "height": 900}, accept_downloads=True,
            color_scheme="dark" if dark else "light",
        )  # fmt: skip
        contexts.append(context)
        page = context.pages[0]
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("request", lambda request: _note_stranger(page.problems, request.url, "file:"))
        if setup:
            page.add_init_script(setup)
        page.goto(exported.as_uri() + part)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write_song(tmp_path / "봄 노래.wav", seconds=6)


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The axe-core script, from the npm registry."""
    folder = tmp_path_factory.mktemp("axe")
    npm = shutil.which("npm")
    if npm is None:
        _missing("npm is not installed, so axe-core cannot be fetched")
    packed = subprocess.run(
        [npm, "pack", "axe-core", "--silent"], cwd=folder, capture_output=True, text=True, timeout=120
    )
    if packed.returncode:
        _missing(f"axe-core could not be fetched: {packed.stderr[-300:]}")
    with tarfile.open(next(folder.glob("axe-core-*.tgz"))) as archive:
        script = archive.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode("utf-8")


@pytest.fixture(scope="session")
def demo_song() -> Path:
    return ROOT / "assets" / "demo"
