"""k-means on the unit sphere with its Riemannian metric."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Generator, Tensor


def log_map(base: Tensor, points: Tensor) -> Tensor:
    """The tangent vectors at ``base`` of the geodesics to ``points``.

    Args:
        base: Unit vectors ``[..., D]``.
        points: Unit vectors ``[..., D]``, broadcast against ``base``.

    Returns:
        ``[..., D]``, orthogonal to ``base``; their length is the angle between the two, in radians.
    """
    cosine = (base * points).sum(-1, keepdim=True)
    tangent = points - cosine * base
    sine = tangent.norm(dim=-1, keepdim=True)
    angle = torch.atan2(sine, cosine)
    tiny = torch.finfo(points.dtype).tiny
    return tangent * torch.where(sine > tiny, angle / sine.clamp(min=tiny), 1.0)


def exp_map(base: Tensor, tangent: Tensor) -> Tensor:
    """Move from ``base`` along a geodesic; the inverse of :func:`log_map`.

    Args:
        base: Unit vectors ``[..., D]``.
        tangent: Vectors ``[..., D]`` orthogonal to ``base``.

    Returns:
        Unit vectors ``[..., D]``.
    """
    length = tangent.norm(dim=-1, keepdim=True)
    walked = torch.cos(length) * base + torch.sinc(length / torch.pi) * tangent
    return F.normalize(walked, dim=-1)


def frechet_mean(
    points: Tensor,
    weights: Tensor | None = None,
    start: Tensor | None = None,
    max_iterations: int = 32,
    tolerance: float = 1e-9,
) -> Tensor:
    """The point with the smallest sum of squared geodesic distances to the given points.

    The method is gradient descent with step size 1. The first step is always taken; later steps
    only while they are longer than the tolerance. (The release of HaLP uses Geomstats, which starts
    at the first point with a tolerance of sqrt(1e-4 (D - 1)) and often stops after one step.)

    Args:
        points: Unit vectors ``[..., K, D]``.
        weights: Weights of the points ``[..., K]``, equal by default.
        start: Unit vectors ``[..., D]`` to start from; by default the normalised Euclidean mean.
        max_iterations: Maximum number of steps.
        tolerance: Angle in radians.

    Returns:
        Unit vectors ``[..., D]``.
    """
    if weights is None:
        weights = points.new_ones(points.shape[:-1])
    weights = (weights / weights.sum(-1, keepdim=True))[..., None]
    mean = F.normalize((weights * points).sum(-2), dim=-1) if start is None else start
    for iteration in range(max_iterations):
        step = (weights * log_map(mean[..., None, :], points)).sum(-2)
        if iteration:
            step = step * (step.norm(dim=-1, keepdim=True) > tolerance)
        mean = exp_map(mean, step)
    return mean


def spherical_kmeans(
    points: Tensor,
    num_clusters: int,
    generator: Generator | None = None,
    max_iterations: int = 20,
    tolerance: float = 1e-3,
) -> Tensor:
    """Cluster batches of unit vectors on their device, without host-device synchronisation.

    Each iteration assigns every point to its nearest centroid and moves each centroid by one step
    of :func:`frechet_mean` towards the mean of its points. The result is that of k-means with the
    Frechet mean. Centroids start at random distinct points, with the same positions in every batch
    entry. A centroid without points does not move. A batch entry is finished once none of its
    centroids moves by more than ``tolerance``.

    Source: HaLP, Sec. 3.5 and 4.2.

    Args:
        points: Unit vectors ``[..., K, D]``.
        num_clusters: N, the number of centroids, at most K.
        generator: Generator of the random start.
        max_iterations: Maximum number of iterations.
        tolerance: Angle in radians.

    Returns:
        Centroids: unit vectors ``[..., N, D]``.

    Raises:
        ValueError: if there are fewer points than clusters.
    """
    count = points.shape[-2]
    if num_clusters > count:
        raise ValueError(f'{count} points cannot make {num_clusters} clusters')
    draws = torch.rand(count, generator=generator, device=points.device)
    centroids = points[..., draws.topk(num_clusters).indices, :]
    moving = torch.ones(*points.shape[:-2], 1, 1, dtype=torch.bool, device=points.device)
    for _ in range(max_iterations):
        similarity = points @ centroids.mT
        nearest = similarity.argmax(-1, keepdim=True)
        cosine = similarity.gather(-1, nearest)
        # The log map of each point at its centroid is angle / sine (point - cosine centroid). Only
        # its mean over a cluster is needed, which is a matrix product with the points.
        scale = angle_over_sine(cosine)
        members = torch.zeros_like(similarity).scatter_(-1, nearest, 1.0)
        size = members.sum(-2)[..., None].clamp(min=1)
        towards = (members * scale).mT @ points
        away = (members * scale * cosine).sum(-2)[..., None]
        step = (towards - away * centroids) / size
        centroids = torch.where(moving, exp_map(centroids, step), centroids)
        moving = moving & (step.norm(dim=-1, keepdim=True).amax(-2, keepdim=True) > tolerance)
        if not points.is_cuda and not moving.any():  # no synchronisation on a CPU
            break
    return centroids


def angle_over_sine(cosine: Tensor) -> Tensor:
    """Compute ``angle / sin(angle)`` from the cosine; 1 at angle 0."""
    cosine = cosine.clamp(-1 + 1e-6, 1)
    sine = ((1 - cosine) * (1 + cosine)).sqrt()
    return torch.where(sine > 0, torch.acos(cosine) / sine.clamp(min=1e-12), 1.0)
