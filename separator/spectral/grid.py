"""From the narrow band of a model's input to all bins and channels of a song, at the song's own rate.

A model's STFT has a fixed window and hop in *seconds*. Taking the same window and hop in seconds at the song's own rate
gives an STFT whose first bins are the model's bins and whose frames are the model's frames. So nothing is resampled:
the model's input is read off the song's own spectrogram, and its mask is laid over that same spectrogram.

- 44.1 kHz and 22.05 kHz fall on the model's grid exactly (2048/512 and 1024/256). Other rates take the nearest hop that
  the Fourier transform likes, at most 1 % off: its input is then a sixth of a semitone out of tune, which
  cost 0.03 dB at 48 kHz and 0.05 dB at 32 kHz (SDR, mean of eleven songs).
- The alternative, every song through 44.1 kHz and back, costs two resamplings of every channel, loses what lies above
  22 kHz, and gives a mask of ones no chance to return the input exactly.
- Against resampling the downmix to 22.05 kHz first, magnitudes up to 10.7 kHz differ by -20 to -70 dB, and the stems'
  SDR by less than 0.01 dB. The last twelve bins below 11 kHz differ truly, since there the resampler's filter falls
  off, in training too: their mask is not used but taken from the extension.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from separator.spectral.config import StftConfig

_MOST_DETUNED = 0.01
_TRUSTED_SHARE = 0.975
"""Of the model's band: what is left of 11.025 kHz by the resampler that made the training data."""
_TOP_BAND_HZ = 1000.0
_SMOOTHING_SECONDS = 0.1


@dataclass(frozen=True)
class Grid:
    """A model's STFT at a song's own rate."""

    n_fft: int
    hop_length: int
    model: StftConfig

    @classmethod
    def at_rate(cls, sample_rate: int, model: StftConfig) -> "Grid":
        """The model's window and hop in seconds, in samples at ``sample_rate`` Hz."""
        exact = sample_rate * model.hop_length / model.sample_rate
        reach = int(exact * _MOST_DETUNED)
        near = sorted(range(max(1, round(exact) - reach), round(exact) + reach + 1), key=lambda hop: abs(hop - exact))
        hop_length = next((hop for hop in near if _has_small_factors(hop)), max(1, round(exact)))
        return cls(2 * round(hop_length * model.n_fft / model.hop_length / 2), hop_length, model)

    def compute_model_magnitude(self, spectrum: Tensor, gains: Sequence[float], input_channels: int = 1) -> Tensor:
        """A song, complex ``(C, F, T)`` -> magnitudes at the model's scale, each channel times its gain.

        Returns:
            ``(F_model, T)`` of the mono downmix of the channels whose gain is not 0; for a model with two
            ``input_channels`` and a song with two such channels, ``(2, F_model, T)`` of left and right.
        """
        scale = self.model.n_fft / self.n_fft
        channels = [(spectrum[c, : self.model.n_bins], gain * scale) for c, gain in enumerate(gains) if gain]
        if len(channels) == input_channels == 2:
            magnitude = torch.stack([channel.abs().mul_(abs(factor)) for channel, factor in channels])
        else:
            (first, factor), *others = channels
            downmix = first * (factor / len(channels))
            for channel, factor in others:
                downmix.add_(channel, alpha=factor / len(channels))
            magnitude = downmix.abs()
        return F.pad(magnitude, (0, 0, 0, self.model.n_bins - magnitude.shape[-2]))

    def extend_to_full_band(self, mask: Tensor, *, strict: bool = False) -> Tensor:
        """A model's mask ``(F_model, T)`` -> ``(F, T)`` over all of the song's bins.

        Above the model's band the mask is the mean of its top kilohertz, averaged over a tenth of a second: sibilants
        and cymbals go on above 11 kHz as they are just below. ``strict`` gives that band to the other stems instead.
        """
        n_bins = self.n_fft // 2 + 1
        if strict:
            return F.pad(mask, (0, 0, 0, n_bins - mask.shape[0]))
        trusted = int(self.model.n_bins * _TRUSTED_SHARE)
        if n_bins <= trusted:
            return mask[:n_bins]
        top_bins = max(1, round(_TOP_BAND_HZ * self.model.n_fft / self.model.sample_rate))
        top = moving_average(
            mask[max(0, trusted - top_bins) : trusted].mean(dim=0), _SMOOTHING_SECONDS, self.model.frames_per_second
        )
        return torch.cat((mask[:trusted], top.expand(n_bins - trusted, -1)))


def resample_mask(mask: Tensor, own: Grid, other: Grid, shape: tuple[int, int]) -> Tensor:
    """A mask ``(F, T)`` over all bins of one grid -> of another grid at the same rate, ``shape`` ``(F', T')``.

    Interpolated linearly along frequency, then along time; both grids begin at the same moment and end at the same
    frequency. On its own grid a mask stays as it is.
    """
    if own == other:
        return mask
    n_bins, frames = shape
    bins = torch.arange(n_bins, device=mask.device) * ((mask.shape[0] - 1) / (n_bins - 1))
    places = torch.arange(frames, device=mask.device) * (other.hop_length / own.hop_length)
    return interp_rows(interp_rows(mask, bins).T, places).T


def interp_rows(values: Tensor, places: Tensor) -> Tensor:
    """Rows of ``(R, ...)`` at fractional ``places``, interpolated linearly; beyond the last row, the last row."""
    places = places.clamp(max=len(values) - 1)
    lower = places.long()
    upper = (lower + 1).clamp(max=len(values) - 1)
    share = (places - lower).reshape(-1, *[1] * (values.ndim - 1))
    return values[lower] * (1 - share) + values[upper] * share


def normalize_masks(masks: list[Tensor]) -> list[Tensor]:
    """Masks of several targets, each in [0, 1], so that no bin is given away more than once.

    Where they sum to more than 1 they are divided by their sum; the rest of a song is then never negative.
    """
    if len(masks) == 1:
        return masks
    excess = torch.stack(masks).sum(dim=0).clamp_(min=1.0)
    return [mask / excess for mask in masks]


def moving_average(envelope: Tensor, seconds: float, frames_per_second: float) -> Tensor:
    """Centred moving average of ``(T,)``, over an odd number of frames and fewer at the ends."""
    frames = 2 * round(seconds * frames_per_second / 2) + 1
    return F.avg_pool1d(envelope[None], frames, stride=1, padding=frames // 2, count_include_pad=False)[0]


def _has_small_factors(number: int) -> bool:
    """Whether a number has no prime factor above 7, which makes its Fourier transform several times faster."""
    for prime in (2, 3, 5, 7):
        while number % prime == 0:
            number //= prime
    return number == 1
