"""Visitors who separate songs and look at a training, all at once, on a page that trains meanwhile::

    python -m tests.benchmarks.page_load [--visitors 20] [--keep_seconds 25]

Each visitor separates a made-up song of its own through /separate and asks /train_status until the stems are there.
The page keeps jobs for ``keep_seconds`` and uploads twice as long (a real one a day and two), so that its temporary
folder can be compared with how it was. Exit code 1 unless every bar is met.
"""

import argparse
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import soundfile
from gradio_client import Client, handle_file

from tests.serving import served_page, small_checkpoints, write_song

MOST_VISITORS = 60  # the page lets 64 wait
SONG_SECONDS, SONG_RATE = 3.0, 44100
POLL_SECONDS, LONGEST_SECONDS, SWEEP_SECONDS = 0.5, 300.0, 2
STATUS_BAR_SECONDS = 1.0
MEMORY_TOLERANCE_MB, TEMP_TOLERANCE_MB = 64.0, 0.1
TRAINING: dict[str, Any] = {
    "preset": "plain", "steps_per_epoch": 10, "segment_seconds": 0.5, "valid_seconds": 5.0, "valid_excerpts": 1,
    "warmup_steps": 0, "patience": 100_000, "max_minutes": 15.0,
}  # fmt: skip
SHORT_KEEP = """
import os, ui.page, ui.safety
os.environ["GRADIO_IS_E2E_TEST"] = "1"  # what Gradio remembers of a closed visit goes after a second, not an hour
ui.page.CACHE_SWEEP_SECONDS, ui.page.CACHE_KEEP_SECONDS, ui.safety.KEEP_SECONDS = {sweep}, 2 * {keep}, {keep}
"""


@dataclass
class Visit:
    """What one visitor saw: how long each answer of /train_status took, and the whole, upload to download."""

    status_seconds: list[float] = field(default_factory=list)
    seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class Footprint:
    """What the server holds, and how far its training is."""

    temp_mb: float
    memory_mb: float
    epoch: int


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=20, choices=range(1, MOST_VISITORS + 1), metavar="N")
    parser.add_argument("--keep_seconds", type=int, default=25)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        (scratch / "checkpoints").mkdir()
        checkpoints = small_checkpoints(scratch / "checkpoints")
        setup = SHORT_KEEP.format(sweep=SWEEP_SECONDS, keep=options.keep_seconds)
        with served_page(checkpoints, scratch, setup) as url:
            visits, before, after = measure(url, scratch, options.visitors, options.keep_seconds)
    return report(visits, before, after)


def measure(url: str, scratch: Path, visitors: int, keep_seconds: int) -> tuple[list[Visit], Footprint, Footprint]:
    """One visitor alone, so that models are loaded; then all of them; then one more, whose job sweeps theirs away."""
    watcher = Client(url, verbose=False)
    watcher.predict(epochs=100_000, batch_size=1, settings=TRAINING, api_name="/train_start")
    first = visit(url, scratch, 0)
    started = time.monotonic()
    while (before := footprint(watcher, scratch)).epoch < 2 and time.monotonic() - started < LONGEST_SECONDS:
        time.sleep(POLL_SECONDS)
    with ThreadPoolExecutor(visitors) as pool:
        visits = list(pool.map(lambda number: visit(url, scratch, number), range(1, visitors + 1)))
    time.sleep(keep_seconds + SWEEP_SECONDS)
    last = visit(url, scratch, 0)
    time.sleep(keep_seconds + SWEEP_SECONDS)
    after = footprint(watcher, scratch)
    watcher.predict(api_name="/train_stop")
    return [first, *visits, last], before, after


def visit(url: str, scratch: Path, number: int) -> Visit:
    """Separate a song of this visitor's own and look at the training meanwhile."""
    seen = Visit()
    try:
        song = write_song(scratch / f"song {number}.wav", SONG_SECONDS, SONG_RATE, seed=number)
        patient = {"timeout": LONGEST_SECONDS}  # a late answer counts as late, not as an error
        client = Client(url, verbose=False, download_files=scratch / f"downloads {number}", httpx_kwargs=patient)
        started = time.monotonic()
        job = client.submit(song=handle_file(song), api_name="/separate")
        while not job.done() and time.monotonic() - started < LONGEST_SECONDS:
            asked = time.monotonic()
            client.predict(api_name="/train_status")
            seen.status_seconds.append(time.monotonic() - asked)
            time.sleep(POLL_SECONDS)
        lengths = [soundfile.info(stem).frames for stem in job.result(timeout=1)]
        seen.seconds = time.monotonic() - started
        if lengths != 2 * [round(SONG_SECONDS * SONG_RATE)]:
            seen.error = f"stems of {lengths} samples"
        client.close()
    except Exception as error:  # a visitor's failure is a result
        seen.error = f"{type(error).__name__}: {error}"
    return seen


def footprint(watcher: Client, scratch: Path) -> Footprint:
    """Of Gradio's folder and the server's processes, which are this one's only children."""
    temp = sum(path.stat().st_size for path in (scratch / "gradio").rglob("*") if path.is_file())
    memory = sum(process.memory_info().rss for process in psutil.Process().children(recursive=True))
    epoch = watcher.predict(api_name="/train_status")["progress"]["epoch"]
    return Footprint(temp / 1e6, memory / 1e6, epoch)


def report(visits: list[Visit], before: Footprint, after: Footprint) -> int:
    """Print the table and the bars; 0 if all are met, else 1."""
    answers = [seconds for visit in visits for seconds in visit.status_seconds]
    errors = [visit.error for visit in visits if visit.error]
    median = statistics.median(answers) if answers else float("inf")
    temp, memory = after.temp_mb - before.temp_mb, after.memory_mb - before.memory_mb
    print(f"{'separations done':<28}{len(visits) - len(errors)} of {len(visits)}")
    print(f"{'longest visit':<28}{max(visit.seconds for visit in visits):.1f} s")
    print(f"{'status answers':<28}{len(answers)}, median {median:.2f} s, longest {max(answers, default=0):.2f} s")
    print(f"{'epoch of the training':<28}{before.epoch} -> {after.epoch}")
    print(f"{'temporary folder':<28}{before.temp_mb:.2f} -> {after.temp_mb:.2f} MB")
    print(f"{'memory of the server':<28}{before.memory_mb:.0f} -> {after.memory_mb:.0f} MB\n")
    bars = {
        "no error": not errors,
        f"status answers within {STATUS_BAR_SECONDS:g} s at the median": median < STATUS_BAR_SECONDS,
        "the training went on": after.epoch > before.epoch,
        f"temporary folder back within {TEMP_TOLERANCE_MB:g} MB": temp <= TEMP_TOLERANCE_MB,
        f"memory back within {MEMORY_TOLERANCE_MB:g} MB": memory <= MEMORY_TOLERANCE_MB,
    }
    for bar, met in bars.items():
        print(f"{'met' if met else 'NOT MET':<9}{bar}")
    print(*errors, sep="\n")
    return 0 if all(bars.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
