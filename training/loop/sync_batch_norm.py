"""Batch normalisation over the batches of all processes together, so that two devices learn what one would.

torch has ``SyncBatchNorm`` for this, on GPUs only; this one runs wherever ``all_reduce`` does.
"""

import torch
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce


class SharedBatchNorm2d(nn.BatchNorm2d):
    """``BatchNorm2d`` whose mean and variance are those of all processes' batches, which must be of one size."""

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, T, F)`` -> the same shape."""
        if not self.training:
            return super().forward(x)
        with torch.autocast(x.device.type, enabled=False):
            mean = _mean_of_all(x.float().mean((0, 2, 3)))
            centred = x.float() - mean[:, None, None]
            variance = _mean_of_all(centred.square().mean((0, 2, 3)))
            self._remember(mean.detach(), variance.detach(), x.numel() // x.shape[1])
            scale = self.weight * (variance + self.eps).rsqrt()
            return (centred * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, count_here: int) -> None:
        """Move the running statistics, as ``BatchNorm2d`` does: with the unbiased variance."""
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        count = count_here * torch.distributed.get_world_size()
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * (count / max(1, count - 1)), self.momentum)
        self.num_batches_tracked.add_(1)


def share_batch_statistics(model: nn.Module) -> None:
    """Make every batch normalisation of a model a shared one, with its own weights and statistics, in place."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is nn.BatchNorm2d:
                shared = SharedBatchNorm2d(child.num_features, child.eps, child.momentum)
                shared.load_state_dict(child.state_dict())
                setattr(module, name, shared)


def _mean_of_all(values: Tensor) -> Tensor:
    """The mean over processes; its gradient reaches all of them."""
    summed: Tensor = all_reduce(values)
    return summed / torch.distributed.get_world_size()
