"""Frames and memory of the mixer with a long song, in Chromium without a graphics card::

    python -m tests.benchmarks.mixer_scroll [--minutes 10] [--ready_minutes 4]

A song of noise and four stems are played from WAV files. A shorter one first: how long its spectrograms take from the
click on the switch. Then the long one: waveforms, then spectrograms, are scrolled at three zooms, 60 px a frame.
Other programs slow frames down: run it on an idle computer. Exit code 1 unless every bar is met.
"""

import argparse
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import soundfile
from playwright.sync_api import sync_playwright

from tests.browser.conftest import CHROMIUM, FLAGS
from tests.serving import ROOT
from ui.i18n import dump_script_texts

READY_BAR_SECONDS, FRAME_BAR_MS, MEMORY_BAR_MB = 2.0, 100.0, 900.0
KINDS = ("mixture", "vocals", "drums", "bass", "other")
RATE = 44100
SPANS = (1.0, 0.25, 0.02)
"""Shares of the song in view."""
PAGE = """<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="assets/css/style.css">
<body style="margin: 20px"><div class="sori-player" tabindex="0"></div>
<script type="application/json" id="sori-texts">{texts}</script>
<script type="module">
import {{ Mixer }} from "./assets/js/player/mixer.js";
const track = (kind) => ({{
  kind, name: "", gain_db: 0, file: {{ url: `${{kind}}.wav` }}, download: {{ file: {{ url: "" }}, name: "" }},
}});
const root = document.querySelector(".sori-player");
const tracks = {kinds}.map(track);
const player = new Mixer(root, {{ mode: "mixer", sample_rate: {rate}, tracks }}, () => {{}});
Object.assign(window, {{ player }});
player.open();
</script>"""
SHOW_SPECTROGRAMS = """async () => {
    const begun = performance.now();
    await player.board.setLook("spectrogram");
    do await new Promise((resolve) => setTimeout(resolve, 20)); while (player.board.stage.dataset.busy !== "false");
    return performance.now() - begun;
}"""
SCROLL = """async (share) => {
    const { view, lanes } = player.board;
    view.show(0, share * view.duration);
    const frames = [];
    const frame = () => new Promise(requestAnimationFrame);
    let last = await frame();
    for (let n = 0; n < 300; n++) {
        if (share === 1) player.board.redraw();
        else view.scroll(60 / lanes.clientWidth * view.span);
        const now = await frame();
        frames.push(now - last);
        last = now;
    }
    return frames;
}"""


@dataclass(frozen=True)
class Usage:
    """Of the tab's process."""

    held_mb: float = 0.0
    peak_mb: float = 0.0
    cpu_seconds: float = 0.0


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder without a line for each file."""

    def log_message(self, format: str, *args: object) -> None:
        pass


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--ready_minutes", type=float, default=4.0, help="of the shorter song")
    options = parser.parse_args()
    with sync_playwright() as playwright:
        with opened(playwright, options.ready_minutes) as (page, tab):
            before = tab().cpu_seconds
            ready = page.evaluate(SHOW_SPECTROGRAMS) / 1000
            busy = tab().cpu_seconds - before
            print(f"{options.ready_minutes:g} min: spectrograms after {ready:.2f} s ({busy:.2f} s of the processor)")
        with opened(playwright, options.minutes) as (page, tab):
            longest = scroll(page, "waveform")
            page.evaluate(SHOW_SPECTROGRAMS)
            longest = max(longest, scroll(page, "spectrogram"))
            used = tab()
            print(f"{options.minutes:g} min: {used.held_mb:.0f} MB in the tab, {used.peak_mb:.0f} MB while it loaded")
    met = ready <= READY_BAR_SECONDS and longest <= FRAME_BAR_MS and used.held_mb <= MEMORY_BAR_MB
    print(f"bars: {READY_BAR_SECONDS} s, {FRAME_BAR_MS} ms, {MEMORY_BAR_MB} MB: {'met' if met else 'not met'}")
    return 0 if met else 1


def scroll(page: Any, look: str) -> float:
    """The longest frame in milliseconds."""
    longest = 0.0
    for share in SPANS:
        frames = np.array(page.evaluate(SCROLL, share))
        median, most, worst = np.median(frames), np.quantile(frames, 0.99), frames.max()
        print(
            f"{look}, {share:.0%} in view: frames of {median:.0f} ms (median), {most:.0f} (99 %), {worst:.0f} (longest)"
        )
        longest = max(longest, float(frames.max()))
    return longest


@contextmanager
def opened(playwright: Any, minutes: float) -> Iterator[tuple[Any, Any]]:
    """The mixer with a song of so many minutes, ready to play, and what measures the tab."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_stems(folder, minutes)
        (folder / "assets").symlink_to(ROOT / "assets")
        page_text = PAGE.format(texts=dump_script_texts(), kinds=list(KINDS), rate=RATE)
        (folder / "index.html").write_text(page_text, encoding="utf-8")
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        context = playwright.chromium.launch_persistent_context(
            folder / "profile", executable_path=CHROMIUM, args=FLAGS, viewport={"width": 1280, "height": 900}
        )
        page = context.pages[0]
        page.set_default_timeout(300_000)
        page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
        page.wait_for_selector(".sori-player[data-ready]")
        yield page, partial(measure_tab, str(folder))
        context.close()
        server.shutdown()
        server.server_close()


def write_stems(folder: Path, minutes: float) -> None:
    """Five stereo WAV files."""
    noise = np.random.default_rng(0).standard_normal((RATE * 20, 2)) * np.linspace(0.2, 0.01, RATE * 20)[:, None]
    for kind in KINDS:
        with soundfile.SoundFile(folder / f"{kind}.wav", "w", RATE, 2, "PCM_16") as file:
            for _ in range(round(3 * minutes)):
                file.write(noise)


def measure_tab(profile: str) -> Usage:
    """Of the largest renderer of the browser that runs with this profile; its peak only where there is /proc."""
    found = [Usage()]
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if "--type=renderer" in line and profile in line_of_browser(process):
            status = Path(f"/proc/{process.pid}/status")
            peak = re.search(r"VmHWM:\s+(\d+)", status.read_text() if status.exists() else "")
            times = process.cpu_times()
            held = process.memory_info().rss / 1e6
            found.append(Usage(held, int(peak[1]) * 1024 / 1e6 if peak else held, times.user + times.system))
    return max(found, key=lambda usage: usage.held_mb)


def line_of_browser(process: psutil.Process) -> str:
    """The command lines of a process's parents."""
    return " ".join(" ".join(parent.cmdline()) for parent in process.parents())


if __name__ == "__main__":
    sys.exit(main())
