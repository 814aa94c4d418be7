"""Live in an exported page, in Chromium from a file, offline, with the demo song as its microphone::

    python -m tests.benchmarks.live_browser [--model_path checkpoints/vocals.pth] [--minutes 5] [--delay 2]

What goes in and what comes out is recorded. The same input goes through LiveSeparator, and the outputs are compared.
Printed too: SDR of both against the true stem, glitches, and the share of one core. Exit code 1 unless every bar is
met.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from playwright.sync_api import sync_playwright
from torch import Tensor

from separator.api import SHIPPED_MODEL
from separator.audio import resample
from separator.export import export_html
from separator.export.delays import DEMO_SONG, separate_as_stream
from separator.live import LiveSeparator
from separator.metrics import sdr
from tests.benchmarks.browser_speed import watched_renderers
from tests.browser.conftest import CHROMIUM, FLAGS, fake_microphone
from tests.browser.recorder import start_recording, stop_recording

MOST_DIFFERENT_DB = -50.0
"""The page's output goes through 16 bits on its way here."""
PART_SECONDS = 5.0
"""Of which the SDR is taken."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model_path", type=Path, default=SHIPPED_MODEL)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--delay", type=float, default=2.0, help="in seconds, one of the page's")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        return measure(options.model_path, options.minutes, options.delay, Path(folder), playwright)


def measure(model_path: Path, minutes: float, delay: float, folder: Path, playwright: Any) -> int:
    page_file = export_html(model_path, folder / "page.html")
    recorded, rate, glitches, cores = play(page_file, minutes, delay, folder, playwright)
    live = LiveSeparator(model_path, delay, sample_rate=rate, device="cpu")
    source, output = recorded[:2], recorded[2:]
    target = live.stems[0]
    expected = separate_as_stream(live, source)[target]
    late, output = align(output, expected, 10 * rate)
    expected = expected[:, : output.shape[1]]
    difference = compare_seconds(output, expected, rate)
    print(f"{model_path.name}, {rate} Hz: {target} {late / rate:.3f} s behind at a delay of {delay:g} s")
    print(f"difference from LiveSeparator, median of all seconds: {difference:.0f} dB (bar {MOST_DIFFERENT_DB:.0f})")
    print_sdr(source, {"page": output, "LiveSeparator": expected}, target, rate)
    print(f"glitches in {recorded.shape[1] / rate:.0f} s: {glitches} (bar 0); share of one core: {100 * cores:.0f} %")
    return int(glitches > 0 or difference > MOST_DIFFERENT_DB)


def play(
    page_file: Path, minutes: float, delay: float, folder: Path, playwright: Any
) -> tuple[Tensor, int, int, float]:
    """Input and output ``(4, N)``, their rate, glitches, and processor time as a share of real time."""
    song, rate = soundfile.read(DEMO_SONG / "mixture.flac", dtype="float32", always_2d=True)
    soundfile.write(folder / "song.wav", song, rate, subtype="PCM_16")
    context = playwright.chromium.launch_persistent_context(
        folder / "profile", executable_path=CHROMIUM, args=[*FLAGS, *fake_microphone(folder / "song.wav")],
        offline=True, accept_downloads=True,
    )  # fmt: skip
    page = context.pages[0]
    page.goto(f"{page_file.as_uri()}#live")
    page.wait_for_selector(".live button", timeout=60_000)
    page.evaluate(
        """(delay) => {
          const { live } = document.querySelector("#sori").page;
          Object.assign(live, { delay, balance: -1 });
          live.build();
        }""",
        delay,
    )
    page.get_by_role("button", name="Microphone").click()
    page.wait_for_selector(".live[data-seconds]", timeout=60_000)
    start_recording(page)
    with watched_renderers() as usage:
        page.wait_for_timeout(60_000 * minutes)
    glitches = int(page.locator(".live").get_attribute("data-glitches"))
    recorded, context_rate = stop_recording(page, folder / "recorded.raw")
    context.close()
    return recorded, context_rate, glitches, usage.cpu_seconds / (60 * minutes)


def compare_seconds(output: Tensor, expected: Tensor, rate: int) -> float:
    """Median difference in dB of those seconds in which something sounds."""
    errors, powers = (
        torch.stack([part.square().sum() for part in signal.split(rate, dim=1)])
        for signal in (output - expected, expected)
    )
    sounds = powers > 0.01 * powers.mean()
    return float(10 * torch.log10(errors[sounds] / powers[sounds]).median())


def align(output: Tensor, expected: Tensor, most: int) -> tuple[int, Tensor]:
    """Samples that the output is late, at most ``most``, and the output from there on."""
    n_fft = 1 << (output.shape[1] + most).bit_length()
    spectra = [np.fft.rfft(signal[0].numpy(), n_fft) for signal in (output, expected)]
    late = int(np.argmax(np.fft.irfft(spectra[0] * spectra[1].conj(), n_fft)[:most]))
    return late, output[:, late:]


def print_sdr(source: Tensor, stems: dict[str, Tensor], target: str, rate: int) -> None:
    """SDR of stems of a recording of the demo song, which begins anywhere, against its true stem."""
    song, stem = (
        resample(torch.from_numpy(samples.T.copy()), found_rate, rate)
        for samples, found_rate in (
            soundfile.read(DEMO_SONG / f"{name}.flac", dtype="float32", always_2d=True) for name in ("mixture", target)
        )
    )
    song, stem = song.repeat(1, 2), stem.repeat(1, 2)
    scores: dict[str, list[float]] = {name: [] for name in stems}
    n_samples = round(PART_SECONDS * rate)
    for start in range(0, min(found.shape[1] for found in stems.values()) - n_samples, n_samples):
        # Each part by itself: Chromium leaves some samples out where the file begins anew.
        begin, _ = align(song, source[:, start : start + n_samples], song.shape[1] // 2)
        reference = stem[:, begin : begin + n_samples]
        for name, found in stems.items():
            scores[name].append(float(sdr(reference, found[:, start : start + n_samples])))
    medians = ", ".join(f"{name} {statistics.median(found):.2f} dB" for name, found in scores.items())
    print(f"SDR against the true stem, median of parts of {PART_SECONDS:g} s: {medians}")


if __name__ == "__main__":
    sys.exit(main())
