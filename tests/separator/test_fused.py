"""The fused network is the same function."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from separator.config import ModelConfig
from separator.fused import SubPixelConv, fused
from separator.model import CRNN

SMALL = ModelConfig(channels=(4, 6, 8, 10), gru_input=12, gru_hidden=8)


def settled(config: ModelConfig) -> CRNN:
    """A model whose normalisations have learned something, as after training."""
    torch.manual_seed(0)
    model = CRNN(config)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 2.0)
            nn.init.normal_(layer.bias)
            nn.init.normal_(layer.running_mean)
            nn.init.uniform_(layer.running_var, 0.5, 2.0)
    return model.eval()


@pytest.mark.parametrize(
    "config",
    [
        SMALL,
        ModelConfig.plain(),
        replace(SMALL, kernel_size=5),
        replace(SMALL, frequency_strides=(2, 2, 2, 4)),
        replace(SMALL, frequency_strides=(1, 2, 2, 2)),
        replace(SMALL, time_strides=(2, 1, 1, 1)),
    ],
)
@pytest.mark.parametrize("frames", [1, 7, 40])
def test_it_gives_the_same_masks_and_leaves_the_model_alone(config: ModelConfig, frames: int):
    model = settled(config)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    magnitude = torch.rand(2, config.stft.n_bins, frames)
    with torch.inference_mode():
        expected = model(magnitude)
        assert torch.allclose(fused(model)(magnitude), expected, atol=1e-5)
        assert torch.equal(model(magnitude), expected)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_no_normalisation_is_left_to_be_done():
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in fused(settled(SMALL)).modules())


@pytest.mark.parametrize(("frames", "bins", "stride"), [(3, 8, 4), (3, 4, 2), (5, 6, 2), (3, 9, 3), (1, 4, 4)])
def test_a_sub_pixel_convolution_is_the_transposed_one(frames: int, bins: int, stride: int):
    torch.manual_seed(0)
    padding = ((frames - 1) // 2, (bins - stride) // 2)
    transposed = nn.ConvTranspose2d(5, 1, (frames, bins), stride=(1, stride), padding=padding)
    x = torch.randn(2, 5, 6, 7)
    with torch.inference_mode():
        assert torch.allclose(SubPixelConv(transposed)(x), transposed(x), atol=1e-5)
