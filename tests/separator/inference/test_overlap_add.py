"""Cutting and joining: doing nothing gives the song back, and no seam can be found."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from separator.errors import ConfigError, SeparatorError
from separator.inference.overlap_add import (
    Cut,
    MaskEstimator,
    SegmentPlan,
    Window,
    overlap_add,
    window_weights,
    windows,
)

CPU = torch.device("cpu")
PLAN = SegmentPlan(stride=20, context=4, lookahead=6, fade=4, window_segments=3)
HOP = 8


class Echo(nn.Module):
    """Its mask is the magnitude it was shown, so a joined mask must be the magnitude."""

    def forward(self, magnitude: Tensor) -> Tensor:
        return magnitude.clone()


class EdgeBlind(nn.Module):
    """Wrong for the outer frames of each segment, as a network without context is."""

    def __init__(self, first: int, last: int) -> None:
        super().__init__()
        self.first, self.last = first, last

    def forward(self, magnitude: Tensor) -> Tensor:
        mask = torch.ones_like(magnitude)
        mask[..., : self.first] = mask[..., -self.last :] = 0
        return mask


@pytest.mark.parametrize("n_samples", [1, 100, 543, 544, 545, 688, 689, 1000, 5000, 12345])
@pytest.mark.parametrize("block", [7, 500, 100_000])
def test_windows_cover_the_song_once_and_overlap(n_samples: int, block: int) -> None:
    song = torch.arange(n_samples, dtype=torch.float32)[None]
    cut = list(windows(song.split(block, dim=1), Cut(480, 544)))
    assert [w.is_first for w in cut] == [True] + [False] * (len(cut) - 1)
    assert [w.is_last for w in cut] == [False] * (len(cut) - 1) + [True]
    for i, window in enumerate(cut):
        assert torch.equal(window.samples, song[:, i * 480 : i * 480 + 544])
    assert len(cut) == 1 or cut[-1].samples.shape[1] > 544 - 480


def test_no_blocks_make_no_windows() -> None:
    assert list(windows([], Cut(5, 10))) == []


@pytest.mark.parametrize("frames", [1, 13, 34, 35, 60, 74, 200, 1001])
def test_weights_of_all_windows_add_up_to_one(frames: int) -> None:
    song = torch.zeros(1, (frames - 1) * HOP)
    if frames == 1:
        song = torch.zeros(1, 1)
    total = torch.zeros(frames)
    start = 0
    for window in windows([song], Cut.of(PLAN, HOP)):
        n_frames = window.samples.shape[1] // HOP + 1
        total[start : start + n_frames] += window_weights(n_frames, window, PLAN)
        start += PLAN.window_stride
    assert torch.allclose(total, torch.ones(frames))


@pytest.mark.parametrize("n_samples", [1, 200, 777, 4000, 9999])
def test_doing_nothing_gives_the_song_back(noise: Callable[..., Tensor], n_samples: int) -> None:
    song = noise(n_samples)

    def copy(window: Window) -> Tensor:
        frames = window.samples.shape[1] // HOP + 1
        weights = window_weights(frames, window, PLAN).repeat_interleave(HOP)[: window.samples.shape[1]]
        return (window.samples * weights)[None]

    parts = list(overlap_add(song.split(300, dim=1), Cut.of(PLAN, HOP), copy))
    assert torch.equal(torch.cat([mixture for mixture, _ in parts], dim=1), song)
    assert torch.allclose(torch.cat([stems for _, stems in parts], dim=-1)[0], song, atol=1e-7)


@pytest.mark.parametrize("frames", [1, 13, 34, 35, 54, 55, 60, 74, 75, 200])
def test_masks_are_joined_in_place(frames: int) -> None:
    magnitude = torch.rand(9, frames)
    assert torch.allclose(MaskEstimator(Echo(), PLAN, CPU)(magnitude), magnitude)


def test_context_is_heard_but_not_used() -> None:
    mask = MaskEstimator(EdgeBlind(PLAN.context, PLAN.lookahead), PLAN, CPU)(torch.rand(9, 200))
    assert mask[:, PLAN.context : -PLAN.lookahead].eq(1).all()


def test_the_batch_is_halved_when_memory_runs_out() -> None:
    class Small(Echo):
        largest = 0

        def forward(self, magnitude: Tensor) -> Tensor:
            if len(magnitude) > 2:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            self.largest = max(self.largest, len(magnitude))
            return super().forward(magnitude)

    model, magnitude = Small(), torch.rand(9, 170)
    estimate = MaskEstimator(model, SegmentPlan(stride=20, context=4, lookahead=6, fade=4, window_segments=8), CPU)
    with pytest.warns(UserWarning, match=r"out of memory; going on with (4|2) segments") as told:
        assert torch.allclose(estimate(magnitude), magnitude)
    assert (len(told), model.largest) == (2, 2)
    estimate(magnitude)  # and stays halved, without another warning


def test_not_even_one_segment_fits() -> None:
    class Full(nn.Module):
        def forward(self, magnitude: Tensor) -> Tensor:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(SeparatorError, match="use the CPU"):
        MaskEstimator(Full(), SegmentPlan(window_segments=1), CPU)(torch.rand(9, 10))


def test_other_errors_of_the_model_are_not_hidden() -> None:
    class Broken(nn.Module):
        def forward(self, magnitude: Tensor) -> Tensor:
            raise RuntimeError("shape mismatch")

    with pytest.raises(RuntimeError, match="shape mismatch"):
        MaskEstimator(Broken(), PLAN, CPU)(torch.rand(9, 10))


def test_as_many_seconds_are_heard_around_whatever_the_hop() -> None:
    coarse, fine = (SegmentPlan.for_frame_rate(22050 / hop, window_segments=3) for hop in (512, 256))
    assert (coarse.context, fine.context) == (48, 96)
    assert (coarse.lookahead, fine.lookahead) == (128, 256)
    assert coarse.window_segments == 3


@pytest.mark.parametrize("fold", [1, 2, 16, 32, 64])
@pytest.mark.parametrize("hop", [256, 512, 4096])
def test_a_segment_is_whole_folds(hop: int, fold: int) -> None:
    plan, usual = SegmentPlan.for_frame_rate(22050 / hop, 1, fold), SegmentPlan.for_frame_rate(22050 / hop, 1)
    assert plan.segment % fold == 0
    assert plan.context == usual.context
    assert usual.lookahead <= plan.lookahead < usual.lookahead + fold


def test_a_plan_that_cannot_hide_its_seams_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 4 frames"):
        SegmentPlan(context=3)
