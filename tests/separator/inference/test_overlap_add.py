"""Segments cover a song, their weights add up to 1, and what is done to them is joined without a trace."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from separator.errors import ConfigError
from separator.inference.overlap_add import Segment, Segmentation, cut, overlap_add
from separator.model import CompactConfig, ModelConfig
from separator.spectral import StftConfig

SEGMENTATION = Segmentation(hop=20, context=4, lookahead=6, fade=4)
HOP_LENGTH = 8


@pytest.mark.parametrize("n_samples", [1, 100, 543, 544, 545, 688, 689, 1000, 5000, 12345])
@pytest.mark.parametrize("block", [7, 500, 100_000])
def test_segments_cover_the_song_once_and_overlap(n_samples: int, block: int) -> None:
    song = torch.arange(n_samples, dtype=torch.float32)[None]
    segments = list(cut(song.split(block, dim=1), 480, 544))
    assert [s.is_first for s in segments] == [True] + [False] * (len(segments) - 1)
    assert [s.is_last for s in segments] == [False] * (len(segments) - 1) + [True]
    for i, segment in enumerate(segments):
        assert torch.equal(segment.samples, song[:, i * 480 : i * 480 + 544])
    assert len(segments) == 1 or segments[-1].samples.shape[1] > 544 - 480


def test_no_blocks_make_no_segments() -> None:
    assert list(cut([], 5, 10)) == []


@pytest.mark.parametrize("frames", [1, 13, 34, 35, 60, 74, 200, 1001])
def test_weights_of_all_segments_add_up_to_one(frames: int) -> None:
    song = torch.zeros(1, max(1, (frames - 1) * HOP_LENGTH))
    total = torch.zeros(frames)
    for i, segment in enumerate(cut([song], *SEGMENTATION.samples(HOP_LENGTH))):
        weights = SEGMENTATION.weights(segment, HOP_LENGTH)
        total[i * SEGMENTATION.hop :][: len(weights)] += weights
    assert torch.allclose(total, torch.ones(frames))


def test_context_and_lookahead_have_no_weight() -> None:
    _, length = SEGMENTATION.samples(HOP_LENGTH)
    weights = SEGMENTATION.weights(Segment(torch.zeros(1, length), False, False), HOP_LENGTH)
    assert weights[: SEGMENTATION.context].eq(0).all()
    assert weights[-SEGMENTATION.lookahead :].eq(0).all()


@pytest.mark.parametrize("n_samples", [1, 200, 777, 4000, 9999])
def test_doing_nothing_gives_the_song_back(noise: Callable[..., Tensor], n_samples: int) -> None:
    song = noise(n_samples)
    hop, length = SEGMENTATION.samples(HOP_LENGTH)

    def copy(segment: Segment, count: int) -> tuple[Tensor, int]:
        weights = SEGMENTATION.weights(segment, HOP_LENGTH).repeat_interleave(HOP_LENGTH)[: segment.samples.shape[1]]
        return (segment.samples * weights)[None], count + 1

    parts = list(overlap_add(cut(song.split(300, dim=1), hop, length), hop, copy, 0))
    assert torch.equal(torch.cat([mixture for mixture, _ in parts], dim=1), song)
    assert torch.allclose(torch.cat([stems for _, stems in parts], dim=-1)[0], song, atol=1e-7)


def test_each_segment_gets_the_state_that_the_one_before_returned() -> None:
    states: list[int] = []

    def count(segment: Segment, state: int) -> tuple[Tensor, int]:
        states.append(state)
        return segment.samples[None], state + 1

    n_parts = len(list(overlap_add(cut([torch.zeros(1, 100)], 20, 30), 20, count, 5)))
    assert states == list(range(5, 5 + n_parts))


def test_context_and_lookahead_are_as_long_in_seconds_whatever_the_hop() -> None:
    coarse, fine = (Segmentation.for_model(model_of(hop, 1)) for hop in (512, 256))
    assert (coarse.context, fine.context) == (48, 96)
    assert (coarse.lookahead, fine.lookahead) == (128, 256)


def model_of(hop_length: int, fold: int) -> ModelConfig:
    return CompactConfig(stft=StftConfig(n_fft=4 * hop_length, hop_length=hop_length), time_strides=(1, 1, 1, fold))


@pytest.mark.parametrize("fold", [1, 2, 16, 32, 64])
@pytest.mark.parametrize("hop_length", [256, 512, 4096])
def test_a_segment_is_whole_folds(hop_length: int, fold: int) -> None:
    segmentation, usual = (Segmentation.for_model(model_of(hop_length, n)) for n in (fold, 1))
    assert segmentation.length % fold == 0
    assert segmentation.context == usual.context
    assert usual.lookahead <= segmentation.lookahead < usual.lookahead + fold


def test_segments_that_cannot_hide_their_seams_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least 4 frames"):
        Segmentation(context=3)
