"""A transposed convolution to one channel as an ordinary one, which is far faster where a single channel comes out.

It gives a channel for each output place that an input place unfolds to; those are put side by side afterwards
(sub-pixel convolution, Shi et al. 2016).
"""

from torch import Tensor, nn


class SubPixelConv(nn.Module):
    """The same as ``transposed``, which unfolds time and frequency by its stride; of some input channels if asked.

    Its output has stride times as many places as its input: where ``transposed`` gives more, those at the end are left
    out.
    """

    def __init__(self, transposed: nn.ConvTranspose2d, channels: slice = slice(None), *, bias: bool = True) -> None:
        super().__init__()
        self.stride = (transposed.stride[0], transposed.stride[1])
        weight = transposed.weight.detach()[channels, 0]
        weight = _phases(weight, 1, self.stride[0], int(transposed.padding[0]))
        weight = _phases(weight, 3, self.stride[1], int(transposed.padding[1]))
        weight = weight.permute(1, 3, 0, 2, 4).flatten(0, 1)  # (phases, C, taps, taps)
        frames, bins = weight.shape[2:]
        side = (frames // 2, bins // 2)
        self.phases = nn.Conv2d(weight.shape[1], len(weight), (frames, bins), padding=side, bias=bias)
        self.phases.weight = nn.Parameter(weight.contiguous())
        if self.phases.bias is not None and transposed.bias is not None:
            self.phases.bias = nn.Parameter(transposed.bias.detach().repeat(len(weight)))

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, T, F)`` -> ``(B, 1, T * stride, F * stride)``."""
        phases: Tensor = self.phases(x)
        return self.side_by_side(phases)

    def side_by_side(self, phases: Tensor) -> Tensor:
        """``(B, stride * stride, T, F)``, as ``phases`` gives them -> ``(B, 1, T * stride, F * stride)``."""
        batch, _, frames, bins = phases.shape
        places = phases.view(batch, *self.stride, frames, bins).permute(0, 3, 1, 4, 2)
        return places.reshape(batch, 1, frames * self.stride[0], bins * self.stride[1])


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
