"""Distances between the joints of a pose."""

from __future__ import annotations

import torch
from torch import Tensor


def pair_matrix(num_joints: int) -> Tensor:
    """Build the matrix that maps joints ``[..., V]`` to the differences of all pairs of them.

    Returns:
        ``[V, V (V - 1) / 2]``: first the pairs with joint 0.
    """
    first, second = torch.triu_indices(num_joints, num_joints, 1)
    columns = torch.arange(len(first))
    matrix = torch.zeros(num_joints, len(columns))
    matrix[first, columns] = 1
    matrix[second, columns] = -1
    return matrix


def joint_distances(coordinates: Tensor, pairs: Tensor) -> Tensor:
    """Measure how far joints of a pose are from each other.

    Args:
        coordinates: ``[N, C, ..., V]``, without scores.
        pairs: The matrix of pairs ``[V, P]``, see :func:`pair_matrix`.

    Returns:
        ``[N, ..., P]``.
    """
    squared = (coordinates @ pairs).square().sum(1)
    # The root of zero has no gradient.
    return squared.clamp(min=torch.finfo(squared.dtype).tiny).sqrt()
