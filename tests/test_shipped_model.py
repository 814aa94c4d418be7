"""The shipped model is what its card says: its size, its terms, and its score on the demo song."""

import re
from pathlib import Path

import pytest

from separator.api import SHIPPED_MODEL, Separator
from separator.audio import read
from separator.checkpoint import describe
from separator.metrics import sdr

ROOT = Path(__file__).resolve().parent.parent
CARD = (ROOT / "checkpoints" / "README.md").read_text(encoding="utf-8")


def test_it_is_as_small_as_the_card_says() -> None:
    info = describe(SHIPPED_MODEL)
    said = re.search(r"\| `vocals.pth` \|.*\| ([\d.]+) M \| ([\d.]+) MB \|", CARD)
    assert said is not None
    assert info.n_weights / 1e6 == pytest.approx(float(said[1]), abs=0.01)
    assert info.size_bytes / 1e6 == pytest.approx(float(said[2]), abs=0.1)
    assert info.n_weights < 4e6
    assert info.size_bytes < 16e6


def test_its_record_tells_the_terms() -> None:
    assert "non-commercial" in describe(SHIPPED_MODEL).training["terms"]


def test_it_scores_on_the_demo_song_what_the_card_says() -> None:
    said = re.search(r"demo song[^|]*\| ([\d.]+) dB", CARD)
    assert said is not None
    mixture, rate = read(ROOT / "assets" / "demo" / "mixture.flac")
    vocals, _ = read(ROOT / "assets" / "demo" / "vocals.flac")
    stems = Separator.from_checkpoint(device="cpu").separate(mixture, rate)
    assert float(sdr(vocals, stems["vocals"])) == pytest.approx(float(said[1]), abs=0.05)
    assert float((stems["vocals"] + stems["accompaniment"] - mixture).abs().max()) < 1e-6


def test_moving_the_segments_by_half_of_one_cannot_be_heard() -> None:
    song, rate = read(ROOT / "assets" / "demo" / "mixture.flac")
    separator = Separator.from_checkpoint(device="cpu")
    moved = separator.plan.stride // 2 * 2 * 256  # samples at 44.1 kHz
    settled = moved + 2 * rate  # the later start is heard as the beginning of a song, without what came before
    stem = separator.separate(song, rate)["vocals"]
    again = separator.separate(song[:, moved:], rate)["vocals"]
    assert rate == 44100
    assert song.shape[1] > settled + 5 * rate
    assert float(sdr(stem[:, settled:], again[:, settled - moved :])) > 30
