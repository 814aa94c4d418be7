"""CRNN: any length in, a mask out, and as large and as costly as its model card says."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from separator.model import CRNN, CompactConfig, DualPathConfig, ModelConfig
from separator.spectral import stft
from tests.benchmarks.multiply_adds import multiply_adds_per_second


@pytest.mark.parametrize("frames", [1, 2, 3, 7, 64])
@pytest.mark.parametrize("time_strides", [(1, 1, 1, 1), (1, 1, 1, 2), (1, 2, 1, 2)])
def test_a_mask_has_its_inputs_shape_and_is_from_0_to_1(frames: int, time_strides: tuple[int, ...]):
    config = CompactConfig(channels=(2, 2, 2, 2), gru_hidden=4, gru_input=8, time_strides=time_strides)
    model = CRNN(config).eval()
    magnitude = 100 * torch.rand(2, 513, frames)
    with torch.no_grad():
        mask, _ = model(magnitude)
    assert mask.shape == (2, 1, 513, frames)
    assert float(mask.min()) >= 0
    assert float(mask.max()) <= 1


@pytest.mark.parametrize("preset", [CompactConfig(channels=(2, 2, 2, 2), gru_hidden=4, gru_input=8), None])
def test_a_stereo_model_takes_mono_as_two_equal_channels(preset: ModelConfig | None):
    torch.manual_seed(0)
    config = replace(preset or replace(DualPathConfig(), channels=(2, 2, 2, 2), gru_hidden=4), input_channels=2)
    model = CRNN(config).eval()
    stereo = 10 * torch.rand(1, 2, config.stft.n_bins, 40)
    only_left, mono = stereo * torch.tensor([1.0, 0.0])[:, None, None], stereo[:, 0]
    with torch.no_grad():
        mask = model(stereo)[0]
        assert mask[:, 0].shape == mono.shape
        assert not torch.allclose(mask, model(only_left)[0], atol=1e-5)
        assert torch.allclose(model(mono)[0], model(mono.unsqueeze(1).expand(-1, 2, -1, -1))[0])


@pytest.mark.parametrize("level", [0.0, 1e-8, 1e6])
def test_silence_and_noise_of_any_level_give_a_finite_mask(tiny_model: CRNN, level: float):
    with torch.no_grad():
        assert torch.isfinite(tiny_model(torch.full((1, 513, 4), level))[0]).all()


def test_songs_of_a_batch_do_not_hear_each_other(tiny_model: CRNN):
    both = torch.rand(2, 513, 9, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        assert torch.allclose(tiny_model(both)[0][1], tiny_model(both[1:])[0][0], atol=1e-6)


def test_the_recurrent_middle_hears_before_and_after(tiny_model: CRNN):
    """A change far beyond the convolutions' reach is felt at both ends: the GRU runs both ways."""
    torch.manual_seed(0)
    magnitude = torch.rand(1, 513, 60)
    changed = magnitude.clone()
    changed[..., 30] = 50.0
    with torch.no_grad():
        difference = (tiny_model(magnitude)[0] - tiny_model(changed)[0]).abs().amax(dim=(0, 1, 2))
    assert float(difference[0]) > 0
    assert float(difference[-1]) > 0


def test_every_weight_learns(tiny_config: ModelConfig):
    torch.manual_seed(0)
    model = CRNN(tiny_config)
    spectrum = stft(torch.randn(2, 8000), 1024, 256).abs()
    (model(spectrum)[0] * spectrum).mean().backward()
    dead = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert dead == []


def test_the_shipped_size_has_less_than_4_million_weights():
    assert 1e6 < CRNN(CompactConfig()).n_weights() < 4e6


def test_shipped_size_needs_at_most_1500_million_mac_per_second():
    assert multiply_adds_per_second(CompactConfig()) < 1.5e9


def test_multiply_adds_are_counted_rightly():
    """By hand, for a model with one channel a layer: 3 conv taps in time, 4 in frequency where it is halved."""
    config = CompactConfig(
        channels=(1, 1, 1, 1),
        frequency_strides=(2, 2, 2, 2),
        time_strides=(1, 1, 1, 1),
        refine=False,
        gru_input=0,
        gru_hidden=1,
        gru_layers=1,
    )
    encoder = 12 * (256 + 128 + 64 + 32)  # per frame: taps x bins out
    decoder = 2 * 12 * (32 + 64 + 128 + 256)  # two channels in: the layer below and the skip
    recurrent = 2 * (3 * 32 + 3 * 1) + 32 * 2  # both directions, three gates, then back to 32 features
    per_second = config.stft.frames_per_second * (encoder + decoder + recurrent)
    assert multiply_adds_per_second(config) == pytest.approx(per_second)


def test_the_plain_preset_has_textbook_layers_only():
    model = CRNN(CompactConfig.textbook(("bass",)))
    kinds = {type(module) for module in model.modules() if not list(module.children())}
    assert kinds - {type(model.normalise)} <= {
        nn.Conv2d,
        nn.ConvTranspose2d,
        nn.BatchNorm2d,
        nn.ReLU,
        nn.GRU,
        nn.Linear,
        nn.Identity,
    }
    with torch.no_grad():
        assert model.eval()(torch.rand(1, 513, 5))[0].shape == (1, 1, 513, 5)


THREE = ("drums", "bass", "vocals")


@pytest.mark.parametrize("make", [CompactConfig, DualPathConfig])
def test_targets_share_all_layers_but_the_last(make: Callable[..., ModelConfig]):
    """The first of three targets has the mask that it has alone, with the same weights, if smoothed by itself."""
    torch.manual_seed(0)
    small = replace(make(), channels=(2, 3, 4, 5), gru_hidden=4)
    three, one = CRNN(replace(small, targets=THREE)).eval(), CRNN(replace(small, targets=("drums",))).eval()
    weights = three.state_dict()
    if "decoder.3.smooth.weight" in weights:
        weights["decoder.3.smooth.weight"][0, 1:] = 0
    for name, value in one.state_dict().items():
        dim = 1 if name == "decoder.3.conv.weight" else 0
        own = weights[name] if value.shape == weights[name].shape else weights[name].narrow(dim, 0, 1)
        own = own[:, :1] if name == "decoder.3.smooth.weight" else own
        value.copy_(own)
    magnitude = torch.rand(2, small.stft.n_bins, 20)
    with torch.no_grad():
        masks, _ = three(magnitude)
        assert masks.shape == (2, 3, small.stft.n_bins, 20)
        assert torch.allclose(masks[:, :1], one(magnitude)[0], atol=1e-6)
    assert len({round(float(mask.mean()), 6) for mask in masks.unbind(1)}) == 3


def test_competing_masks_leave_something_for_the_rest(tiny_config: ModelConfig):
    torch.manual_seed(0)
    magnitude = torch.rand(1, 513, 9)
    with torch.no_grad():
        masks = CRNN(replace(tiny_config, targets=THREE, competing=True)).eval()(magnitude)[0]
        assert float(masks.sum(1).max()) < 1
        alone = CRNN(tiny_config).eval()
        competing = CRNN(replace(tiny_config, competing=True)).eval()
        competing.load_state_dict(alone.state_dict())
        assert torch.allclose(alone(magnitude)[0], competing(magnitude)[0], atol=1e-6)  # a sigmoid is a softmax of two


def test_four_stems_stay_within_their_budget():
    config = DualPathConfig.four_stems()
    assert CRNN(config).n_weights() < 8e6
    assert multiply_adds_per_second(config) < 1.6e9
