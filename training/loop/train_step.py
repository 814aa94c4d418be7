"""One optimisation step, and all that it changes: weights, their moving average, optimizer, gradient scaler."""

import copy
from collections.abc import Sequence
from typing import Any, cast

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler

from separator.errors import ConfigError
from separator.model import CRNN
from separator.spectral import stft
from training.config import OptimiserSettings, parse_weighted
from training.data.loader import Batch
from training.distillation.goal import make_goal
from training.loop.weight_averaging import make_moving_average
from training.losses import combine

MOST_BAD_STEPS = 5
"""Non-finite steps in a row after which the weights are restored to the last good ones."""
MOST_OVERFLOWS = 25
"""The same with a gradient scaler, which halves its scale at each of them until the gradients fit."""


class Learner:
    """Owns everything that a step changes; ``state_dict`` lists it.

    Args:
        model: is changed in place.
    """

    def __init__(self, fabric: Fabric, config: OptimiserSettings, model: CRNN) -> None:
        self.fabric = fabric
        self.goal = make_goal(config, model.config, fabric.device)
        self.clip_norm = config.clip_norm
        self.loss = combine([parse_weighted(item) for item in config.loss])
        if fabric.world_size > 1 and fabric.device.type == "cuda":
            nn.SyncBatchNorm.convert_sync_batchnorm(model)  # in place: the model itself is no batch normalisation
        self._keeps_norm = config.norm == "kept"
        if config.only:
            _freeze_all_but(model, config.only)
        self.crnn: CRNN = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        groups, self._rate_shares = _group_by_rate(config, model)
        optimizer = torch.optim.Adam(groups, lr=config.learning_rate, weight_decay=config.weight_decay)
        self._network, self.optimizer = fabric.setup(_MaskNetwork(model), optimizer)
        self._average = make_moving_average(model, config.ema_decay) if config.ema_decay else None

    @property
    def learning_rate(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])

    @property
    def models(self) -> list[CRNN]:
        """What can be validated: the model, and the moving average of its weights where there is one."""
        return [self.crnn] if self._average is None else [self.crnn, cast(CRNN, self._average.module)]

    @property
    def precision(self) -> str:
        """The precision that is computed in; never "auto"."""
        return str(self.fabric._precision.precision)

    @property
    def scaler(self) -> GradScaler | None:
        """What keeps FP16 gradients in range; None in other precisions."""
        return getattr(self.fabric._precision, "scaler", None)

    @property
    def most_bad_steps(self) -> int:
        return MOST_BAD_STEPS if self.scaler is None else MOST_OVERFLOWS

    def step(self, batches: Sequence[Batch], learning_rate: float) -> float | None:
        """One update of the weights from the mean gradient of some batches.

        Returns:
            The mean loss of this process's batches; None if the gradients were not finite, so that nothing was changed.
        """
        self._set_training_mode()
        for group, share in zip(self.optimizer.param_groups, self._rate_shares, strict=True):
            group["lr"] = share * learning_rate
        statistics = [buffer.clone() for buffer in self.crnn.buffers()]
        loss = self._backward(batches)
        norm = self.fabric.clip_gradients(
            self._network, self.optimizer, max_norm=self.clip_norm, error_if_nonfinite=False
        )
        # Gradients are the same in every process once they are summed, so all of them decide alike.
        is_good = bool(torch.isfinite(torch.as_tensor(norm)))
        if is_good or self.scaler is not None:  # a scaler skips by itself, and lowers its scale
            self.optimizer.step()
        self.optimizer.zero_grad()
        if not is_good:
            self._restore_statistics(statistics)
            return None
        if self._average is not None:
            self._average.update_parameters(self.crnn)
        return float(loss)

    def compute_loss(self, batch: Batch) -> Tensor:
        """The mean loss of the known targets of a batch, in float32, gradients and all."""
        is_panned = self.crnn.config.input_channels == 2 and bool((batch[3] != 1).any())
        targets, rest, band_hz, pans = (tensor.to(self.fabric.device) for tensor in batch)
        grid = self.crnn.config.stft
        target_spectra, rest_spectrum = (stft(x, grid.n_fft, grid.hop_length) for x in (targets, rest))
        mixture = target_spectra.sum(1) + rest_spectrum
        masks: Tensor = self._network(_pan(target_spectra, rest_spectrum, pans) if is_panned else mixture)
        with self.fabric.autocast():
            goal, known = self.goal(mixture, target_spectra, band_hz)
        with torch.autocast(mixture.device.type, enabled=False):
            losses = self.loss(masks.float(), mixture.unsqueeze(1) * known, goal * known)
            counts = known.any((2, 3)).to(losses.dtype)
            return (losses * counts).sum() / counts.sum()

    def state_dict(self) -> dict[str, Any]:
        """A copy of everything that a step changes."""
        state = {
            "weights": self.crnn.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict() if self.scaler is not None else None,
            "average": self._average.module.state_dict() if self._average is not None else None,
            "average_updates": int(self._average.n_averaged) if self._average is not None else 0,
        }
        return copy.deepcopy(state)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state of ``state_dict``; later steps do not change it."""
        self.load_weights(state["weights"])
        if len(state["optimizer"]["param_groups"]) != len(self._rate_shares):
            raise ConfigError("outer_learning_rate cannot be switched on or off when a run goes on; leave it as it was")
        # The optimizer would go on working in the very tensors it is given.
        self.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
        if self.scaler is not None and state["scaler"]:
            self.scaler.load_state_dict(state["scaler"])
        if self._average is not None and state["average"] is not None:
            self._average.module.load_state_dict(state["average"])
            self._average.n_averaged.fill_(state["average_updates"])

    def make_model(self, weights: dict[str, Tensor]) -> CRNN:
        """Another model of the same layers, with some weights."""
        with torch.random.fork_rng(devices=[]):  # its first weights must not change the random numbers to come
            model = CRNN(self.crnn.config).to(self.fabric.device)
        model.load_state_dict(weights)
        return model

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Start from some weights; their average starts there too."""
        self.crnn.load_state_dict({name: value.float() for name, value in weights.items()})
        if self._average is not None:
            self._average.module.load_state_dict(self.crnn.state_dict())

    def _set_training_mode(self) -> None:
        self.crnn.train()
        for module in self.crnn.modules() if self._keeps_norm else ():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()

    def _backward(self, batches: Sequence[Batch]) -> Tensor:
        total = torch.zeros((), device=self.fabric.device)
        for i, batch in enumerate(batches, start=1):
            with self.fabric.no_backward_sync(self._network, enabled=i < len(batches)):
                loss = self.compute_loss(batch) / len(batches)
                self.fabric.backward(loss)
            total += loss.detach()
        return total

    def _restore_statistics(self, statistics: list[Tensor]) -> None:
        """Running statistics move in the forward pass already, and one NaN would stay in them for good."""
        for buffer, before in zip(self.crnn.buffers(), statistics, strict=True):
            buffer.copy_(before)


