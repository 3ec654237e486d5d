"""Batch norm with the statistics of all ranks' batches."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from mmengine.dist import all_gather, all_reduce, is_distributed
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from halp_mm.models.modules.precision import at_least_float32


class SynchronizedBatchNorm(_BatchNorm):
    """PyTorch's batch norm, normalising by the global batch in distributed training.

    Unlike PyTorch's ``SyncBatchNorm``, it also works on CPUs. Parameters, buffers and their names
    are those of any batch norm, so checkpoints are interchangeable. All ranks must have the same
    number of clips. With one process and in evaluation, it equals PyTorch's batch norm.

    Example:
        >>> norm = SynchronizedBatchNorm(8)
        >>> norm(torch.randn(4, 8, 5)).shape
        torch.Size([4, 8, 5])
    """

    # None without track_running_stats, and then never updated.
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``[N, C, ...]`` over all dimensions but C."""
        if not (self.training and is_distributed()):
            return super().forward(x)
        mean, variance, count = global_statistics(x.detach())
        if self.track_running_stats:
            self._update_running(mean, variance * (count / max(count - 1, 1)))
        return _Normalize.apply(x, self.weight, self.bias, mean, variance, self.eps)

    @torch.no_grad()
    def _update_running(self, mean: Tensor, variance: Tensor) -> None:
        self.num_batches_tracked += 1
        share = 1 / self.num_batches_tracked if self.momentum is None else self.momentum
        self.running_mean += share * (mean - self.running_mean)
        self.running_var += share * (variance - self.running_var)

    def _check_input_dim(self, x: Tensor) -> None:
        if x.dim() < 2:
            raise ValueError(f'batch norm has an input {list(x.shape)}; expected [N, C, ...]')


@torch.no_grad()
def global_statistics(x: Tensor) -> tuple[Tensor, Tensor, int]:
    """Mean ``[C]``, variance ``[C]`` and entries per channel of all ranks' ``[N, C, ...]``.

    The variance is the mean of the ranks' variances plus the variance of their means. This avoids
    the loss of precision of E[x^2] - E[x]^2.
    """
    variance, mean = torch.var_mean(at_least_float32(x), channel_dims(x), correction=0)
    means, variances = torch.stack(all_gather(torch.stack([mean, variance]))).unbind(1)
    mean = means.mean(0)
    variance = variances.mean(0) + (means - mean).square().mean(0)
    return mean, variance, len(means) * x.numel() // x.shape[1]


class _Normalize(torch.autograd.Function):
    """Normalise by given statistics, which depend on all ranks' inputs.

    The gradient of a rank's input is that of the sum of all ranks' losses. DDP then divides by the
    number of ranks.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        mean: Tensor,
        variance: Tensor,
        eps: float,
    ) -> Tensor:
        ctx.save_for_backward(x, weight, mean, variance)
        ctx.eps = eps
        return F.batch_norm(x, mean, variance, weight, bias, training=False, eps=eps)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, variance = ctx.saved_tensors
        dims = channel_dims(x)
        shape = [1, -1] + [1] * (x.dim() - 2)
        gradient = at_least_float32(gradient)
        inverse = torch.rsqrt(variance + ctx.eps)
        normalized = (at_least_float32(x) - mean.view(shape)) * inverse.view(shape)
        means = torch.stack([gradient.mean(dims), (gradient * normalized).mean(dims)])
        of_bias, of_weight = (means * (x.numel() // x.shape[1])).unbind()
        all_reduce(means, op='mean')
        if weight is not None:
            inverse = inverse * weight
        along = normalized.mul_(means[1].view(shape)).add_(means[0].view(shape))
        of_x = (gradient - along) * inverse.view(shape)
        of_parameters = (None, None) if weight is None else (of_weight, of_bias)
        return of_x.to(x.dtype), *of_parameters, None, None, None


def channel_dims(x: Tensor) -> list[int]:
    """All dimensions of ``[N, C, ...]`` but C."""
    return [0, *range(2, x.dim())]


def synchronize_batch_norm(module: nn.Module) -> None:
    """Replace all batch norms within a module, keeping their parameters and buffers."""
    for name, child in module.named_children():
        if isinstance(child, _BatchNorm) and not isinstance(child, SynchronizedBatchNorm):
            setattr(module, name, synchronized(child))
        else:
            synchronize_batch_norm(child)


def synchronized(norm: _BatchNorm) -> SynchronizedBatchNorm:
    """A synchronised batch norm with the parameters and buffers of another."""
    made = SynchronizedBatchNorm(
        norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats
    )
    made.weight, made.bias = norm.weight, norm.bias
    for name, buffer in norm.named_buffers():
        setattr(made, name, buffer)
    return made.train(norm.training)
