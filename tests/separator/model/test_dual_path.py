"""The dual-path layout: shapes for any length, the places of Spleeter's layers, and two paths through the middle."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from separator.errors import ConfigError
from separator.model import CRNN, DualPathConfig, ModelConfig
from separator.model.dual_path import DualPathBottleneck, LocalPath, UNetDecoderLayer, UNetEncoderLayer, UNetOutputLayer

TINY = replace(DualPathConfig(), channels=(2, 3, 4, 5), gru_hidden=4)


@pytest.mark.parametrize("frames", [1, 31, 32, 33, 100])
@pytest.mark.parametrize("gru_layers", [1, 2, 3])
def test_a_mask_has_the_shape_of_its_magnitude(frames: int, gru_layers: int):
    model = CRNN(replace(TINY, gru_layers=gru_layers)).eval()
    with torch.no_grad():
        mask, _ = model(torch.rand(2, 1025, frames))
    assert mask.shape == (2, 1, 1025, frames)
    assert 0 <= float(mask.min()) <= float(mask.max()) <= 1


def test_every_weight_learns():
    torch.manual_seed(0)
    model = CRNN(replace(TINY, local_channels=3))
    nn.init.eye_(model.bottleneck.local.out.weight)  # type: ignore[union-attr]  # it begins with saying nothing
    magnitude = torch.rand(2, 1025, 64)
    (model(magnitude)[0] * magnitude).mean().backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_the_shipped_size_has_less_than_4_million_weights():
    assert 1e6 < CRNN(DualPathConfig()).n_weights() < 4e6


def test_a_halving_layer_covers_one_place_before_and_two_after():
    """As TensorFlow pads, and so as layers trained there expect it: output i sees inputs 2 i - 1 to 2 i + 3."""
    layer = UNetEncoderLayer(1, 1, 5, (2, 2)).eval()
    x = torch.zeros(1, 1, 16, 16)
    x[..., 7, 7] = 1
    with torch.no_grad():
        layer.conv.weight.fill_(1)
        layer.conv.bias.zero_()
        _, skip = layer(x)
    assert skip.shape == (1, 1, 8, 8)
    assert skip.nonzero()[:, 2].unique().tolist() == [2, 3, 4]


def test_a_doubling_layer_is_the_transpose_of_a_halving_one():
    """<conv(x), y> = <x, transposed(y)>, when both have the same kernel."""
    torch.manual_seed(0)
    down, up = UNetEncoderLayer(2, 3, 5, (2, 2)), UNetDecoderLayer(3, 2, 5, (2, 2))
    x, y = torch.randn(1, 2, 12, 8), torch.randn(1, 3, 6, 4)
    up.norm, up.bias = nn.Identity(), nn.Parameter(torch.full((2,), 1e3))  # far from where it bends
    with torch.no_grad():
        up.conv.weight.copy_(down.conv.weight)
        halved = F.conv2d(down.pad(x), down.conv.weight, stride=2)
        doubled = up(y[:, 2:], y[:, :2]) - 1e3
    assert float((halved * y).sum()) == pytest.approx(float((x * doubled).sum()), abs=0.05)


@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (1, 2), (2, 2), (4, 2)])
def test_a_decoder_layer_undoes_the_folding_of_its_encoder_layer(stride: tuple[int, int]):
    x = torch.rand(1, 2, 16, 16)
    below, skip = UNetEncoderLayer(2, 3, 5, stride)(x)
    assert UNetDecoderLayer(6, 2, 5, stride)(below, skip).shape == x.shape
    assert UNetOutputLayer(6, 2, 5, stride)(below, skip).shape == (1, 2, 16, 16)


@pytest.mark.parametrize(("gru_layers", "hears"), [(1, {"time"}), (2, {"time", "frequency"})])
def test_the_middle_walks_along_time_then_along_frequency(gru_layers: int, hears: set[str]):
    torch.manual_seed(0)
    middle = DualPathBottleneck(replace(TINY, gru_layers=gru_layers), channels=5, bins=6).eval()
    x = torch.randn(1, 5, 7, 6)
    changed = x.clone()
    changed[0, 0, 3, 2] += 1  # one channel: what all have in common is normalised away
    with torch.no_grad():
        difference = (middle(x)[0] - middle(changed)[0]).abs().sum(1)[0]  # (T, F)
    assert difference.shape == (7, 6)
    assert float(difference[0, 2]) > 0
    assert (float(difference[3, 0]) > 0) == ("frequency" in hears)


@pytest.mark.parametrize(("frames", "bins"), [(8, 6), (7, 5), (1, 1)])
def test_a_local_path_that_says_nothing_changes_nothing(frames: int, bins: int):
    torch.manual_seed(0)
    without = DualPathBottleneck(replace(TINY, local_channels=0), channels=5, bins=bins).eval()
    beside = DualPathBottleneck(replace(TINY, local_channels=3), channels=5, bins=bins).eval()
    beside.load_state_dict(without.state_dict(), strict=False)
    x = torch.randn(2, 5, frames, bins)
    with torch.no_grad():
        assert torch.equal(without(x)[0], beside(x)[0])


def test_a_local_path_hears_its_neighbours_only():
    torch.manual_seed(0)
    local = LocalPath(5, 3, side=5)
    nn.init.eye_(local.out.weight)
    nn.init.constant_(local.bias, 100.0)  # far from where it bends
    heard, remembered, level = torch.randn(1, 5, 24, 24), torch.randn(1, 24, 24, 5), torch.ones(1, 24, 24, 1)
    changed = heard.clone()
    changed[0, :, 12, 11] += 1
    with torch.no_grad():
        difference = (local(heard, remembered, level) - local(changed, remembered, level)).abs().sum(-1)[0].T  # (T, F)
    places = (difference > 1e-6).nonzero()
    assert len(places) > 0
    assert int((places - torch.tensor([12, 11])).abs().max()) <= 5


def test_another_layout_is_refused():
    with pytest.raises(ConfigError, match="layout is 'resnet'"):
        ModelConfig.from_dict({"layout": "resnet"})
