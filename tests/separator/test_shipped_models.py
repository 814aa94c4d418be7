"""The shipped models are what checkpoints/metrics.json holds, and every page shows its figures."""

import math
from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard

from separator.api import SHIPPED_MODEL, Separator
from separator.audio import read
from separator.metrics import sdr
from separator.model import load_model
from separator.model.checkpoint import describe
from separator.spectral import Grid
from tests.benchmarks.metric_tables import BLOCK, PAGES, ROOT, TABLES, fill_tables, read_metrics
from tests.benchmarks.robustness import CHANGES, changed_sdr_db, load_song
from tests.benchmarks.seams import SECONDS, seam_db
from tests.benchmarks.separation_quality import FOUR_STEMS, MODELS, demo_sdr_db, describe_model, shipped_path

METRICS = read_metrics()


@pytest.mark.parametrize("name", MODELS)
def test_size_and_cost_are_those_of_metrics_json(name: str) -> None:
    info = describe(shipped_path(name))
    assert describe_model(name) == METRICS["models"][name]
    assert info.targets == tuple(METRICS["demo"][name])
    assert info.n_weights < 4e6
    assert info.size_bytes < 16e6


@pytest.mark.parametrize("name", MODELS)
def test_record_holds_the_terms(name: str) -> None:
    assert "non-commercial" in describe(shipped_path(name)).training["terms"]


def test_record_of_vocals_names_spleeter() -> None:
    assert "Spleeter" in describe(SHIPPED_MODEL).training["origin"]
    assert "origin" not in describe(shipped_path("vocals_scratch")).training


@pytest.mark.slow
@pytest.mark.parametrize("name", [*MODELS, FOUR_STEMS])
def test_demo_song_scores_what_metrics_json_holds(name: str) -> None:
    assert demo_sdr_db(name) == pytest.approx(METRICS["demo"][name], abs=0.05)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_tables_hold_the_figures_of_metrics_json(page: Path) -> None:
    """Where this fails, run ``python -m tests.benchmarks.metric_tables``."""
    text = page.read_text(encoding="utf-8")
    assert fill_tables(text, METRICS) == text


def test_every_table_stands_on_one_page() -> None:
    names = [block[3] for page in PAGES for block in BLOCK.finditer(page.read_text(encoding="utf-8"))]
    assert sorted(names) == sorted(TABLES)


def test_card_has_five_headline_results() -> None:
    results = ModelCard.load(ROOT / "checkpoints" / "README.md").data.eval_results
    assert results is not None
    vocals = METRICS["vocals"]["mean"]["sori"]
    others = [METRICS["stems"][stem]["mean"]["sori"]["usdr_own"] for stem in ("drums", "bass", "other")]
    assert [result.metric_value for result in results] == [vocals["usdr_own"], vocals["csdr_own"], *others]


def test_mean_is_that_of_the_songs() -> None:
    for section in (METRICS["vocals"], *METRICS["stems"].values()):
        scores = [song["sori"]["usdr_own"] for song in section["per_song"].values()]
        assert len(scores) == section["songs"]
        assert section["mean"]["sori"]["usdr_own"] == pytest.approx(sum(scores) / len(scores), abs=0.01)


@pytest.mark.slow
def test_all_stems_add_up_to_the_song() -> None:
    mixture, rate = read(ROOT / "assets" / "demo" / "mixture.flac")
    mixture = mixture[:, : 8 * rate]
    stems = Separator.from_preset(FOUR_STEMS, "cpu").separate(mixture, rate)
    assert sorted(stems) == ["bass", "drums", "other", "vocals"]
    assert float((torch.stack(list(stems.values())).sum(dim=0) - mixture).abs().max()) < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "worst_db"),
    [
        ("gain -36 dB", -0.2),
        ("gain +30 dB", -0.2),
        ("right -10 dB", -0.2),
        ("right's polarity flipped", -0.2),
        ("left only", -0.5),
        ("target left, rest stereo", -2.9),
        ("target left, rest right", -2.9),
    ],
)
def test_level_and_balance_hardly_matter(change: str, worst_db: float) -> None:
    """SDR of the demo song, changed, against that of the song as it is; below -2.9 dB it would fall under 7 dB."""
    target, rest, rate = load_song(ROOT / "assets" / "demo", "vocals")
    separator = Separator.from_checkpoint(SHIPPED_MODEL, "cpu")
    plain, changed = (
        changed_sdr_db(lambda song: separator.separate(song, rate)["vocals"], *CHANGES[name](target, rest))
        for name in ("as it is", change)
    )
    assert changed - plain > worst_db


LATE_START_DB = {"vocals": 29.7}
"""Of a model that misses 30 dB. Half a segment is taken away, not only cut off: the network has less context."""


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_a_later_start_hardly_changes_stems(name: str) -> None:
    song, rate = read(ROOT / "assets" / "demo" / "mixture.flac")
    separator = Separator.from_checkpoint(shipped_path(name), "cpu")
    target = separator.targets[0]
    moved = (
        separator.segmentations[0].hop // 2 * Grid.at_rate(rate, describe(shipped_path(name)).config.stft).hop_length
    )
    settled = moved + 2 * rate  # the GRU state is zero at a song's beginning
    stem = separator.separate(song, rate)[target]
    again = separator.separate(song[:, moved:], rate)[target]
    assert rate == 44100
    assert song.shape[1] > settled + 5 * rate
    assert float(sdr(stem[:, settled:], again[:, settled - moved :])) > LATE_START_DB.get(name, 30.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_other_segment_borders_hardly_change_stems(name: str) -> None:
    """Cut every 12 and every 18 seconds: every other cut is half a segment away from one of the others."""
    song, rate = read(ROOT / "assets" / "demo" / "mixture.flac")
    assert song.shape[1] > 2 * SECONDS * rate
    assert 30 < seam_db(load_model(shipped_path(name)), song, rate) < math.inf
