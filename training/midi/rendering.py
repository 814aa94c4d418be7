"""Renders one MIDI file into a song folder of true stems, or a whole folder of them."""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
from torchaudio.functional import highpass_biquad

from separator.errors import DatasetError, SeparatorError
from training.midi.fluidsynth import FloatArray, check_soundfonts, find_fluidsynth, synthesise
from training.midi.score import TAIL_SECONDS, Score, cut, read_score, vary, write_stem
from training.midi.variation import Variation, draw_variation

MIDI_SUFFIXES = (".mid", ".midi")
SETTINGS_FILE = "rendering.json"
BLOCK_SECONDS = 0.1
PLAYING_SHARE = 0.01
"""Blocks within 20 dB of the loudest one count towards a stem's level."""
SILENCE = 1e-3
"""-60 dBFS: what a song ends with below this is trimmed, and a stem that never reaches it is left out."""
FADE_SECONDS = 0.05
LOWEST_HZ = 20.0
PEAK = 0.98


@dataclass(frozen=True)
class Rendering:
    """How songs are rendered; all songs of a folder alike."""

    soundfonts: tuple[Path, ...]
    seed: int = 0
    sample_rate: int = 44_100
    channels: int = 2
    format: str = "flac"
    max_seconds: float = 300.0

    def describe(self) -> dict[str, object]:
        """Everything that decides what a song sounds like, for the note in the folder."""
        return {**asdict(self), "soundfonts": [path.name for path in self.soundfonts]}


@dataclass(frozen=True)
class Outcome:
    """What became of one MIDI file; ``problem`` is empty where it was rendered."""

    name: str
    seconds: float
    problem: str = ""


def find_midi(folder: Path, seed: int) -> dict[str, Path]:
    """The MIDI files at any depth of a folder by song name, in an order drawn by lot: any first part is a fair sample.

    Raises:
        DatasetError: the folder is missing, or has none.
    """
    if not folder.is_dir():
        raise DatasetError(f"no folder {folder}: give one that holds MIDI files, at any depth")
    paths = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in MIDI_SUFFIXES and path.is_file() and not path.name.startswith(".")
    )
    if not paths:
        raise DatasetError(f"no MIDI files ({', '.join(MIDI_SUFFIXES)}) in {folder}")
    named: dict[str, Path] = {}
    for path in paths:
        name = "_".join(path.relative_to(folder).with_suffix("").parts)
        while name in named:
            name += "_"
        named[name] = path
    return dict(sorted(named.items(), key=lambda item: _hash(seed, item[0])))


def render_folder(songs: Mapping[str, Path], out_dir: Path, rendering: Rendering, workers: int) -> Iterator[Outcome]:
    """Render songs by name, several at a time; yields each as it is done. Those whose folder exists are passed over.

    Raises:
        ConfigError: FluidSynth or a soundfont is missing.
        DatasetError: the folder holds songs that were rendered otherwise.
    """
    find_fluidsynth()
    check_soundfonts(rendering.soundfonts)
    claim_folder(out_dir, rendering)
    missing = {name: path for name, path in songs.items() if not (out_dir / name).exists()}
    pool = ThreadPoolExecutor(workers)  # the work is done by processes of FluidSynth
    try:
        yield from (
            future.result()
            for future in as_completed(
                pool.submit(_try_to_render, name, path, out_dir, rendering) for name, path in missing.items()
            )
        )
    finally:
        pool.shutdown(cancel_futures=True)


def claim_folder(out_dir: Path, rendering: Rendering) -> None:
    """Note in the folder how its songs are rendered, or compare with the note that is there.

    Raises:
        DatasetError: the note differs.
    """
    note, settings = out_dir / SETTINGS_FILE, json.dumps(rendering.describe(), indent=2)
    if note.exists():
        if note.read_text(encoding="utf-8") != settings:
            raise DatasetError(f"{out_dir} holds songs rendered with other settings ({note}); give another --out_dir")
        return
    out_dir.mkdir(parents=True, exist_ok=True)
    part = note.with_name(f".{note.name}.part")
    part.write_text(settings, encoding="utf-8")
    part.replace(note)


def _try_to_render(name: str, path: Path, out_dir: Path, rendering: Rendering) -> Outcome:
    try:
        return Outcome(name, render_song(name, path, out_dir, rendering))
    except SeparatorError as error:
        return Outcome(name, 0.0, str(error))


