"""A model while it learns: its weights, their average, the optimizer and one step of it. Knows nothing of epochs."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler

from separator.errors import ConfigError
from separator.model.crnn import CRNN
from separator.spectral.stft import stft
from training.config import TrainConfig, weighted
from training.loop.ema import WeightAverage
from training.loop.sync_batch_norm import share_batch_statistics
from training.losses import combined

Batch = Sequence[Tensor]
"""Targets (B, S, N), rest (B, N), and the frequency in Hz (B, S) up to which each is known; below 0 it is not."""


class Learner:
    """Owns everything that a step changes; ``state_dict`` lists it.

    Args:
        model: is changed in place.
    """

    def __init__(self, fabric: Fabric, config: TrainConfig, model: CRNN) -> None:
        self.fabric = fabric
        self.clip_norm = config.clip_norm
        self.loss = combined([weighted(item) for item in config.loss])
        if fabric.world_size > 1:
            share_batch_statistics(model)
        self._keeps_norm = config.norm == "kept"
        if config.only:
            _freeze_all_but(model, config.only)
        self.crnn: CRNN = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
        self._masks_of, self.optimizer = fabric.setup(_MasksOfMixture(model), optimizer)
        self.average = WeightAverage(model, config.ema_decay) if config.ema_decay else None

    @property
    def learning_rate(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])

    @property
    def scaler(self) -> GradScaler | None:
        """What keeps FP16 gradients in range; None in other precisions."""
        return getattr(self.fabric._precision, "scaler", None)

    def step(self, batches: Sequence[Batch], learning_rate: float) -> float | None:
        """One update of the weights from the mean gradient of some batches.

        Returns:
            The mean loss of this process's batches; None if the gradients were not finite, so that nothing was changed.
        """
        self._set_training_mode()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        statistics = [buffer.clone() for buffer in self.crnn.buffers()]
        loss = self._backward(batches)
        norm = self.fabric.clip_gradients(
            self._masks_of, self.optimizer, max_norm=self.clip_norm, error_if_nonfinite=False
        )
        # Gradients are the same in every process once they are summed, so all of them decide alike.
        is_good = bool(torch.isfinite(torch.as_tensor(norm)))
        if is_good or self.scaler is not None:  # a scaler skips by itself, and must be told to lower its scale
            self.optimizer.step()
        self.optimizer.zero_grad()
        if not is_good:
            self._put_back(statistics)
            return None
        if self.average is not None:
            self.average.update(self.crnn)
        return float(loss)

    def loss_of(self, batch: Batch) -> Tensor:
        """The mean loss of the known targets of a batch, in float32, gradients and all."""
        targets, rest, band_hz = (tensor.to(self.fabric.device) for tensor in batch)
        grid = self.crnn.config.stft
        target_spectra, rest_spectrum = (stft(x, grid.n_fft, grid.hop_length) for x in (targets, rest))
        mixture = target_spectra.sum(1) + rest_spectrum
        masks: Tensor = self._masks_of(mixture)
        # Above the band of a source recorded at a low rate nobody knows what the target would have been.
        hz = torch.linspace(0, grid.sample_rate / 2, mixture.shape[1], device=mixture.device)
        known = (hz <= band_hz.unsqueeze(2)).unsqueeze(3)  # (B, S, F, 1)
        with torch.autocast(mixture.device.type, enabled=False):
            losses = self.loss(masks.float(), mixture.unsqueeze(1) * known, target_spectra * known)
            counts = (band_hz >= 0).to(losses.dtype)
            return (losses * counts).sum() / counts.sum()

    def state_dict(self) -> dict[str, Any]:
        """A copy of everything that a step changes."""
        state = {
            "weights": self.crnn.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict() if self.scaler is not None else None,
            "average": self.average.model.state_dict() if self.average is not None else None,
            "average_updates": self.average.updates if self.average is not None else 0,
        }
        return copy.deepcopy(state)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what ``state_dict`` gave; the state itself stays untouched by later steps."""
        self.load_weights(state["weights"])
        # The optimizer would go on working in the very tensors it is given.
        self.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
        if self.scaler is not None and state["scaler"]:
            self.scaler.load_state_dict(state["scaler"])
        if self.average is not None and state["average"] is not None:
            self.average.model.load_state_dict(state["average"])
            self.average.updates = state["average_updates"]

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Start from some weights; their average starts there too."""
        self.crnn.load_state_dict({name: value.float() for name, value in weights.items()})
        if self.average is not None:
            self.average.model.load_state_dict(self.crnn.state_dict())

    def _set_training_mode(self) -> None:
        self.crnn.train()
        for module in self.crnn.modules() if self._keeps_norm else ():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()

    def _backward(self, batches: Sequence[Batch]) -> Tensor:
        total = torch.zeros((), device=self.fabric.device)
        for i, batch in enumerate(batches, start=1):
            with self.fabric.no_backward_sync(self._masks_of, enabled=i < len(batches)):
                loss = self.loss_of(batch) / len(batches)
                self.fabric.backward(loss)
            total += loss.detach()
        return total

    def _put_back(self, statistics: list[Tensor]) -> None:
        """Running statistics move in the forward pass already, and one NaN would stay in them for good."""
        for buffer, before in zip(self.crnn.buffers(), statistics, strict=True):
            buffer.copy_(before)


def _freeze_all_but(model: CRNN, names: Sequence[str]) -> None:
    """Raises ConfigError where a name fits no layer: nothing, or not what was meant, would be trained."""
    known = [name for name, _ in model.named_parameters()]
    strange = [wanted for wanted in names if not any(name.startswith(wanted) for name in known)]
    if strange:
        layers = sorted({".".join(name.split(".")[:2]) for name in known})
        raise ConfigError(f"only names {', '.join(strange)}; the layers of this model are {', '.join(layers)}")
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith(tuple(names)))


class _MasksOfMixture(nn.Module):
    """Fabric rounds real inputs to the precision of the matrix products; a complex spectrogram it lets pass whole."""

    def __init__(self, crnn: CRNN) -> None:
        super().__init__()
        self.crnn = crnn

    def forward(self, mixture: Tensor) -> Tensor:
        """Complex ``(B, F, T)`` -> masks ``(B, S, F, T)``."""
        masks: Tensor = self.crnn(mixture.abs())[0]
        return masks
