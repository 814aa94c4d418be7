"""A transposed convolution as ordinary ones, which are faster on CPUs.

They give the channels of each output place that an input place unfolds to, its phases; those are put side by side
afterwards (sub-pixel convolution, Shi et al. 2016). Where few channels come out one convolution gives all phases, two
to three times as fast as the transposed one; it multiplies by some zeros, since not all phases see as many taps. Where
many come out each phase has a convolution of its own, with its own taps only.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

Write = Callable[[Tensor, Tensor], object]
"""From a tensor into another one of the same shape."""

MANY_CHANNELS = 32


def _copy(source: Tensor, place: Tensor) -> None:
    place.copy_(source)


def sub_pixel_conv(transposed: nn.ConvTranspose2d) -> "SubPixelConv | PhaseConvs":
    """The faster one of the two."""
    return (PhaseConvs if transposed.out_channels >= MANY_CHANNELS else SubPixelConv)(transposed)


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
        n_phases = self.stride[0] * self.stride[1]
        added = transposed.bias.detach().repeat(n_phases) if bias and transposed.bias is not None else None
        self.joint = _conv(weight, added, side)

    def forward(self, x: Tensor, write: Write = _copy) -> Tensor:
        """``(B, C, T, F)`` -> ``(B, C_out, T * stride, F * stride)``; ``write`` may do something on the way."""
        return self.side_by_side(self.joint(x), write)

    def side_by_side(self, phases: Tensor, write: Write = _copy) -> Tensor:
        """``(B, stride * stride * C_out, T, F)``, as ``joint`` gives them -> ``(B, C_out, T * stride, F * stride)``."""
        return _side_by_side(phases.split(self.channels, dim=1), self.stride, write)


class PhaseConvs(nn.Module):
    """The same as ``transposed``, as a ``SubPixelConv`` is, by a convolution for each phase."""

    def __init__(self, transposed: nn.ConvTranspose2d) -> None:
        super().__init__()
        self.stride = (transposed.stride[0], transposed.stride[1])
        time, frequency = (
            [_taps_of(i, transposed.kernel_size[axis], step, int(transposed.padding[axis])) for i in range(step)]
            for axis, step in enumerate(self.stride)
        )
        self.phases = nn.ModuleList(Phase(transposed, row, column) for row in time for column in frequency)

    def forward(self, x: Tensor, write: Write = _copy) -> Tensor:
        """``(B, C, T, F)`` -> ``(B, C_out, T * stride, F * stride)``; ``write`` may do something on the way."""
        return _side_by_side([phase(x) for phase in self.phases], self.stride, write)


class Phase(nn.Module):
    """One phase of ``transposed``: as many places as its input has.

    Args:
        time, frequency: the taps that it sees, by the offset of the input place that each is multiplied with.
    """

    def __init__(self, transposed: nn.ConvTranspose2d, time: dict[int, int], frequency: dict[int, int]) -> None:
        super().__init__()
        weight = transposed.weight.detach()[:, :, list(time.values())][..., list(frequency.values())]
        # Filled up alike at both ends; what an uneven number of taps makes of that is left out.
        padding = (max(-min(time), max(time)), max(-min(frequency), max(frequency)))
        self.conv = _conv(weight.transpose(0, 1), transposed.bias, padding)
        self.first = (padding[0] + min(time), padding[1] + min(frequency))

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, T, F)`` -> ``(B, C_out, T, F)``."""
        frame, bin_ = self.first
        whole: Tensor = self.conv(x)
        return whole[:, :, frame : frame + x.shape[2], bin_ : bin_ + x.shape[3]]


def _conv(weight: Tensor, bias: Tensor | None, padding: tuple[int, int]) -> nn.Conv2d:
    """The convolution of such weights ``(C_out, C_in, taps, taps)``."""
    out, channels, *sides = weight.shape
    conv = nn.Conv2d(channels, out, (sides[0], sides[1]), padding=padding, bias=bias is not None)
    conv.weight = nn.Parameter(weight.contiguous())
    if bias is not None:
        conv.bias = nn.Parameter(bias.detach().clone())
    return conv


def _side_by_side(phases: Sequence[Tensor], stride: tuple[int, int], write: Write) -> Tensor:
    """Phases ``(B, C, T, F)`` -> ``(B, C, T * stride, F * stride)``."""
    (batch, channels, frames, bins), (unfold_time, unfold_frequency) = phases[0].shape, stride
    whole = torch.empty(
        (batch, channels, frames * unfold_time, bins * unfold_frequency),
        dtype=phases[0].dtype,
        device=phases[0].device,
        memory_format=torch.channels_last,
    )
    for i, phase in enumerate(phases):
        time, frequency = divmod(i, unfold_frequency)
        write(phase, whole[:, :, time::unfold_time, frequency::unfold_frequency])
    return whole


def _taps_of(phase: int, side: int, stride: int, padding: int) -> dict[int, int]:
    """Offset of an input place -> the tap that it is multiplied with, in the order of the offsets.

    Output place ``stride m + phase`` is the sum, over offsets d, of input place ``m + d`` times the tap
    ``phase + padding - stride d``.
    """
    places = {offset: phase + padding - stride * offset for offset in range(-side, side + 1)}
    return {offset: tap for offset, tap in places.items() if 0 <= tap < side}


def _phases(weight: Tensor, axis: int, stride: int, padding: int) -> Tensor:
    """The taps along ``axis`` -> two dimensions: the phases, and the taps that a phase sees, as many on either side."""
    taps = weight.movedim(axis, 0)
    seen = [_taps_of(phase, len(taps), stride, padding) for phase in range(stride)]
    reach = max(abs(offset) for of_phase in seen for offset in of_phase)
    phases = taps.new_zeros(stride, 2 * reach + 1, *taps.shape[1:])
    for phase, of_phase in enumerate(seen):
        for offset, tap in of_phase.items():
            phases[phase, reach + offset] = taps[tap]
    return phases.movedim((0, 1), (axis, axis + 1))
