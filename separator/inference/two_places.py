"""The recurrent middle of a ``unet`` model, heard from two places at once.

Each layer folds two frames into one, and where the folds begin changes the answer by chance. The deepest fold matters
most: hearing the song from half of it later too, and taking the mean, is better, for half as much time again; the
layers around it do not notice, and are done once (checkpoints/README.md). Part of ``separator.inference.tta``.
"""

import torch
from torch import Tensor, nn

from separator.model.crnn import CRNN
from separator.model.gru_state import Past
from separator.model.optimize.fuse_dual_path import FusedDecoderLayer, FusedEncoderLayer


def hear_from_two_places(model: CRNN) -> CRNN:
    """The same model, already fused, with its deepest layers in one ``TwoPlaces``; models of other layouts as they are.

    Args:
        model: from ``separator.model.optimize.fuse``.
    """
    if model.config.layout != "unet" or model.config.time_strides[-1] != 2:
        return model
    last, first = model.encoder[-1], model.decoder[0]
    if isinstance(last, FusedEncoderLayer) and isinstance(first, FusedDecoderLayer):
        model.bottleneck = TwoPlaces(last, model.bottleneck, first)
        model.encoder, model.decoder = model.encoder[:-1], model.decoder[1:]
    return model


def period(model: CRNN) -> int:
    """By how many frames a song has to be shifted for the layers of a model, once ready, to say the same again.

    The local path of a ``unet`` model, which folds two frames of the middle once more, is left out of account.
    """
    has_two_places = model.config.layout == "unet" and isinstance(model.bottleneck, TwoPlaces)
    return model.config.time_factor // (2 if has_two_places else 1)


class TwoPlaces(nn.Module):
    """The deepest encoder layer, the middle, and the decoder layer that answers: from here and from one frame later."""

    def __init__(self, encode: FusedEncoderLayer, middle: nn.Module, decode: FusedDecoderLayer) -> None:
        super().__init__()
        self.encode, self.middle, self.decode = encode, middle, decode

    def forward(self, x: Tensor, past: Past | None = None) -> Tensor:
        """``(B, C, T, F)``, padded already for the deepest layer -> the mean of what both say, not padded."""
        batch, channels, rows, bins = x.shape
        both = torch.empty(
            (2 * batch, channels, rows + 2, bins), dtype=x.dtype, device=x.device, memory_format=torch.channels_last
        ).zero_()
        both[:batch, :, :rows] = x
        both[batch:, :, 1 : rows + 1] = x
        deep, skip = self.encode(both)
        heard = self.middle(deep) if past is None else self.middle(deep, past, streams=2)
        said: Tensor = self.decode(heard, skip)
        frames = said.shape[2] - 2
        mean: Tensor = (said[:batch, :, :frames] + said[batch:, :, 1 : frames + 1]) / 2
        return mean
