"""Speed, memory and exactness of an exported page, in Chromium from a file, offline, on one WebAssembly thread::

    python -m tests.benchmarks.browser_speed [--model_path checkpoints/vocals.pth] [--minutes 5]

The demo song is separated by the page and by Separator, and their stems are compared; then it is repeated to a longer
song, for memory. The processor's time is printed beside the clock's, since other programs slow down only the latter.
Exit code 1 unless every bar is met.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import soundfile
import torch
from playwright.sync_api import sync_playwright

from separator.api import SHIPPED_MODEL, Separator
from separator.export import export_html
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.serving import ROOT

SPEED_BAR, DIFFERENCE_BAR_DB = 8.0, -60.0
LONGEST_SECONDS = 600
PLAYER = ".sori-player[data-ready]"


@dataclass
class Usage:
    """Of the page's process."""

    peak_mb: float = 0.0
    cpu_seconds: float = 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model_path", type=Path, default=SHIPPED_MODEL)
    parser.add_argument("--minutes", type=float, default=5.0, help="of the longer song")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        return measure(options.model_path, options.minutes, Path(folder), playwright)


def measure(model_path: Path, minutes: float, folder: Path, playwright: Any) -> int:
    page_file = export_html(model_path, folder / "page.html")
    samples, rate = soundfile.read(ROOT / "assets" / "demo" / "mixture.flac", dtype="float32", always_2d=True)
    print(f"{model_path.name}: page of {page_file.stat().st_size / 1e6:.1f} MB")
    context = playwright.chromium.launch_persistent_context(
        folder / "profile", executable_path=CHROMIUM, args=FLAGS, offline=True, accept_downloads=True
    )
    page = context.pages[0]
    page.goto(page_file.as_uri())
    speed = time_song(page, "demo", samples, rate, folder)
    worst = compare_stems(page, Separator.from_checkpoint(model_path, "cpu"), samples, rate, folder)
    print(f"difference from Separator: {worst:.0f} dB (bar {DIFFERENCE_BAR_DB:.0f})")
    repeats = round(60 * minutes * rate / len(samples))
    if repeats > 1:
        speed = max(speed, time_song(page, f"{minutes:g} minutes", np.tile(samples, (repeats, 1)), rate, folder))
    context.close()
    print(f"best speed: {speed:.1f} x real time (bar {SPEED_BAR:.0f})")
    return int(speed < SPEED_BAR or worst > DIFFERENCE_BAR_DB)


def time_song(page: Any, name: str, samples: np.ndarray, rate: int, folder: Path) -> float:
    """Times real time, from the decoded song to its finished stems."""
    song = folder / f"{name}.wav"
    soundfile.write(song, samples, rate, subtype="PCM_16")
    started = time.perf_counter()
    with watched_renderers() as usage:
        page.locator("input[type=file]").set_input_files(song)
        page.wait_for_selector(PLAYER, timeout=1000 * LONGEST_SECONDS)
        whole = time.perf_counter() - started
    seconds, duration = (float(page.locator(PLAYER).get_attribute(f"data-{key}")) for key in ("seconds", "duration"))
    print(
        f"{name}: {duration:.0f} s separated in {seconds:.1f} s, {duration / seconds:.1f} x real time; "
        f"drop to mixer {whole:.1f} s, processor {usage.cpu_seconds:.1f} s; memory of the page {usage.peak_mb:.0f} MB"
    )
    return duration / seconds


def compare_stems(page: Any, separator: Separator, samples: np.ndarray, rate: int, folder: Path) -> float:
    """The largest difference in dB of the downloaded stems from those of Separator."""
    worst = -float("inf")
    reference = separator.separate(torch.from_numpy(samples.T.copy()), rate)
    for index, expected in enumerate(reference.values(), start=1):
        with page.expect_download() as download:
            page.locator(f"{PLAYER} a.letter").nth(index).click()
        download.value.save_as(folder / "stem.wav")
        stem = torch.from_numpy(soundfile.read(folder / "stem.wav", dtype="float32", always_2d=True)[0].T)
        worst = max(worst, float(10 * torch.log10((stem - expected).square().sum() / expected.square().sum())))
    return worst


@contextmanager
def watched_renderers() -> Iterator[Usage]:
    """The largest memory of Chromium's pages, workers included, and their processor time, while the block runs."""
    usage, done = Usage(), threading.Event()
    begin = sum(sum(process.cpu_times()[:2]) for process in find_renderers())

    def watch() -> None:
        while not done.wait(0.2):
            renderers = find_renderers()
            usage.peak_mb = max(usage.peak_mb, sum(process.memory_info().rss for process in renderers) / 1e6)
            usage.cpu_seconds = sum(sum(process.cpu_times()[:2]) for process in renderers) - begin

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield usage
    finally:
        done.set()
        watcher.join()


def find_renderers() -> list[psutil.Process]:
    children = psutil.Process().children(recursive=True)
    return [process for process in children if "--type=renderer" in process.cmdline()]


if __name__ == "__main__":
    sys.exit(main())
