"""A sub-pixel convolution, in one or by phases, is the transposed one."""

import pytest
import torch
from torch import nn

from separator.model.optimize.subpixel import MANY_CHANNELS, PhaseConvs, SubPixelConv, sub_pixel_conv


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [
        ((3, 8), (1, 4), (1, 2)),
        ((3, 4), (1, 2), (1, 1)),
        ((5, 6), (1, 2), (2, 2)),
        ((3, 9), (1, 3), (1, 3)),
        ((1, 4), (1, 4), (0, 0)),
        ((5, 5), (2, 2), (1, 1)),
        ((5, 3), (4, 1), (0, 1)),
    ],
)
def test_a_sub_pixel_convolution_is_the_transposed_one(
    kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int], channels: int
):
    torch.manual_seed(0)
    transposed = nn.ConvTranspose2d(5, channels, kernel, stride=stride, padding=padding)
    x = torch.randn(2, 5, 6, 7)
    with torch.inference_mode():
        expected = transposed(x)[:, :, : 6 * stride[0], : 7 * stride[1]]
        assert torch.allclose(SubPixelConv(transposed)(x), expected, atol=1e-5)
        assert torch.allclose(PhaseConvs(transposed)(x), expected, atol=1e-5)


def test_sub_pixel_convolutions_of_channel_groups_add_up():
    torch.manual_seed(0)
    transposed = nn.ConvTranspose2d(6, 1, 5, stride=2, padding=1)
    x = torch.randn(1, 6, 4, 3)
    first, rest = SubPixelConv(transposed, slice(2)), SubPixelConv(transposed, slice(2, None), bias=False)
    with torch.inference_mode():
        assert torch.allclose(first(x[:, :2]) + rest(x[:, 2:]), SubPixelConv(transposed)(x), atol=1e-5)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("channels", [MANY_CHANNELS - 1, MANY_CHANNELS])
def test_sub_pixel_conv_matches_conv_transpose(channels: int, bias: bool):
    torch.manual_seed(0)
    transposed = nn.ConvTranspose2d(3, channels, 5, stride=2, padding=1, bias=bias)
    x = torch.randn(2, 3, 4, 5)
    with torch.inference_mode():
        expected = -transposed(x)[:, :, :8, :10]
        got = sub_pixel_conv(transposed)(x, lambda some, place: place.copy_(-some))
        assert torch.allclose(got, expected, atol=1e-5)
