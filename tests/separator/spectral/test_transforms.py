"""The STFT: equal to a naive one, exactly inverted at any length, and one grid at 22.05 and 44.1 kHz."""

import pytest
import torch

from separator.spectral import istft, n_frames, stft

LENGTHS = [1, 2, 255, 256, 257, 512, 513, 1023, 1024, 1025, 4096, 10_007]


@pytest.mark.parametrize("length", LENGTHS)
def test_the_inverse_gives_back_every_sample(length: int):
    waveform = torch.randn(2, length, generator=torch.Generator().manual_seed(length))
    back = istft(stft(waveform, 1024, 256), 1024, 256, length)
    assert back.shape == waveform.shape
    assert torch.allclose(back, waveform, atol=1e-5)


@pytest.mark.parametrize("length", LENGTHS)
def test_the_number_of_frames_follows_from_the_samples(length: int):
    spectrum = stft(torch.zeros(length), 1024, 256)
    assert spectrum.shape == (513, n_frames(length, 256))


def test_it_is_the_discrete_fourier_transform_of_windowed_frames():
    n_fft, hop = 64, 16
    waveform = torch.randn(500, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    padded = torch.nn.functional.pad(waveform[None], (n_fft // 2, n_fft // 2), mode="reflect")[0]
    time, bins = torch.arange(n_fft, dtype=torch.float64), torch.arange(n_fft // 2 + 1, dtype=torch.float64)
    window = torch.sin(torch.pi * time / n_fft) ** 2  # periodic Hann
    basis = torch.exp(-2j * torch.pi * torch.outer(bins, time) / n_fft)
    frames = torch.stack([padded[t * hop : t * hop + n_fft] * window for t in range(500 // hop + 1)], dim=1)
    assert torch.allclose(stft(waveform, n_fft, hop), basis @ frames.to(basis.dtype), atol=1e-9)


def test_leading_axes_are_kept():
    waveform = torch.randn(2, 3, 5, 2000)
    spectrum = stft(waveform, 256, 64)
    assert spectrum.shape[:3] == (2, 3, 5)
    assert torch.equal(spectrum[1, 2, 3], stft(waveform[1, 2, 3], 256, 64))
    assert istft(spectrum, 256, 64, 2000).shape == waveform.shape


def test_a_tone_has_the_same_bins_and_frames_at_both_rates():
    """The grid relation that lets a 22.05 kHz mask be laid over a 44.1 kHz song."""
    hz = 1234.5

    def magnitude(sample_rate: int, n_fft: int, hop: int) -> torch.Tensor:
        time = torch.arange(sample_rate, dtype=torch.float64) / sample_rate
        return stft(torch.sin(2 * torch.pi * hz * time), n_fft, hop).abs()

    low, high = magnitude(22050, 1024, 256), magnitude(44100, 2048, 512)
    assert high.shape == (1025, low.shape[1])
    inside = slice(4, -4)  # away from the reflected ends, where the two rates differ by a sample
    assert torch.allclose(high[:513, inside], 2 * low[:, inside], atol=0.02 * float(high.max()))


def test_a_masked_spectrum_becomes_the_closest_waveform():
    """Least squares: no other waveform's STFT is nearer to the masked spectrum."""
    waveform = torch.randn(3000, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    spectrum = stft(waveform, 256, 64)
    masked = spectrum * torch.rand(spectrum.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    closest = istft(masked, 256, 64, 3000)

    def distance(candidate: torch.Tensor) -> float:
        inner = (stft(candidate, 256, 64) - masked)[1:-1, 2:-2]  # one-sided end bins and reflected ends count once
        return float(inner.abs().square().sum())

    for seed in range(3):
        step = 0.01 * torch.randn(3000, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        step[:300], step[-300:] = 0, 0
        assert distance(closest) < distance(closest + step)


@pytest.mark.parametrize("hop", [256, 128, 64, 100])
def test_any_hop_is_inverted(hop: int):
    waveform = torch.randn(1, 4000, dtype=torch.float64, generator=torch.Generator().manual_seed(hop))
    assert torch.allclose(istft(stft(waveform, 512, hop), 512, hop, 4000), waveform, atol=1e-10)
