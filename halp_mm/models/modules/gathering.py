"""Collecting what all ranks of a distributed run have computed."""

from __future__ import annotations

import torch
from mmengine.dist import all_gather, get_rank, is_distributed
from torch import Tensor
from torch.distributed.nn.functional import all_gather as all_gather_with_gradient


def gather_from_all_ranks(rows: Tensor) -> Tensor:
    """The rows of all ranks, in the order of ranks, without gradient: ``[world size x N, D]``."""
    return torch.cat(all_gather(rows)) if is_distributed() else rows


def gather_with_gradient(rows: Tensor) -> Tensor:
    """Like :func:`gather_from_all_ranks`, with gradient.

    A loss that all ranks compute of the gathered rows has the gradient of the whole batch once
    gradients are averaged over ranks, as DDP does.
    """
    return torch.cat(all_gather_with_gradient(rows)) if is_distributed() else rows


def own_rows(gathered: Tensor, num_rows: int) -> Tensor:
    """The rows of this rank among gathered ones.

    Args:
        gathered: Rows of all ranks ``[world size x N, ...]``.
        num_rows: N, rows of a rank.
    """
    return gathered.narrow(0, get_rank() * num_rows, num_rows)
