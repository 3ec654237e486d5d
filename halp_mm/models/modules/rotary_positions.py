"""Positions as rotations of queries and keys."""

from __future__ import annotations

import torch
from torch import Tensor


def rotary_angles(length: int, dim: int, base: float, device: torch.device) -> Tensor:
    """The angles by which positions turn the pairs of entries of a head, ``[length, dim / 2]``.

    Source: RoFormer (Su et al., 2021), Sec. 3.2.

    Args:
        length: Number of positions.
        dim: Number of entries of a head; even.
        base: Base of the rotations' periods.
        device: Device of the angles.
    """
    frequencies = base ** (-torch.arange(0, dim, 2, device=device) / dim)
    return torch.arange(length, device=device)[:, None] * frequencies


def rotated(heads: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Turn each entry of the first half of a head with the same one of the second half.

    Args:
        heads: Queries or keys ``[B, H, L, D]``.
        cosine: ``[L, D / 2]``.
        sine: ``[L, D / 2]``.
    """
    first, second = heads.chunk(2, -1)
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], -1)
