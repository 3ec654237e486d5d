"""The Chamfer distance of point clouds."""

from __future__ import annotations

import torch
from torch import Tensor

from halp_mm.argument_checks import check_count


def chamfer_distance(
    first: Tensor, second: Tensor, is_second: Tensor | None = None, chunk_size: int = 512
) -> Tensor:
    """The mean squared distance of each point to the nearest of the other cloud, both ways.

    The order of points does not matter. Nearest points are searched for chunk by chunk and without
    gradient, so memory grows with the number of points and not with its square.

    Args:
        first: Clouds of P points, ``[N, P, C]``.
        second: Clouds of Q points, ``[N, Q, C]``.
        is_second: Which points of the second clouds exist, boolean ``[N, Q]``; all by default. The
            distance to a cloud without any point is 0.
        chunk_size: Number of points of the first clouds that are compared at a time.

    Returns:
        The sum of both means, ``[N]``.

    Example:
        >>> chamfer_distance(torch.zeros(1, 4, 3), torch.ones(1, 9, 3))
        tensor([6.])
    """
    check_count(chunk_size=chunk_size)
    if is_second is None:
        is_second = second.new_ones(second.shape[:2], dtype=torch.bool)
    of_first, of_second = nearest_points(first, second, is_second, chunk_size)
    to_second = squared_distance(first, second, of_first)
    to_first = squared_distance(second, first, of_second) * is_second
    count = is_second.sum(1)
    return to_second.mean(1) * (count > 0) + to_first.sum(1) / count.clamp(min=1)


@torch.no_grad()
def nearest_points(
    first: Tensor, second: Tensor, is_second: Tensor, chunk_size: int
) -> tuple[Tensor, Tensor]:
    """The nearest point in the second cloud of each in the first, ``[N, P]``, and the reverse.

    See :func:`chamfer_distance`; what does not exist is nearest to nothing.
    """
    of_first = []
    closest = torch.full_like(second[..., 0], torch.inf)
    of_second = torch.zeros_like(is_second, dtype=torch.long)
    for start in range(0, first.shape[1], chunk_size):
        chunk = first[:, start : start + chunk_size]
        # The fast way by a matrix product is not exact enough to find the nearest.
        distance = torch.cdist(chunk, second, compute_mode='donot_use_mm_for_euclid_dist')
        of_first.append(distance.where(is_second[:, None], torch.inf).argmin(2))
        nearest, places = distance.min(1)
        of_second = torch.where(nearest < closest, places + start, of_second)
        closest = torch.minimum(nearest, closest)
    return torch.cat(of_first, 1), of_second


def squared_distance(points: Tensor, others: Tensor, places: Tensor) -> Tensor:
    """The squared distance of points ``[N, P, C]`` to those at places ``[N, P]`` of others."""
    chosen = others.gather(1, places[..., None].expand(-1, -1, others.shape[-1]))
    return (points - chosen).square().sum(-1)
