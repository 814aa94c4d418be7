"""Forward in time, segments that carry a state give what the whole song gives."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from separator.model import CRNN, CompactConfig, DualPathConfig, ModelConfig
from separator.model.recurrent import run_gru, run_gru_layers

COMPACT = CompactConfig(channels=(4, 6, 8, 10), gru_input=12, gru_hidden=8)
DUAL_PATH = replace(DualPathConfig(), channels=(2, 3, 4, 5), gru_hidden=4, gru_layers=5)


@torch.inference_mode()
def test_a_layer_goes_on_forward_where_it_was():
    torch.manual_seed(0)
    gru = nn.GRU(6, 10, batch_first=True, bidirectional=True)
    x = torch.randn(3, 20, 6)
    whole, last = run_gru(gru, x, None)
    first, state = run_gru(gru, x[:, :12], None, 8)
    second, end = run_gru(gru, x[:, 8:], state, 99)
    assert torch.allclose(first[..., :10], whole[:, :12, :10], atol=1e-6)
    assert torch.allclose(second[..., :10], whole[:, 8:, :10], atol=1e-6)
    assert torch.allclose(end, last, atol=1e-6)


@torch.inference_mode()
def test_layers_above_each_other_go_on_forward_where_they_were():
    torch.manual_seed(0)
    gru = nn.GRU(6, 10, num_layers=3, batch_first=True, bidirectional=True)
    for layer in (1, 2):  # nothing of the backward direction reaches the next layer
        getattr(gru, f"weight_ih_l{layer}")[:, 10:] = 0
        getattr(gru, f"weight_ih_l{layer}_reverse")[:, 10:] = 0
    x = torch.randn(2, 20, 6)
    whole, last = run_gru_layers(gru, x, None)
    first, state = run_gru_layers(gru, x[:, :12], None, 8)
    second, end = run_gru_layers(gru, x[:, 8:], state)
    assert torch.allclose(first[..., :10], whole[:, :12, :10], atol=1e-6)
    assert torch.allclose(second[..., :10], whole[:, 8:, :10], atol=1e-6)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(end, last, strict=True))


@pytest.mark.parametrize("config", [COMPACT, DUAL_PATH])
@torch.inference_mode()
def test_no_state_is_the_empty_state(config: ModelConfig):
    torch.manual_seed(0)
    model = CRNN(config).eval()
    magnitude = torch.rand(1, config.stft.n_bins, 64)
    masks, state = model(magnitude)
    again, other = model(magnitude, model.empty_state(), 64)
    assert torch.allclose(masks, again, atol=1e-6)
    assert [x.shape for x in state] == [x.shape for x in model.empty_state()]
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(state, other, strict=True))


@pytest.mark.parametrize("config", [COMPACT, DUAL_PATH])
@torch.inference_mode()
def test_the_state_is_that_of_the_frames_before_the_hop(config: ModelConfig):
    """The first forward GRU knows nothing of what comes later; the masks depend on the state."""
    torch.manual_seed(0)
    model = CRNN(config).eval()
    for name, weight in model.named_parameters():
        if "gru" in name or "bottleneck.out" in name:
            nn.init.normal_(weight, std=2.0)  # what the GRUs give should matter
    magnitude = torch.rand(1, config.stft.n_bins, 96)
    _, early = model(magnitude[..., :64], None, 32)
    _, late = model(magnitude, None, 32)
    assert torch.allclose(early[0], late[0], atol=1e-4)
    rest = magnitude[..., 32:]
    assert not torch.allclose(model(rest, early)[0], model(rest)[0], atol=1e-4)
