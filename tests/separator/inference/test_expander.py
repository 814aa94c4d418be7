"""The expander: what is left of a target that rests is turned down, everything else stays as it is."""

import pytest
import torch
from torch import Tensor, nn

from separator.api import Separator
from separator.inference.expander import RATIO, THRESHOLD_DB, expanded
from separator.model import CompactConfig

FRAMES_PER_SECOND = 43.0


def noise(frames: int = 100) -> Tensor:
    return torch.rand(65, frames, generator=torch.Generator().manual_seed(0)) + 0.1


@pytest.mark.parametrize("left_db", [0.0, -10.0, -17.9])
def test_what_is_heard_stays_to_the_bit(left_db: float):
    mask = torch.full((65, 100), 10 ** (left_db / 20))
    assert torch.equal(expanded(mask, noise(), FRAMES_PER_SECOND), mask)


@pytest.mark.parametrize("missing_db", [1.0, 5.0, 10.0])
def test_below_the_threshold_each_decibel_becomes_five(missing_db: float):
    mask = torch.full((65, 100), 10 ** ((THRESHOLD_DB - missing_db) / 20))
    level_db = 20 * torch.log10(expanded(mask, noise(), FRAMES_PER_SECOND))
    assert torch.allclose(level_db, torch.tensor(THRESHOLD_DB - RATIO * missing_db), atol=0.01)


def test_the_channels_of_a_stereo_song_count_together():
    """As much is left of one channel that is as loud as both."""
    mask = 0.1 * torch.rand(65, 100, generator=torch.Generator().manual_seed(1)) ** 2
    stereo = torch.stack((noise(), noise().flip(1)))
    power = stereo.square().sum(dim=0).sqrt()
    assert torch.allclose(expanded(mask, stereo, FRAMES_PER_SECOND), expanded(mask, power, FRAMES_PER_SECOND))


def test_how_loud_the_song_is_does_not_matter():
    mask = torch.rand(65, 100, generator=torch.Generator().manual_seed(1)) ** 8
    mask[:, 30:60] *= 0.01
    loud, soft = expanded(mask, noise(), FRAMES_PER_SECOND), expanded(mask, 1e-3 * noise(), FRAMES_PER_SECOND)
    assert torch.allclose(loud, soft, rtol=1e-3)


def test_it_opens_before_a_voice_sets_in_and_closes_after():
    """By the half of a fifth of a second, so that no attack is cut."""
    mask = torch.full((65, 100), 10 ** (-30 / 20))
    mask[:, 50:] = 1.0
    changed = (expanded(mask, noise(), FRAMES_PER_SECOND) != mask).any(dim=0)
    assert changed[:46].all()
    assert not changed[46:].any()


def test_silence_has_no_level_and_stays_a_number():
    mask = torch.zeros(65, 20)
    assert torch.equal(expanded(mask, torch.zeros(65, 20), FRAMES_PER_SECOND), mask)


class Residue(nn.Module):
    """A model that leaves a little of everything."""

    config = CompactConfig()

    def forward(self, magnitude: Tensor, *_: object) -> tuple[Tensor, tuple]:
        return torch.full_like(magnitude, 10 ** ((THRESHOLD_DB - 5) / 20)).unsqueeze(1), ()


@pytest.mark.usefixtures("torch_only")
def test_what_is_taken_from_a_stem_goes_to_the_rest():
    song = 0.1 * torch.randn(2, 44100, generator=torch.Generator().manual_seed(2))
    stems = Separator([Residue()], "cpu").separate(song, 44100)
    level_db = 20 * torch.log10(stems["vocals"].std() / song.std())
    assert float(level_db) == pytest.approx(THRESHOLD_DB - RATIO * 5, abs=0.5)
    assert torch.allclose(stems["vocals"] + stems["accompaniment"], song, atol=1e-6)
