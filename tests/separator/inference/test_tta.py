"""Test-time augmentation: what is asked of the network, and that a network sure of itself gives the same mask."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from separator.api import Separator
from separator.inference.tta import DETUNED, averaged_mask, retuned
from separator.model.crnn import CRNN
from separator.spectral.config import StftConfig
from separator.spectral.grid import Grid

GRID = Grid.at_rate(22050, StftConfig())


@pytest.mark.parametrize("input_channels", [1, 2])
@pytest.mark.parametrize(("channels", "hearings"), [(1, 3), (2, 5), (6, 9)])
def test_it_hears_the_song_in_three_tunings_and_each_channel(channels: int, hearings: int, input_channels: int):
    heard: list[Tensor] = []

    def half(magnitude: Tensor, _: int) -> Tensor:
        heard.append(magnitude)
        return torch.full((513, 6), 0.5)

    spectrum = torch.randn(channels, 513, 6, dtype=torch.complex64)
    whole = GRID.model_magnitude(spectrum, [1.0] * channels, input_channels)
    mask = averaged_mask(half, whole, spectrum, [1.0] * channels, GRID, period=1)
    assert len(heard) == hearings
    assert torch.equal(heard[0], whole)
    assert all(magnitude.shape == whole.shape for magnitude in heard[:3])
    assert all(magnitude.shape == (513, 6) for magnitude in heard[3:])
    assert torch.allclose(mask, torch.full((513, 6), 0.5))


@pytest.mark.parametrize(("period", "beginnings"), [(16, [0, 8]), (8, [0, 4]), (2, [0, 1]), (3, [0, 2])])
def test_a_network_that_folds_time_begins_at_several_places(period: int, beginnings: list[int]):
    """One that counts the frames since it began, modulo what it folds, is right on average wherever that is."""
    heard: list[int] = []

    def counting(magnitude: Tensor, _: int) -> Tensor:
        heard.append(50 - magnitude.shape[-1])
        return (torch.arange(magnitude.shape[-1]) % period).float().expand(513, -1).clone()

    spectrum = torch.randn(2, 513, 50, dtype=torch.complex64)
    mask = averaged_mask(counting, GRID.model_magnitude(spectrum, [1.0, 1.0], 2), spectrum, [1.0, 1.0], GRID, period)
    assert heard == beginnings
    for frame in range(50):
        counts = [(frame - beginning) % period for beginning in beginnings if beginning <= frame]
        assert torch.allclose(mask[:, frame], torch.tensor(sum(counts) / len(counts)))


def test_of_a_song_shorter_than_a_fold_what_is_there_is_heard():
    def half(magnitude: Tensor, _: int) -> Tensor:
        return torch.full(magnitude.shape[-2:], 0.5)

    for frames in (1, 3, 5):
        spectrum = torch.randn(1, 513, frames, dtype=torch.complex64)
        mask = averaged_mask(half, spectrum.abs()[0], spectrum, [1.0], GRID, period=16)
        assert torch.equal(mask, torch.full((513, frames), 0.5))


def test_a_peak_moves_by_the_factor_and_comes_back():
    peak = torch.zeros(513, 1)
    peak[100] = 1.0
    assert retuned(peak, DETUNED).argmax() == 103
    assert retuned(retuned(peak, DETUNED), 1 / DETUNED).argmax() == 100
    smooth = torch.linspace(0, 6, 513).sin()[:, None] ** 2
    there_and_back = retuned(retuned(smooth, DETUNED), 1 / DETUNED)
    assert torch.allclose(there_and_back[:490], smooth[:490], atol=1e-3)


def test_stems_still_add_up_to_the_song(tiny_model: CRNN, noise: Callable[..., Tensor]):
    song = noise(50000)
    plain, averaged = Separator([tiny_model], "cpu"), Separator([tiny_model], "cpu", tta=True)
    stems = averaged.separate(song, 44100)
    assert torch.allclose(sum(stems.values(), torch.zeros(())), song, atol=1e-6)
    assert not torch.allclose(stems["vocals"], plain.separate(song, 44100)["vocals"], atol=1e-6)
