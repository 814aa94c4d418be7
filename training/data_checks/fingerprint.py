"""Audio fingerprints: which songs share a recording, whatever their names, levels and file formats.

Each frame becomes 32 bits: the signs of the differences of band energies along frequency and time (Haitsma and Kalker:
A highly robust audio fingerprinting system, ISMIR 2002). Two copies of a recording agree in most bits at one offset;
other songs agree in half of them. A copy that was pitched or slowed down is not found.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from training.data.cached_audio import Audio, FloatArray

DECIMATION = 4
FRAME = 2048
"""Samples at the reduced rate: 0.37 s at 22.05 kHz / 4."""
HOP = 128
N_BANDS = 33
LOWEST_HZ, HIGHEST_HZ = 300.0, 2000.0
SILENT_DB = -60.0
"""Frames this much below the loudest one are ignored."""
SAME_BIT_ERROR = 0.3
"""At most this share of bits differs between copies of a recording (0.35 in the paper, for shorter stretches)."""
FEWEST_FRAMES = 128
"""Three seconds: what two recordings must at least share."""
CANDIDATE_OFFSETS = 5
BLOCK_FRAMES = 4096

Codes = NDArray[np.uint32]


@dataclass(frozen=True)
class Fingerprint:
    """The codes (T,) of the frames of one recording; silent frames are marked as not valid."""

    codes: Codes
    valid: NDArray[np.bool_]


@dataclass(frozen=True)
class Match:
    """Two recordings have a stretch in common."""

    bit_error: float
    """Share of differing bits; 0 is the same file, 0.5 is chance."""
    seconds: float
    """Length of what they share."""


def fingerprint(audio: Audio, longest_seconds: float | None = None) -> Fingerprint:
    """The fingerprint of a signal, or of its middle `longest_seconds`."""
    length = audio.n_samples
    if longest_seconds is not None:
        length = min(length, int(longest_seconds * audio.sample_rate))
    start = (audio.n_samples - length) // 2
    energies = _band_energies(audio, start, length)  # (T, bands)
    if len(energies) < 2:
        return Fingerprint(np.zeros(0, dtype=np.uint32), np.zeros(0, dtype=bool))
    tilt = energies[:, :-1] - energies[:, 1:]
    bits = tilt[1:] > tilt[:-1]  # (T - 1, 32)
    level = energies.sum(axis=1)[1:]
    codes = (bits * (np.uint32(1) << np.arange(N_BANDS - 1, dtype=np.uint32))).sum(axis=1, dtype=np.uint32)
    return Fingerprint(codes, level > level.max() * 10 ** (SILENT_DB / 10))


class FingerprintIndex:
    """The fingerprints of many recordings, by folder or file, to look one up in all of them."""

    def __init__(self, fingerprints: Mapping[Path, Fingerprint]):
        self._fingerprints = fingerprints
        self._keys = list(fingerprints)
        codes = [item.codes[item.valid] for item in fingerprints.values()]
        songs = [np.full(len(own), index, dtype=np.int32) for index, own in enumerate(codes)]
        frames = [np.flatnonzero(item.valid).astype(np.int32) for item in fingerprints.values()]
        order = np.argsort(np.concatenate(codes), kind="stable") if codes else np.zeros(0, dtype=np.int64)
        self._codes = _take(codes, order, np.uint32)
        self._songs = _take(songs, order, np.int32)
        self._frames = _take(frames, order, np.int32)

    def matches(self, query: Fingerprint, sample_rate: int) -> dict[Path, Match]:
        """The recordings that share a stretch of at least three seconds with `query`."""
        queried = np.flatnonzero(query.valid)
        first = np.searchsorted(self._codes, query.codes[queried], side="left")
        counts = np.searchsorted(self._codes, query.codes[queried], side="right") - first
        hits = np.repeat(first, counts) + _ranges(counts)
        offsets = self._frames[hits] - np.repeat(queried, counts)
        found = {}
        for song in np.unique(self._songs[hits]):
            key = self._keys[song]
            match = _best_match(query, self._fingerprints[key], offsets[self._songs[hits] == song], sample_rate)
            if match is not None:
                found[key] = match
        return found


def _best_match(query: Fingerprint, other: Fingerprint, offsets: NDArray[np.int32], sample_rate: int) -> Match | None:
    """The best of the few offsets at which most codes agree, if it agrees well enough."""
    values, counts = np.unique(offsets, return_counts=True)
    matches = []
    for offset in values[np.argsort(counts)[-CANDIDATE_OFFSETS:]]:
        start, stop = max(0, -offset), min(len(query.codes), len(other.codes) - offset)
        both = query.valid[start:stop] & other.valid[start + offset : stop + offset]
        if both.sum() < FEWEST_FRAMES:
            continue
        differing = np.bitwise_count(query.codes[start:stop] ^ other.codes[start + offset : stop + offset])
        error = float(differing[both].mean()) / (N_BANDS - 1)
        if error < SAME_BIT_ERROR:
            matches.append(Match(error, float(both.sum()) * HOP * DECIMATION / sample_rate))
    return min(matches, key=lambda match: match.bit_error, default=None)


def _band_energies(audio: Audio, start: int, length: int) -> FloatArray:
    """Energies (T, N_BANDS) in bands spaced evenly on a logarithmic frequency axis, read block by block."""
    rate = audio.sample_rate / DECIMATION
    edges = np.geomspace(LOWEST_HZ, min(HIGHEST_HZ, rate / 2), N_BANDS + 1) * FRAME / rate
    bins = np.round(edges).astype(int)
    window = torch.hann_window(FRAME)
    step = BLOCK_FRAMES * HOP * DECIMATION
    rows = []
    for first in range(start, start + length, step):
        wanted = min(step + (FRAME - HOP) * DECIMATION, start + length - first)
        # A plain mean is filter enough: what it folds down from above 3.5 kHz is weak, and the same in every copy.
        samples = torch.from_numpy(audio.read(first, wanted - wanted % DECIMATION))
        reduced = samples.reshape(-1, DECIMATION).mean(dim=1)
        if len(reduced) < FRAME:
            break
        spectrum = torch.fft.rfft(reduced.unfold(0, FRAME, HOP) * window).abs().square()
        cumulative = torch.nn.functional.pad(spectrum.double().cumsum(dim=1), (1, 0))
        rows.append((cumulative[:, bins[1:]] - cumulative[:, bins[:-1]]).float().numpy())
    return np.concatenate(rows) if rows else np.zeros((0, N_BANDS), dtype=np.float32)


def _ranges(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, 1, ... count - 1 for each of the counts, one after the other."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def _take(arrays: list[NDArray], order: NDArray[np.int64], dtype: type) -> NDArray:
    return np.concatenate(arrays)[order] if arrays else np.zeros(0, dtype=dtype)
