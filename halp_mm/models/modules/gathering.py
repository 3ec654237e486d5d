"""Collecting what all ranks of a distributed run have computed.

Row i of rank r is place i x world size + r of the global batch, as the sampler deals clips to the
ranks. So gathered rows stand in the order in which one process with the whole batch has them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.dist import all_gather, all_reduce, get_rank, get_world_size, is_distributed
from torch import Tensor
from torch.distributed.nn.functional import all_gather as all_gather_with_gradient


def gather_from_all_ranks(rows: Tensor) -> Tensor:
    """The rows of all ranks ``[world size x N, D]`` in the global batch's order, without gradient.

    All ranks must have as many.
    """
    return _interleaved(all_gather(rows.contiguous())) if is_distributed() else rows


def gather_with_gradient(rows: Tensor) -> Tensor:
    """Like :func:`gather_from_all_ranks`, with gradient.

    A loss that all ranks compute of the gathered rows has the gradient of the whole batch once
    gradients are averaged over ranks, as DDP does.
    """
    return _interleaved(all_gather_with_gradient(rows)) if is_distributed() else rows


def own_rows(gathered: Tensor) -> Tensor:
    """The rows of this rank among gathered ones ``[world size x N, ...]``."""
    return gathered[get_rank() :: get_world_size()]


def mean_over_ranks(value: Tensor) -> Tensor:
    """The mean of all ranks' values, without gradient; any shape."""
    value = value.detach()
    if is_distributed():
        value = value.clone()
        all_reduce(value, op='mean')
    return value


def _interleaved(parts: Sequence[Tensor]) -> Tensor:
    return torch.stack(tuple(parts), 1).flatten(0, 1)
