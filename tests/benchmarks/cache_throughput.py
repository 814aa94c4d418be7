"""How fast excerpts come out of the decoded cache, against decoding WAV files on the fly; and in how much memory.

python tests/benchmarks/cache_throughput.py
python tests/benchmarks/cache_throughput.py --songs 40 --song_seconds 240 --excerpts 5000
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from separator.audio import read, resample  # noqa: E402
from training.data.cache import Cache  # noqa: E402

FloatArray = NDArray[np.float32]
ReadExcerpt = Callable[[Path, float], FloatArray]

WAV_RATE = 44100
TEN_HOURS_SECONDS = 36_000


def main(argv: list[str] | None = None) -> None:
    arguments = _parse(argv)
    with tempfile.TemporaryDirectory() as folder:
        paths = _write_songs(Path(folder), arguments.songs, arguments.song_seconds)
        cache = Cache(Path(folder) / "cache", 22050)
        started = time.perf_counter()
        cache.prepare([paths])
        decoded = arguments.songs * arguments.song_seconds / (time.perf_counter() - started)
        print(f"decoding into the cache: {decoded:.0f} s of stereo {WAV_RATE / 1000:.1f} kHz WAV per second")
        cached = {path: cache.load([path]) for path in paths}

        def from_cache(path: Path, start_seconds: float) -> FloatArray:
            audio = cached[path]
            return audio.read(int(start_seconds * audio.sample_rate), length)

        def from_wav(path: Path, start_seconds: float) -> FloatArray:
            waveform, rate = read(path, offset_seconds=start_seconds, duration_seconds=arguments.excerpt_seconds)
            return resample(waveform.mean(dim=0), rate, cache.sample_rate).numpy()

        length = int(arguments.excerpt_seconds * cache.sample_rate)
        draws = _draw(paths, arguments)
        rates = {
            "cache": _excerpts_per_second(from_cache, draws),
            "WAV on the fly": _excerpts_per_second(from_wav, draws[: max(1, len(draws) // 20)]),
        }
        _print_table(rates, length)
        _print_memory(cache, paths[0], length)


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--songs", type=int, default=8)
    parser.add_argument("--song_seconds", type=float, default=120.0)
    parser.add_argument("--excerpts", type=int, default=2000)
    parser.add_argument("--excerpt_seconds", type=float, default=3.0)
    return parser.parse_args(argv)


def _write_songs(folder: Path, n_songs: int, seconds: float) -> list[Path]:
    rng = np.random.default_rng(0)
    paths = [folder / f"{index}.wav" for index in range(n_songs)]
    for path in paths:
        soundfile.write(path, 0.1 * rng.standard_normal((int(seconds * WAV_RATE), 2)), WAV_RATE)
    return paths


def _draw(paths: list[Path], arguments: argparse.Namespace) -> list[tuple[Path, float]]:
    rng = np.random.default_rng(0)
    last = max(0.0, arguments.song_seconds - arguments.excerpt_seconds)
    return [(paths[rng.integers(len(paths))], rng.uniform(0, last)) for _ in range(arguments.excerpts)]


def _excerpts_per_second(read_excerpt: ReadExcerpt, draws: list[tuple[Path, float]]) -> float:
    started = time.perf_counter()
    for path, start_seconds in draws:
        read_excerpt(path, start_seconds)
    return len(draws) / (time.perf_counter() - started)


def _print_table(rates: dict[str, float], length: int) -> None:
    print(f"\n{'one thread':<16}{'excerpts/s':>12}{'MB/s':>10}{'ratio':>8}")
    for name, rate in rates.items():
        print(f"{name:<16}{rate:>12.0f}{rate * length * 2 / 1e6:>10.1f}{rate / rates['WAV on the fly']:>8.1f}")


def _print_memory(cache: Cache, path: Path, length: int) -> None:
    """Read all over an entry stretched to ten hours (a sparse file) and tell what that added to the process."""
    (info,) = [file for file in cache.folder.glob("*.json") if json.loads(file.read_text())["source"] == str(path)]
    n_samples = TEN_HOURS_SECONDS * cache.sample_rate
    os.truncate(info.with_suffix(".pcm"), 2 * n_samples)
    info.write_text(json.dumps({**json.loads(info.read_text()), "n_samples": n_samples}))
    audio = cache.load([path])
    before = _resident_bytes()
    for start in range(0, n_samples, length):
        audio.read(start, length)
    print(f"\nreading all of ten hours: {before / 1e6:.0f} MB of memory before, {_resident_bytes() / 1e6:.0f} MB after")


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1]) if Path("/proc/self/statm").exists() else 0
    return pages * os.sysconf("SC_PAGE_SIZE") if pages else 0


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
