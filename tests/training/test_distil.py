"""Songs of which the truth is half known: what is written of them, and that they can be trained on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import soundfile
import torch
from torch import Tensor

from separator.errors import AudioError
from training.datasets import find_songs
from training.distil import EXCERPTS_PER_SONG, half_known, main, write_songs

RATE = 22050


def test_the_mean_counts_up_to_the_band_and_the_estimate_above(tone: Callable[..., Tensor]):
    low, high, other = (tone(RATE, hz, RATE, 1)[0] for hz in (500.0, 9000.0, 2000.0))
    mixed = half_known(low + high, other, band_hz=8000.0)
    assert torch.allclose(mixed[2000:-2000], ((low + other) / 2)[2000:-2000], atol=1e-3)
    mixed = half_known(low + high, other, band_hz=RATE / 2)
    assert torch.allclose(mixed, (low + high + other) / 2, atol=1e-4)


def excerpts() -> Iterator[tuple[Tensor, Tensor]]:
    for i in range(EXCERPTS_PER_SONG * 2):
        yield torch.full((100,), i / 1000), torch.full((100,), i / 2000)


def test_songs_are_written_excerpt_after_excerpt(tmp_path: Path):
    write_songs(tmp_path / "soft", excerpts(), 2)
    found = find_songs(tmp_path / "soft").songs
    assert [song.name for song in found] == ["mix_000", "mix_001"]
    mixture, rate = soundfile.read(tmp_path / "soft" / "mix_001" / "mixture.flac")
    vocals, _ = soundfile.read(tmp_path / "soft" / "mix_001" / "vocals.flac")
    assert (rate, len(mixture)) == (RATE, 100 * EXCERPTS_PER_SONG)
    assert mixture[250] == pytest.approx(52 / 1000, abs=1e-4)
    assert vocals[250] == pytest.approx(52 / 2000, abs=1e-4)


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(AudioError, match="cannot write to"):
        write_songs(tmp_path, excerpts(), 1)
    assert main([str(tmp_path / "new")]) == 2
    assert "data_dir is missing" in capsys.readouterr().err
