"""From the press of *Separate* to stems that can be played, in Chromium, beside the separation alone::

    python -m tests.benchmarks.drop_to_sound [--minutes 4] [--runs 3]

The demo song, repeated, in four stems of the shipped models. Browser and server share this computer's cores: run it on
an idle one. Exit code 1 unless the page takes at most 3 s more.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import soundfile
import torch
from playwright.sync_api import sync_playwright

from separator.api import Separator
from separator.audio import read, write
from separator.shipped import shipped_folder
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.browser.mixer import PLAYER, drop
from tests.serving import ROOT, served_page

BAR_SECONDS = 3.0
SONG = ROOT / "assets" / "demo" / "mixture.flac"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        song = write_long_song(folder / "song.wav", options.minutes)
        separator = Separator.from_preset("4stems")
        (folder / "served").mkdir()
        threads = f"import torch; torch.set_num_threads({torch.get_num_threads()})\n"
        served = served_page(shipped_folder("checkpoints"), folder / "served", setup=threads)
        with served as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            pairs = [
                (time_separation(separator, song, folder / f"stems {run}"), time_page(browser, url, song))
                for run in range(options.runs + 1)
            ][1:]  # the first one compiles the networks
            browser.close()
    for alone, page in pairs:
        print(f"separation {alone:.1f} s, page {page:.1f} s: {page - alone:.1f} s more")
    more = statistics.median(page - alone for alone, page in pairs)
    print(f"median {more:.1f} s more (bar {BAR_SECONDS:g} s): {'met' if more <= BAR_SECONDS else 'not met'}")
    return 0 if more <= BAR_SECONDS else 1


def write_long_song(path: Path, minutes: float) -> Path:
    song, rate = read(SONG)
    repeats = max(1, round(minutes * 60 * rate / song.shape[1]))
    write(path, song.repeat(1, repeats), rate)
    print(f"a song of {soundfile.info(path).duration / 60:.1f} minutes, {rate} Hz, {len(song)} channels")
    return path


def time_separation(separator: Separator, song: Path, folder: Path) -> float:
    begun = time.perf_counter()
    separator.separate_file(song, folder)
    return time.perf_counter() - begun


def time_page(browser: Any, url: str, song: Path) -> float:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(url)
    page.wait_for_selector("#songs input[type=file]", state="attached")
    page.locator("#preset label").nth(1).click()
    drop(page, song)
    begun = time.perf_counter()
    page.locator("#separate").click()
    page.wait_for_selector(f"{PLAYER} .play", timeout=300_000)
    seconds = time.perf_counter() - begun
    page.close()
    return seconds


if __name__ == "__main__":
    sys.exit(main())