def render_song(name: str, path: Path, out_dir: Path, rendering: Rendering) -> float:
    """Write ``out_dir/name`` with a file per stem, all of one length, at once; returns its seconds.

    Raises:
        AudioError: FluidSynth failed.
        DatasetError: the MIDI file is damaged, or nothing sounds.
    """
    rng = np.random.default_rng(_hash(rendering.seed, name))
    variation = draw_variation(rng, rendering.soundfonts)
    score = cut(vary(read_score(path), variation), rendering.max_seconds)
    stems = mix(synthesise_stems(score, variation, rendering), variation, rendering)
    if not stems:
        raise DatasetError(f"nothing of {path} sounds with {variation.soundfont.name}")
    with tempfile.TemporaryDirectory(prefix=".rendering-", dir=out_dir) as part:
        folder = Path(part) / name
        folder.mkdir()
        for stem, samples in stems.items():
            soundfile.write(folder / f"{stem}.{rendering.format}", samples, rendering.sample_rate)
        folder.rename(out_dir / name)
    return len(next(iter(stems.values()))) / rendering.sample_rate


def synthesise_stems(score: Score, variation: Variation, rendering: Rendering) -> dict[str, FloatArray]:
    """Samples (N, C) of each stem that has notes; their lengths differ."""
    stems: dict[str, FloatArray] = {}
    seconds = max(score.seconds()) + TAIL_SECONDS
    for stem in sorted(score.stems()):
        with tempfile.TemporaryDirectory() as folder:
            midi_path = Path(folder) / f"{stem}.mid"
            write_stem(score, stem, variation, midi_path)
            samples = synthesise(midi_path, variation.soundfont, rendering.sample_rate, seconds, variation.room)
        mixed_down = samples if rendering.channels == 2 else samples.mean(axis=1, keepdims=True)
        stems[stem] = remove_offset(mixed_down, rendering.sample_rate)
    return stems


def remove_offset(samples: FloatArray, sample_rate: int) -> FloatArray:
    """Filter out inaudibly low frequencies; (N, C). Some samples of common soundfonts are far off zero."""
    filtered = highpass_biquad(torch.from_numpy(samples.T.copy()), sample_rate, LOWEST_HZ)
    return np.asarray(filtered.numpy().T)


def mix(stems: Mapping[str, FloatArray], variation: Variation, rendering: Rendering) -> dict[str, FloatArray]:
    """The stems (N, C) that sound, at their levels and of one length; neither they nor their sum clip."""
    most = round(rendering.max_seconds * rendering.sample_rate)
    kept = {stem: samples[:most] for stem, samples in stems.items()}
    sounding = {stem: samples for stem, samples in kept.items() if np.abs(samples).max(initial=0) > SILENCE}
    if not sounding:
        return {}
    longest = max(map(len, sounding.values()))
    levelled = {
        stem: _pad(samples, longest) * _find_gain(samples, variation.levels_dbfs[stem], rendering.sample_rate)
        for stem, samples in sounding.items()
    }
    mixture = sum(levelled.values())
    peak = max(float(np.abs(samples).max()) for samples in [*levelled.values(), mixture])
    end = int(np.flatnonzero(np.abs(mixture).max(axis=1) > SILENCE)[-1]) + 1
    fade = np.minimum(1, np.arange(end, 0, -1) / (FADE_SECONDS * rendering.sample_rate))[:, None]
    return {
        stem: np.asarray(samples[:end] * fade * min(1.0, PEAK / peak), dtype=np.float32)
        for stem, samples in levelled.items()
    }


def _pad(samples: FloatArray, n_samples: int) -> FloatArray:
    return np.pad(samples, ((0, n_samples - len(samples)), (0, 0)))


def _find_gain(samples: FloatArray, level_dbfs: float, sample_rate: int) -> float:
    """What brings the RMS of the parts that play to a level."""
    block = round(BLOCK_SECONDS * sample_rate)
    n_blocks = max(1, len(samples) // block)
    powers = np.array([np.square(part).mean() for part in np.array_split(samples, n_blocks)])
    playing = powers[powers >= PLAYING_SHARE * powers.max()]
    return float(10 ** (level_dbfs / 20) / np.sqrt(playing.mean()))


def _hash(seed: int, name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:8], "big")
