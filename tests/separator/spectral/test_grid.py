"""The model's grid at a song's own rate: the same frames and bins without resampling, and a mask for every bin."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from separator.audio import resample
from separator.spectral import Grid, StftConfig, istft, normalize_masks, resample_mask, stft

MODEL = StftConfig()


def test_the_two_rates_of_the_design_fall_on_the_grid_exactly() -> None:
    assert Grid.at_rate(44100, MODEL) == Grid(2048, 512, MODEL)
    assert Grid.at_rate(22050, MODEL) == Grid(1024, 256, MODEL)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 24000, 32000, 37123, 48000, 88200, 96000, 192000])
def test_other_rates_keep_window_and_hop_in_seconds(rate: int) -> None:
    grid = Grid.at_rate(rate, MODEL)
    assert grid.hop_length / rate == pytest.approx(256 / 22050, rel=0.01)
    assert grid.n_fft == 4 * grid.hop_length


@pytest.mark.parametrize("rate", [22050, 44100, 48000, 96000])
def test_the_magnitude_is_that_of_the_resampled_downmix(noise: Callable[..., Tensor], rate: int) -> None:
    # Smooth noise below 5 kHz, so that neither filter edges nor the slightly different grids matter.
    song = resample(noise(20000), 10000, rate)
    grid = Grid.at_rate(rate, MODEL)
    direct = grid.compute_model_magnitude(stft(song, grid.n_fft, grid.hop_length), [1.0, 1.0])
    detour = stft(resample(song.mean(0), rate, 22050), 1024, 256).abs()
    assert direct.shape[0] == detour.shape[0] == 513
    assert float(direct.square().mean()) == pytest.approx(float(detour.square().mean()), rel=0.02)
    if grid.hop_length * 22050 == 256 * rate:
        error = (direct - detour)[:200, 5:-5].square().sum() / detour[:200, 5:-5].square().sum()
        assert 10 * torch.log10(error) < -50


def test_a_model_for_stereo_hears_left_and_right(noise: Callable[..., Tensor]) -> None:
    grid = Grid.at_rate(44100, MODEL)
    song = stft(noise(20000), grid.n_fft, grid.hop_length)
    heard = grid.compute_model_magnitude(song, [2.0, -3.0], input_channels=2)
    assert heard.shape == (2, 513, song.shape[-1])
    for channel, gain, magnitude in zip(song, (2.0, 3.0), heard, strict=True):
        assert torch.allclose(magnitude, grid.compute_model_magnitude(channel[None], [gain]))


def test_the_downmix_is_the_mean_of_the_channels_in_use(noise: Callable[..., Tensor]) -> None:
    grid = Grid.at_rate(44100, MODEL)
    song = stft(noise(20000, channels=3), grid.n_fft, grid.hop_length)
    expected = ((2 * song[0] - song[2]) / 2).abs()[:513] * grid.model.n_fft / grid.n_fft
    assert torch.allclose(grid.compute_model_magnitude(song, [2.0, 0.0, -1.0]), expected, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 6])
def test_of_a_song_that_is_not_stereo_it_hears_the_downmix(noise: Callable[..., Tensor], channels: int) -> None:
    grid = Grid.at_rate(44100, MODEL)
    song, gains = stft(noise(20000, channels=channels), grid.n_fft, grid.hop_length), [1.0] * channels
    assert torch.equal(
        grid.compute_model_magnitude(song, gains, input_channels=2), grid.compute_model_magnitude(song, gains)
    )


def test_low_rates_are_filled_up_with_silence(noise: Callable[..., Tensor]) -> None:
    grid = Grid.at_rate(8000, MODEL)
    magnitude = grid.compute_model_magnitude(stft(noise(8000), grid.n_fft, grid.hop_length), [1.0, 1.0])
    assert magnitude.shape[0] == 513
    assert magnitude[grid.n_fft // 2 + 1 :].abs().max() == 0
    assert grid.extend_to_full_band(torch.rand(513, 10)).shape == (grid.n_fft // 2 + 1, 10)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 192000])
def test_a_mask_of_ones_is_the_song(noise: Callable[..., Tensor], rate: int) -> None:
    song = noise(rate // 2 + 17)
    grid = Grid.at_rate(rate, MODEL)
    spectrum = stft(song, grid.n_fft, grid.hop_length)
    mask = grid.extend_to_full_band(torch.ones(513, spectrum.shape[-1]))
    assert mask.eq(1).all()
    assert (istft(spectrum * mask, grid.n_fft, grid.hop_length, song.shape[-1]) - song).abs().max() < 1e-6


def test_above_the_band_goes_on_as_the_top_kilohertz_smoothed() -> None:
    mask = torch.zeros(513, 100)
    mask[450:500, 50] = 1.0
    above = Grid.at_rate(44100, MODEL).extend_to_full_band(mask)[513:]
    assert above.shape == (512, 100)
    assert (above == above[:1]).all()
    assert above[0, 50] == pytest.approx(1 / 9, rel=0.1)  # 9 frames are a tenth of a second
    assert above[0, :40].abs().max() == 0
    assert float(above[0].sum()) == pytest.approx(1.0, rel=0.1)


def test_strict_band_leaves_what_is_above_to_the_rest() -> None:
    mask = torch.rand(513, 10)
    full = Grid.at_rate(44100, MODEL).extend_to_full_band(mask, strict=True)
    assert torch.equal(full[:513], mask)
    assert full[513:].abs().max() == 0


def test_no_bin_is_given_away_twice() -> None:
    masks = [torch.tensor([[0.8, 0.2]]), torch.tensor([[0.8, 0.3]])]
    shared = normalize_masks(masks)
    assert torch.allclose(shared[0], torch.tensor([[0.5, 0.2]]))
    assert torch.allclose(shared[1], torch.tensor([[0.5, 0.3]]))
    assert normalize_masks(masks[:1])[0] is masks[0]


def test_a_mask_on_another_grid_is_the_same_picture() -> None:
    """A slope along both axes, which linear interpolation keeps exactly, to a grid twice as fine and back."""
    coarse, fine = Grid(1024, 256, MODEL), Grid(2048, 512, StftConfig(n_fft=2048, hop_length=512))
    hz, seconds = torch.linspace(0, 1, 513)[:, None], 256 / 22050 * torch.arange(41)
    mask = 0.5 * hz + 0.7 * seconds
    moved = resample_mask(mask, coarse, fine, (1025, 21))
    assert torch.allclose(moved, 0.5 * torch.linspace(0, 1, 1025)[:, None] + 0.7 * 512 / 22050 * torch.arange(21))
    assert torch.allclose(resample_mask(moved, fine, coarse, (513, 41)), mask, atol=1e-6)
    assert resample_mask(mask, coarse, coarse, (513, 41)) is mask
