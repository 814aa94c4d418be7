"""A transposed convolution as an ordinary one, which is two to three times as fast where few channels come out.

It gives the channels of each output place that an input place unfolds to; those are put side by side afterwards
(sub-pixel convolution, Shi et al. 2016).
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

Write = Callable[[Tensor, Tensor], object]
"""From a tensor into another one of the same shape."""


def _copy(source: Tensor, place: Tensor) -> None:
    place.copy_(source)


class SubPixelConv(nn.Module):
    """The same as ``transposed``, which unfolds time and frequency by its stride; of some input channels if asked.

    Its output has stride times as many places as its input: where ``transposed`` gives more, those at the end are left
    out.
    """

    def __init__(self, transposed: nn.ConvTranspose2d, channels: slice = slice(None), *, bias: bool = True) -> None:
        super().__init__()
        self.stride = (transposed.stride[0], transposed.stride[1])
        self.channels = transposed.out_channels
        weight = transposed.weight.detach()[channels]
        weight = _phases(weight, 2, self.stride[0], int(transposed.padding[0]))
        weight = _phases(weight, 4, self.stride[1], int(transposed.padding[1]))
        weight = weight.permute(2, 4, 1, 0, 3, 5).flatten(0, 2)  # (phases x C_out, C_in, taps, taps)
        frames, bins = weight.shape[2:]
        side = (frames // 2, bins // 2)
        self.phases = nn.Conv2d(weight.shape[1], len(weight), (frames, bins), padding=side, bias=bias)
        self.phases.weight = nn.Parameter(weight.contiguous())
        if self.phases.bias is not None and transposed.bias is not None:
            self.phases.bias = nn.Parameter(transposed.bias.detach().repeat(self.stride[0] * self.stride[1]))

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, T, F)`` -> ``(B, C_out, T * stride, F * stride)``."""
        phases: Tensor = self.phases(x)
        return self.side_by_side(phases)

    def side_by_side(self, phases: Tensor, write: Write = _copy) -> Tensor:
        """``(B, stride * stride * C_out, T, F)``, as ``phases`` gives them -> ``(B, C_out, T * stride, F * stride)``.

        ``write`` may do something to each place on the way.
        """
        batch, _, frames, bins = phases.shape
        unfold_time, unfold_frequency = self.stride
        whole = torch.empty(
            (batch, self.channels, frames * unfold_time, bins * unfold_frequency),
            dtype=phases.dtype,
            device=phases.device,
            memory_format=torch.channels_last,
        )
        for i, phase in enumerate(phases.split(self.channels, dim=1)):
            time, frequency = divmod(i, unfold_frequency)
            write(phase, whole[:, :, time::unfold_time, frequency::unfold_frequency])
        return whole


def _phases(weight: Tensor, axis: int, stride: int, padding: int) -> Tensor:
    """The taps along ``axis`` -> two dimensions: the phases, and the taps that a phase sees, as many on either side.

    Output place ``stride m + phase`` is the sum, over offsets d, of input place ``m + d`` times the tap
    ``phase + padding - stride d``.
    """
    taps = weight.movedim(axis, 0)
    seen = {
        (phase, offset): phase + padding - stride * offset
        for phase in range(stride)
        for offset in range(-len(taps), len(taps) + 1)
        if 0 <= phase + padding - stride * offset < len(taps)
    }
    reach = max(abs(offset) for _, offset in seen)
    phases = taps.new_zeros(stride, 2 * reach + 1, *taps.shape[1:])
    for (phase, offset), tap in seen.items():
        phases[phase, reach + offset] = taps[tap]
    return phases.movedim((0, 1), (axis, axis + 1))
