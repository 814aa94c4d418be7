"""What level, balance and polarity a song has makes no difference to how it is separated."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from separator.api import Separator
from separator.inference.levels import BLOCK_SAMPLES, LEVEL_DBFS, Levels, measure_levels
from separator.model import CRNN

Noise = Callable[..., Tensor]


def rms_dbfs(waveform: Tensor) -> float:
    return float(10 * torch.log10(waveform.square().mean()))


@pytest.mark.parametrize("gain", [1e-4, 0.1, 1.0, 30.0])
def test_gains_bring_every_channel_to_the_level(noise: Noise, gain: float) -> None:
    song = gain * noise(50_000, 1).repeat(2, 1) * torch.tensor([[1.0], [0.2]])
    gains = measure_levels([song]).gains
    for channel, factor in zip(song, gains, strict=True):
        assert rms_dbfs(channel * factor) == pytest.approx(LEVEL_DBFS, abs=0.01)


def test_pauses_do_not_count_for_the_level(noise: Noise) -> None:
    song = noise(2 * BLOCK_SAMPLES, 1)
    blocks = torch.cat((song, torch.zeros(1, 6 * BLOCK_SAMPLES)), dim=1).split(BLOCK_SAMPLES, dim=1)
    assert measure_levels(blocks).gains == pytest.approx(measure_levels([song]).gains, rel=0.01)


def test_a_channel_of_wrong_polarity_has_a_negative_gain(noise: Noise) -> None:
    mono = noise(50_000, 1)
    left, right = measure_levels([torch.cat((mono, -mono))]).gains
    assert left > 0
    assert right == pytest.approx(-left)


@pytest.mark.parametrize("softer", [0.0, 1e-3])
def test_a_channel_that_is_all_but_silent_is_left_out(noise: Noise, softer: float) -> None:
    mono = noise(50_000, 1)
    left, right = measure_levels([torch.cat((mono, softer * noise(50_000, 1, seed=1)))]).gains
    assert left == pytest.approx(measure_levels([mono]).gains[0])
    assert right == 0


def test_silence_keeps_its_level() -> None:
    assert measure_levels([torch.zeros(2, 1000)]).gains == (1.0, 1.0)


def test_channels_of_different_sources_are_unlike(tone: Callable[..., Tensor]) -> None:
    low, high = tone(50_000, 440.0, channels=1), tone(50_000, 4000.0, channels=1)
    assert measure_levels([torch.cat((low, high))]).unlike
    assert not measure_levels([torch.cat((low + 0.5 * high, 0.5 * low + high))]).unlike


def test_unlike_channels_are_songs_in_mono() -> None:
    assert Levels((2.0, -3.0)).songs() == [(slice(None), (2.0, -3.0))]
    assert Levels((2.0, -3.0), unlike=True).songs() == [(slice(0, 1), (2.0,)), (slice(1, 2), (3.0,))]


@pytest.mark.parametrize("gains", [(0.01, 0.01), (20.0, 20.0), (1.0, 0.1), (1.0, -1.0)])
def test_stems_follow_the_song_through_gain_and_balance(
    noise: Noise, tiny_model: CRNN, gains: tuple[float, ...]
) -> None:
    separator, factors = Separator([tiny_model], "cpu"), torch.tensor(gains)[:, None]
    song = noise(30_000, 1).repeat(2, 1) + 0.3 * noise(30_000, 2, seed=1)
    changed = song * torch.tensor([1.0, 0.999])[:, None] * factors
    stem, expected = separator.separate(changed, 44100)["vocals"], separator.separate(song, 44100)["vocals"] * factors
    assert rms_dbfs((stem - expected) / factors) < rms_dbfs(expected / factors) - 50


def test_a_song_in_one_channel_is_separated_as_in_mono(noise: Noise, tiny_model: CRNN) -> None:
    separator, song = Separator([tiny_model], "cpu"), noise(30_000, 1)
    stem = separator.separate(torch.cat((song, torch.zeros_like(song))), 44100)["vocals"]
    assert torch.allclose(stem[:1], separator.separate(song, 44100)["vocals"], atol=1e-6)
    assert stem[1].abs().max() == 0


def test_unlike_channels_are_separated_as_two_songs(tone: Callable[..., Tensor], tiny_model: CRNN) -> None:
    separator = Separator([tiny_model], "cpu")
    song = torch.cat((tone(30_000, 440.0, channels=1), tone(30_000, 4000.0, channels=1)))
    stem = separator.separate(song, 44100)["vocals"]
    for channel, own in zip(song, stem, strict=True):
        assert torch.allclose(own, separator.separate(channel[None], 44100)["vocals"][0], atol=1e-6)
