"""How much processor time scoring takes, closed form against museval, and how much memory a one-hour pair needs.

python tests/benchmarks/scoring_speed.py                  # 4 minutes of 44.1 kHz stereo
python tests/benchmarks/scoring_speed.py --memory_minutes 60
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from separator.metrics import bss_eval, framewise_sdr
from training.evaluation.alignment import Sound, align
from training.evaluation.scoring import score_pair

RATE = 44100
MUSEVAL_SECONDS = 15.0  # its time grows with the length, so a part is enough


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=4.0, help="length of the song that is timed (default: 4)")
    parser.add_argument("--memory_minutes", type=float, default=0.0, help="also measure memory at this length")
    arguments = parser.parse_args()
    print(f"{arguments.minutes:g} min of {RATE} Hz stereo, {torch.get_num_threads()} threads, processor time")
    _time(arguments.minutes * 60)
    if arguments.memory_minutes:
        _memory(arguments.memory_minutes * 60)


def _time(seconds: float) -> None:
    reference, estimate, mixture = _song(seconds)
    short = tuple(waveform[:, : round(min(seconds, MUSEVAL_SECONDS) * RATE)] for waveform in _song(MUSEVAL_SECONDS))
    share = seconds / min(seconds, MUSEVAL_SECONDS)
    sounds = [Sound(waveform, RATE) for waveform in (reference, estimate, mixture)]
    ours = _seconds(lambda: framewise_sdr(reference, estimate, RATE))
    theirs = _seconds(lambda: bss_eval(*short, RATE)) * share
    whole = _seconds(lambda: score_pair(reference, estimate, RATE, mixture))
    aligning = _seconds(lambda: align(*sounds))
    print(f"{'SDR per second, closed form':<38}{ours:8.2f} s")
    print(f"{'SDR, SIR, SAR, ISR per second, museval':<38}{theirs:8.2f} s   {theirs / ours:.0f} × as long")
    print(f"{'alignment':<38}{aligning:8.2f} s")
    print(
        f"{'all of a score without --bss':<38}{whole:8.2f} s   {theirs / (whole + aligning):.0f} × shorter than museval"
    )


def _memory(seconds: float) -> None:
    """In a fresh process, so that its peak is this song's."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        sounds, peak = pool.apply(_peak_of_scoring, (seconds,))
    print(f"{seconds / 60:g} min: the three sounds {sounds / 2**30:.2f} GiB, peak {peak / 2**30:.2f} GiB", end="")
    print(f" ({peak / sounds:.2f} ×)")


def _peak_of_scoring(seconds: float) -> tuple[int, int]:
    """Bytes of the three sounds, and the most that the process held beyond what it held before them."""
    before = _held()
    reference, estimate, mixture = _song(seconds)
    aligned = align(Sound(reference, RATE), Sound(estimate, RATE), Sound(mixture, RATE))
    score_pair(aligned.reference, aligned.estimate, RATE, aligned.mixture)
    return 3 * reference.nbytes, _held() - before


def _held() -> int:
    """The process's highest memory so far; Linux only (`ru_maxrss` would start at what the parent process held)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def _song(seconds: float) -> tuple[Tensor, Tensor, Tensor]:
    """Reference, estimate and mixture (2, N) of noise, made in place so that making them is not the peak."""
    generator = torch.Generator().manual_seed(0)
    reference, mixture = (torch.empty(2, round(seconds * RATE)).normal_(0, 0.1, generator=generator) for _ in range(2))
    estimate = mixture * 0.2
    estimate += reference
    mixture += reference
    return reference, estimate, mixture


def _seconds(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


if __name__ == "__main__":
    main()
