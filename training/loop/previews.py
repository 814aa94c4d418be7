"""One validation excerpt, separated after every epoch, as WAV files: the model's first target."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from separator.audio import write
from separator.metrics import sdr
from separator.model import CRNN
from separator.spectral import StftConfig, istft, stft
from training.data.training_data import ValidationExcerpt


class Previewer:
    """Writes ``mixture.wav`` and ``reference.wav`` once, and ``epoch_0001.wav`` ... as training goes on."""

    def __init__(self, folder: Path, excerpts: list[ValidationExcerpt], stft_config: StftConfig) -> None:
        self.folder = folder
        self.stft_config = stft_config
        excerpt = max(excerpts, key=_balance)
        self.reference = torch.from_numpy(excerpt.targets[:1])
        self.mixture = torch.from_numpy(excerpt.targets.sum(axis=0) + excerpt.rest).unsqueeze(0)

    @torch.no_grad()
    def write(self, model: CRNN, epoch: int, device: torch.device) -> tuple[Path, float]:
        """Separate the excerpt with a model; the file, and its SDR in dB."""
        if not (self.folder / "reference.wav").exists():
            self._write("mixture.wav", self.mixture)
            self._write("reference.wav", self.reference)
        grid = (self.stft_config.n_fft, self.stft_config.hop_length)
        was_training = model.training
        spectrum = stft(self.mixture.to(device), *grid)
        estimate = istft(model.eval()(spectrum.abs())[0][:, 0] * spectrum, *grid, length=self.mixture.shape[-1]).cpu()
        model.train(was_training)
        return self._write(f"epoch_{epoch:04d}.wav", estimate), float(sdr(self.reference, estimate))

    def _write(self, name: str, waveform: Tensor) -> Path:
        self.folder.mkdir(exist_ok=True)
        path = self.folder / name
        # One fixed gain for all of them, so that they can be compared by ear.
        peak = max(1.0, float(self.mixture.abs().max()))
        write(path, (waveform / peak).clamp(-1, 1), self.stft_config.sample_rate, bits=16)
        return path


def _balance(excerpt: ValidationExcerpt) -> float:
    """High where both the first target and all else are loud: an excerpt worth listening to."""
    others = excerpt.targets[1:].sum(axis=0) + excerpt.rest
    return float(min(np.mean(excerpt.targets[0] ** 2), np.mean(others**2)))
