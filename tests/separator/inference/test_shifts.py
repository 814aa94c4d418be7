"""Shifts: the mean of masks of the same frames, each shift with a state of its own."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from separator.api import Separator
from separator.inference.shifts import average_shifts
from separator.model import CRNN


def mark_folds(magnitude: Tensor, state: int | None, hop: int) -> tuple[Tensor, int]:
    """A network whose mask is each frame's place within its fold of 16; its state is the last frame it was given."""
    folds = torch.arange(magnitude.shape[-1]) % 16.0
    return folds.expand_as(magnitude)[:, None], hop + (state or 0)


@pytest.mark.parametrize("frames", [1, 3, 40])
@pytest.mark.parametrize(("time_stride", "shifts"), [(16, (0, 4, 8, 12)), (2, (0, 1)), (1, (0,))])
def test_a_mask_is_the_mean_over_the_shifts_that_reach_it(frames: int, time_stride: int, shifts: tuple[int, ...]):
    masks, _ = average_shifts(mark_folds, time_stride)(torch.rand(1, 5, frames), None, 32)
    for frame in range(frames):
        places = [(frame - shift) % 16 for shift in shifts if shift <= frame]
        assert torch.allclose(masks[..., frame], torch.tensor(sum(places) / len(places)))


def test_each_shift_carries_its_own_state():
    network = average_shifts(mark_folds, 16)
    _, state = network(torch.rand(1, 5, 40), None, 32)
    _, state = network(torch.rand(1, 5, 40), state, 1)
    assert state == (33,) * 4


def test_stems_still_add_up_to_the_song(tiny_model: CRNN, noise: Callable[..., Tensor]):
    song = noise(50000)
    plain, averaged = Separator([tiny_model], "cpu"), Separator([tiny_model], "cpu", tta=True)
    stems = averaged.separate(song, 44100)
    assert torch.allclose(sum(stems.values(), torch.zeros(())), song, atol=1e-6)
    assert not torch.allclose(stems["vocals"], plain.separate(song, 44100)["vocals"], atol=1e-6)
