"""The fused network is the same function."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from separator.model.config import ModelConfig
from separator.model.crnn import CRNN
from separator.model.optimize.fuse import fused

SMALL = ModelConfig(channels=(4, 6, 8, 10), gru_input=12, gru_hidden=8)
TINY_UNET = replace(ModelConfig.unet(), channels=(4, 6, 8, 10), gru_hidden=8)


def settled(config: ModelConfig) -> CRNN:
    """A model whose normalisations have learned something, as after training."""
    torch.manual_seed(0)
    model = CRNN(config)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 2.0)
            layer.weight.data[1::2] *= -1  # what training may do, too
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
        TINY_UNET,
        replace(SMALL, targets=("drums", "bass", "vocals"), competing=True),
        replace(TINY_UNET, targets=("drums", "bass", "vocals")),
        replace(TINY_UNET, input_channels=1, time_strides=(1, 2, 1, 4), frequency_strides=(2, 1, 4, 2)),
        replace(TINY_UNET, kernel_size=3, time_strides=(1, 1, 1, 1)),
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


@pytest.mark.parametrize("config", [SMALL, TINY_UNET])
def test_no_normalisation_is_left_to_be_done(config: ModelConfig):
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in fused(settled(config)).modules())