def _pan(targets: Tensor, rest: Tensor, pans: Tensor) -> Tensor:
    """Spectra (B, S, F, T), (B, F, T) and gains (B, S + 1, 2) -> left and right (B, 2, F, T)."""
    sources = torch.cat((targets, rest.unsqueeze(1)), dim=1)
    return torch.stack([(sources * gains[..., None, None]).sum(1) for gains in pans.unbind(2)], dim=1)


def _group_by_rate(config: OptimiserSettings, model: CRNN) -> tuple[list[dict[str, Any]], list[float]]:
    """Groups of weights for the optimizer, and their shares of the learning rate; the recurrent layers come first."""
    if not config.outer_learning_rate:
        return [{"params": list(model.parameters())}], [1.0]
    inner: list[nn.Parameter] = []
    outer: list[nn.Parameter] = []
    for name, weight in model.named_parameters():
        is_inner = name.startswith("bottleneck.") and not name.startswith("bottleneck.local.")
        (inner if is_inner else outer).append(weight)
    return [{"params": inner}, {"params": outer}], [1.0, config.outer_learning_rate / config.learning_rate]


def _freeze_all_but(model: CRNN, names: Sequence[str]) -> None:
    """Raises ConfigError where a name fits no layer: nothing, or not what was meant, would be trained."""
    present = [name for name, _ in model.named_parameters()]
    missing = [wanted for wanted in names if not any(name.startswith(wanted) for name in present)]
    if missing:
        layers = sorted({".".join(name.split(".")[:2]) for name in present})
        raise ConfigError(f"only names {', '.join(missing)}; the layers of this model are {', '.join(layers)}")
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith(tuple(names)))


class _MaskNetwork(nn.Module):
    """Takes the complex spectrogram: Fabric would round real inputs to half precision."""

    def __init__(self, crnn: CRNN) -> None:
        super().__init__()
        self.crnn = crnn

    def forward(self, mixture: Tensor) -> Tensor:
        """Complex ``(B, F, T)``, or ``(B, 2, F, T)`` in stereo -> masks ``(B, S, F, T)``."""
        masks: Tensor = self.crnn(mixture.abs())[0]
        return masks
