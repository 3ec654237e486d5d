"""Gathering of tensors from all ranks of a distributed run."""

from __future__ import annotations

import torch
from mmengine.dist import all_gather, get_rank, is_distributed
from torch import Tensor
from torch.distributed.nn.functional import all_gather as all_gather_with_gradient


def gather_from_all_ranks(rows: Tensor) -> Tensor:
    """Gather the rows of all ranks in rank order, without gradient: ``[world size x N, D]``."""
    return torch.cat(all_gather(rows)) if is_distributed() else rows


def gather_with_gradient(rows: Tensor) -> Tensor:
    """Gather rows like :func:`gather_from_all_ranks`, with gradient.

    If all ranks compute a loss from the gathered rows, averaging gradients over ranks, as DDP
    does, gives the gradient of the whole batch.
    """
    return torch.cat(all_gather_with_gradient(rows)) if is_distributed() else rows


def own_rows(gathered: Tensor, num_rows: int) -> Tensor:
    """Select the rows of this rank from gathered rows.

    Args:
        gathered: Rows of all ranks ``[world size x N, ...]``.
        num_rows: N, the number of rows of each rank.
    """
    return gathered.narrow(0, get_rank() * num_rows, num_rows)
