"""Distances between the joints of a pose."""

from __future__ import annotations

import torch
from torch import Tensor


def joint_pairs(num_joints: int) -> Tensor:
    """All pairs of different joints, ``[2, V (V - 1) / 2]``: those with joint 0 come first."""
    return torch.triu_indices(num_joints, num_joints, 1)


def joint_distances(coordinates: Tensor, pairs: Tensor) -> Tensor:
    """Measure how far joints of a pose are from each other.

    Args:
        coordinates: ``[..., V, D]``, without scores.
        pairs: Pairs of joints ``[2, P]``.

    Returns:
        ``[..., P]``.
    """
    first, second = (coordinates.index_select(-2, joints) for joints in pairs)
    return torch.linalg.vector_norm(first - second, dim=-1)
