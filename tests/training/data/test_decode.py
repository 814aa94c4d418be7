from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from separator.audio import resample
from separator.errors import AudioError
from training.data.decode import decode, resample_blocks

Melody = Callable[..., np.ndarray]


@pytest.mark.parametrize("rates", [(44100, 22050), (48000, 22050), (24000, 22050), (16000, 22050), (22050, 22050)])
@pytest.mark.parametrize("block", [1, 1000, 10**9])
def test_resampling_in_blocks_is_resampling_in_one_go(melody: Melody, rates: tuple[int, int], block: int) -> None:
    n_samples = 200 if block == 1 else 23 * rates[0] + 7  # longer than one chunk of 20 s
    waveform = torch.from_numpy(melody(n_samples / rates[0], rates[0]))
    whole = resample(waveform, *rates)
    pieces = torch.cat(list(resample_blocks(iter(waveform.split(min(block, n_samples))), *rates)))
    assert len(pieces) == len(whole)
    assert torch.allclose(pieces, whole, atol=1e-6)


def test_channels_are_averaged_and_the_source_is_described(tmp_path: Path, melody: Melody) -> None:
    left, right = melody(0.5, 22050, seed=1), melody(0.5, 22050, seed=2)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), 22050, subtype="FLOAT")
    decoded = decode(tmp_path / "a.wav", 22050)
    assert np.allclose(decoded.waveform, (left + right) / 2, atol=1e-7)
    assert (decoded.source_rate, decoded.channels, decoded.missing_seconds) == (22050, 2, 0.0)
    assert decoded.clipped_share == 0


def test_clipped_samples_are_counted(tmp_path: Path) -> None:
    waveform = np.zeros(1000, dtype=np.float32)
    waveform[:250] = 1.5
    soundfile.write(tmp_path / "loud.wav", waveform, 22050)
    assert decode(tmp_path / "loud.wav", 22050).clipped_share == 0.25


@pytest.mark.parametrize("suffix", [".wav", ".mp3"])
def test_a_file_that_was_cut_short_is_told(tmp_path: Path, write_sound: Callable[..., Path], suffix: str) -> None:
    whole = write_sound(tmp_path / f"whole{suffix}", 3.0)
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert decode(whole, 22050).missing_seconds == 0.0
    decoded = decode(cut, 22050)
    assert decoded.missing_seconds == pytest.approx(1.5, abs=0.3)
    assert 1.0 < len(decoded.waveform) / 22050 < 2.0


def test_what_cannot_be_decoded_says_why(tmp_path: Path) -> None:
    (tmp_path / "text.mp3").write_text("lyrics, not music")
    (tmp_path / "empty.wav").touch()
    soundfile.write(tmp_path / "nan.wav", np.full(100, np.nan, dtype=np.float32), 22050, subtype="FLOAT")
    soundfile.write(tmp_path / "nothing.wav", np.zeros(0, dtype=np.float32), 22050)
    for name, message in {
        "text.mp3": "is not audio",
        "empty.wav": "is empty",
        "nan.wav": "not a number",
        "nothing.wav": "holds no audio",
        "absent.wav": "does not exist",
    }.items():
        with pytest.raises(AudioError, match=message):
            decode(tmp_path / name, 22050)
