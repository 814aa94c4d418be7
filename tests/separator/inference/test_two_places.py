"""Two places of the deepest fold: what is heard half a fold later is answered half a fold later."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from separator.inference.two_places import TwoPlaces, hear_from_two_places, period
from separator.model.config import ModelConfig
from separator.model.crnn import CRNN
from separator.model.optimize.fuse import fused

TINY = replace(ModelConfig.unet(), channels=(2, 3, 4, 5), gru_hidden=4)
HALF_A_FOLD = 8
"""Frames."""


def forgetful() -> CRNN:
    """A model whose middle passes on what it hears: it has no memory of when the song began."""
    torch.manual_seed(0)
    model = CRNN(TINY).eval()
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, std=0.3)
    model.bottleneck = nn.Identity()
    return model


def change_when_heard_later(model: nn.Module, magnitude: Tensor) -> float:
    """How far the masks of a song and of the same song half a fold later are apart, away from its ends."""
    with torch.inference_mode():
        mask = model(magnitude)
        later = model(F.pad(magnitude, (HALF_A_FOLD, 0)))[..., HALF_A_FOLD:]
    return float((mask - later)[..., 64:-64].abs().max())


def test_where_the_fold_begins_does_not_matter_any_more():
    magnitude = torch.rand(1, 1025, 256)
    assert change_when_heard_later(fused(forgetful()), magnitude) > 1e-3
    assert change_when_heard_later(hear_from_two_places(fused(forgetful())), magnitude) < 1e-5


@pytest.mark.parametrize("frames", [1, 15, 16, 17, 100])
def test_a_mask_has_the_shape_of_its_magnitude(frames: int):
    model = hear_from_two_places(fused(CRNN(TINY).eval()))
    with torch.inference_mode():
        mask = model(torch.rand(2, 1025, frames))
    assert mask.shape == (2, 1, 1025, frames)
    assert 0 <= float(mask.min()) <= float(mask.max()) <= 1


@pytest.mark.parametrize(
    "config",
    [replace(TINY, time_strides=(2, 2, 2, 1)), ModelConfig(channels=(4, 6, 8, 10), gru_input=12, gru_hidden=8)],
)
def test_where_nothing_is_folded_in_two_nothing_is_replaced(config: ModelConfig):
    model = hear_from_two_places(fused(CRNN(config).eval()))
    assert not isinstance(model.bottleneck, TwoPlaces)
    assert period(model) == config.time_factor


def test_the_period_is_halved():
    model = fused(CRNN(TINY).eval())
    assert period(model) == 2 * HALF_A_FOLD
    assert period(hear_from_two_places(model)) == HALF_A_FOLD
