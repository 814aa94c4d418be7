"""Spectrograms as picture files for the page. What they show is decided in ``separator/plots``."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from separator.audio import AudioStream
from separator.errors import AudioError

LONGEST_SECONDS = 15 * 60.0
"""Of a longer song the first quarter of an hour is drawn, so that memory stays bounded."""


def draw_spectrograms(files: Mapping[str, Path], folder: Path, name: str) -> Path:
    """Draw audio files below each other on one loudness scale, keyed by title, into ``folder/<name>.png``.

    Raises AudioError for a file that cannot be read.
    """
    from separator.plots import draw_spectrograms, save_png  # matplotlib takes its time to load

    downmixes = {title: _downmix(path) for title, path in files.items()}
    sample_rate = next(iter(downmixes.values()))[1]
    figure = draw_spectrograms({title: waveform for title, (waveform, _) in downmixes.items()}, sample_rate)
    return save_png(figure, folder / f"{name}.png")


def _downmix(path: Path) -> tuple[Tensor, int]:
    """The mean of a file's channels, (1, N), and its rate in Hz."""
    with AudioStream(path) as stream:
        rate = stream.info.sample_rate
        blocks: list[Tensor] = []
        for block in stream:
            blocks.append(block.mean(dim=0, keepdim=True))
            if sum(part.shape[1] for part in blocks) > LONGEST_SECONDS * rate:
                break
    if not blocks:
        raise AudioError(f"{path.name} holds no audio.")
    return torch.cat(blocks, dim=1), rate
