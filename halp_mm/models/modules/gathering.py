"""Gathering of tensors from all ranks of a distributed run.

Row i of rank r is row i x world size + r of the global batch, in the order in which the sampler
distributes clips to ranks. Gathered rows thus have the order of a single process with the whole
batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.dist import all_gather, all_reduce, get_rank, get_world_size, is_distributed
from torch import Tensor


def gather_from_all_ranks(rows: Tensor) -> Tensor:
    """Gather all ranks' rows ``[world size x N, D]`` in the global batch's order, without gradient.

    All ranks must have the same number of rows.
    """
    return _interleaved(all_gather(rows.contiguous())) if is_distributed() else rows


def gather_with_gradient(rows: Tensor) -> Tensor:
    """Gather rows like :func:`gather_from_all_ranks`, with gradient.

    If all ranks compute a loss from the gathered rows, averaging gradients over ranks, as DDP
    does, gives the gradient of the whole batch.
    """
    return _Gather.apply(rows) if is_distributed() else rows


def own_rows(gathered: Tensor) -> Tensor:
    """Select the rows of this rank from gathered rows ``[world size x N, ...]``."""
    return gathered[get_rank() :: get_world_size()]


def mean_over_ranks(value: Tensor) -> Tensor:
    """Average values of any shape over all ranks, without gradient."""
    value = value.detach()
    if is_distributed():
        value = value.clone()
        all_reduce(value, op='mean')
    return value


class _Gather(torch.autograd.Function):
    """Gather rows; the gradient of a rank's rows is the sum of what all ranks' losses give them."""

    @staticmethod
    def forward(_ctx: Any, rows: Tensor) -> Tensor:
        return gather_from_all_ranks(rows)

    @staticmethod
    def backward(_ctx: Any, gradient: Tensor) -> Tensor:
        gradient = gradient.clone(memory_format=torch.contiguous_format)
        all_reduce(gradient)
        return own_rows(gradient)


def _interleaved(parts: Sequence[Tensor]) -> Tensor:
    return torch.stack(tuple(parts), 1).flatten(0, 1)
