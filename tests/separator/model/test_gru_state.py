"""The way forward through a song is the same, however the song is cut."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from separator.inference.overlap_add import Cut, MaskEstimator, SegmentPlan, windows
from separator.inference.two_places import hear_from_two_places
from separator.model.config import ModelConfig
from separator.model.crnn import CRNN, Bottleneck
from separator.model.dual_path import ResidualGru
from separator.model.gru_state import LayerPast, Past, in_order
from separator.model.optimize.fuse import LayerwiseBottleneck, fused
from separator.model.optimize.onednn_gru import UnrolledGru, unroll_grus

CPU = torch.device("cpu")
SMALL = ModelConfig(channels=(4, 6, 8, 10), gru_input=12, gru_hidden=8)
TINY = replace(ModelConfig.unet(), channels=(2, 3, 4, 5), gru_hidden=4)
STRIDE = 32
"""Frames, a whole number of folds of both."""


@pytest.mark.parametrize("kind", [lambda layer: layer, UnrolledGru])
def test_a_layer_goes_on_forward_where_it_was(kind: Callable[[nn.Module], nn.Module]):
    torch.manual_seed(0)
    layer = ResidualGru(6, 10).eval()
    x = torch.randn(3, 20, 6)
    with torch.inference_mode():
        layer.out.weight[:, 10:] = 0  # nothing is heard of the way back
        walk, past = kind(layer), LayerPast(steps=8)
        whole = walk(x)
        parts = [walk(x[:, start : start + 12], past) for start in (0, 8)]
        alone = walk(x[:, 8:20])
    assert torch.allclose(parts[0], whole[:, :12], atol=1e-6)
    assert torch.allclose(parts[1], whole[:, 8:], atol=1e-6)
    assert not torch.allclose(alone, whole[:, 8:], atol=1e-3)


def test_layers_above_each_other_go_on_forward_where_they_were():
    torch.manual_seed(0)
    middle = Bottleneck(SMALL, channels=5, bins=3).eval()
    x = torch.randn(1, 5, 20, 3)
    with torch.inference_mode():
        for ahead_only in (middle.gru.weight_ih_l1, middle.gru.weight_ih_l1_reverse, middle.gru.weight_ih_l2):
            ahead_only[:, SMALL.gru_hidden :] = 0
        middle.unproject.weight[:, SMALL.gru_hidden :] = 0
        apart, past = LayerwiseBottleneck(middle, time_factor=2), Past(frames=16)
        whole = middle(x)
        parts = [apart(x[:, :, start : start + 12], past) for start in (0, 8)]
    assert torch.allclose(parts[0], whole[:, :, :12], atol=1e-6)
    assert torch.allclose(parts[1], whole[:, :, 8:], atol=1e-6)


@pytest.mark.parametrize("config", [SMALL, TINY])
@pytest.mark.parametrize("ready", [fused, lambda m: unroll_grus(fused(m)), lambda m: hear_from_two_places(fused(m))])
def test_segments_in_a_batch_are_heard_one_after_another(config: ModelConfig, ready: Callable[[CRNN], CRNN]):
    torch.manual_seed(0)
    model = CRNN(config).eval()
    for name, weight in model.named_parameters():
        if "gru" in name or "bottleneck.out" in name:
            nn.init.normal_(weight, std=2.0)  # what the GRU says should matter
    model = ready(model)
    segments = torch.rand(3, config.stft.n_bins, 2 * STRIDE)
    together, apart = Past(STRIDE), Past(STRIDE)
    with torch.inference_mode():
        masks = model(segments, together)
        for segment, mask in zip(segments, masks, strict=True):
            assert torch.allclose(model(segment[None], apart)[0], mask, atol=1e-6)
        assert not torch.allclose(model(segments[2:])[0], masks[2], atol=1e-6)


class Running(nn.Module):
    """Its mask is the sum of all frames so far, which only the way forward knows."""

    fails_once = False

    def forward(self, magnitude: Tensor, past: Past) -> Tensor:
        return in_order(self._sum, magnitude, past)

    def _sum(self, segment: Tensor, song: Past | None) -> Tensor:
        assert song is not None
        past = song.of_layer(0, fold=1)
        sums = segment.cumsum(dim=-1)[0] + (0 if past.state is None else past.state[:, None])
        past.keep(sums.T)
        if self.fails_once:
            self.fails_once = False
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return sums[None]


PLAN = SegmentPlan(stride=20, context=4, lookahead=6, fade=4)


def sums_by_segments(magnitude: Tensor, plan: SegmentPlan, model: nn.Module, window_stride: int, overlap: int):
    """What ``model`` says of a song ``(F, T)``, window by window: each without what the next one has too."""
    estimate = MaskEstimator(model, plan, CPU, window_overlap=overlap)
    said = []
    for window in windows([magnitude], Cut(window_stride, window_stride + overlap)):
        mask = estimate(window.samples)
        said.append(mask if window.is_last else mask[:, :window_stride])
    return torch.cat(said, dim=1)


@pytest.mark.parametrize("frames", [1, 20, 34, 35, 100, 333])
@pytest.mark.parametrize(("n_segments", "overlap"), [(1, 14), (3, 14), (2, 10), (2, 31)])
def test_a_song_is_heard_as_if_it_had_not_been_cut(frames: int, n_segments: int, overlap: int):
    """Also where the windows are another model's, and share fewer or more frames than the segments do."""
    plan = replace(PLAN, window_segments=n_segments)
    magnitude = torch.rand(9, frames)
    said = sums_by_segments(magnitude, plan, Running(), n_segments * plan.stride, overlap)
    assert torch.allclose(said, magnitude.cumsum(dim=1), rtol=1e-5)


def test_each_hearing_has_its_own_past():
    magnitude, louder = torch.rand(9, 60), 1 + torch.rand(9, 60)
    estimate = MaskEstimator(Running(), PLAN, CPU, window_overlap=PLAN.overlap)
    for start in (0, 20):
        window = slice(start, start + PLAN.segment)
        sums = estimate(magnitude[:, window]), estimate(louder[:, window], 1)
    assert torch.allclose(sums[0], magnitude.cumsum(dim=1)[:, window], rtol=1e-5)
    assert torch.allclose(sums[1], louder.cumsum(dim=1)[:, window], rtol=1e-5)


def test_a_retry_for_want_of_memory_starts_from_the_same_state():
    model, magnitude = Running(), torch.rand(9, 333)
    model.fails_once = True
    plan = replace(PLAN, window_segments=4)
    with pytest.warns(UserWarning, match="going on with 2 segments"):
        said = sums_by_segments(magnitude, plan, model, 4 * plan.stride, plan.overlap)
    assert torch.allclose(said, magnitude.cumsum(dim=1), rtol=1e-5)
