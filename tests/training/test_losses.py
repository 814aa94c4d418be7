"""Losses: zero where nothing is wrong, and right by hand where something is."""

import math

import pytest
import torch
from torch import Tensor

from training.losses import LOSSES, combine, l1_complex, l1_magnitude, l1_square_root, negative_sdr


def spectrum(seed: int) -> Tensor:
    return torch.randn(3, 5, 7, dtype=torch.complex64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", ["l1", "l1_sqrt", "l1_complex"])
def test_the_true_mask_of_a_scaled_target_costs_nothing(name: str):
    mixture = spectrum(0)
    loss = LOSSES[name](torch.full(mixture.shape, 0.25), mixture, 0.25 * mixture)
    assert loss.shape == (3,)
    assert loss.abs().max() < 2e-4


@pytest.mark.parametrize("name", list(LOSSES))
def test_each_excerpt_is_judged_by_itself_and_passes_gradients(name: str):
    mixture, target = spectrum(0), spectrum(1)
    mask = torch.full(mixture.shape, 0.5, requires_grad=True)
    loss = LOSSES[name](mask, mixture, target)
    alone = LOSSES[name](mask[1:2], mixture[1:2], target[1:2])
    assert torch.allclose(loss[1:2], alone)
    (gradient,) = torch.autograd.grad(loss.sum(), mask)
    assert torch.isfinite(gradient).all()
    assert gradient.abs().sum() > 0


@pytest.mark.parametrize("name", list(LOSSES))
def test_silence_gives_finite_values_and_gradients(name: str):
    silence = torch.zeros(2, 5, 7, dtype=torch.complex64)
    mask = torch.full(silence.shape, 0.5, requires_grad=True)
    loss = LOSSES[name](mask, silence, silence).sum()
    (gradient,) = torch.autograd.grad(loss, mask)
    assert torch.isfinite(loss)
    assert torch.isfinite(gradient).all()


def test_l1_by_hand():
    mixture = torch.tensor([[[3 + 4j, 2j]]])
    target = torch.tensor([[[1 + 0j, 0j]]])
    mask = torch.tensor([[[0.4, 0.5]]])
    assert l1_magnitude(mask, mixture, target).item() == pytest.approx((1 + 1) / 2)
    assert l1_square_root(mask, mixture, target).item() == pytest.approx((math.sqrt(2) - 1 + 1) / 2, abs=1e-3)
    assert l1_complex(mask, mixture, target).item() == pytest.approx((abs(0.4 * (3 + 4j) - 1) + 1) / 2)


def test_only_the_complex_losses_hear_a_wrong_phase():
    mixture = spectrum(0)
    whole = torch.ones(mixture.shape)
    assert l1_magnitude(whole, mixture, -mixture).max() == 0
    assert l1_complex(whole, mixture, -mixture).min() > 1


def test_a_ten_times_smaller_error_is_one_unit_of_ten_decibels():
    mixture = 1000 * spectrum(0)
    target = 0.5 * mixture
    far, near = torch.full(mixture.shape, 0.5 + 0.4), torch.full(mixture.shape, 0.5 + 0.4 / math.sqrt(10))
    assert negative_sdr(far, mixture, target) - negative_sdr(near, mixture, target) == pytest.approx(
        torch.ones(3), abs=0.05
    )


def test_the_loss_demands_silence_down_to_minus_50_db():
    mixture = spectrum(0)
    silence = torch.zeros_like(mixture)
    leaks = [torch.full(mixture.shape, 10 ** (level / 20)) for level in (-30, -40, -70, -90)]
    thirty, forty, seventy, ninety = (negative_sdr(mask, mixture, silence) for mask in leaks)
    assert thirty - forty == pytest.approx(torch.ones(3), abs=0.05)
    assert seventy - ninety == pytest.approx(torch.zeros(3), abs=0.05)


def test_a_sum_weighs_its_terms():
    mask, mixture, target = torch.rand(3, 5, 7), spectrum(0), spectrum(1)
    both = combine([("l1", 1.0), ("l1_sqrt", 0.2)])(mask, mixture, target)
    expected = l1_magnitude(mask, mixture, target) + 0.2 * l1_square_root(mask, mixture, target)
    assert torch.allclose(both, expected)
