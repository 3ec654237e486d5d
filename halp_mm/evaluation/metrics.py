"""Figures of merit."""

from __future__ import annotations

import torch
from torch import Tensor


def top_k_accuracy(scores: Tensor, labels: Tensor, k: int) -> float:
    """How often the true class is among the k best, per cent.

    Args:
        scores: ``[N, classes]``, the higher the better.
        labels: ``[N]``.
        k: How many classes count; all of them if there are fewer.
    """
    best = scores.topk(min(k, scores.shape[1]), dim=1).indices
    return 100 * (best == labels[:, None]).any(1).double().mean().item()


def per_class_accuracy(scores: Tensor, labels: Tensor) -> list[float | None]:
    """How often the best class is the true one, class by class, per cent.

    Args:
        scores: ``[N, classes]``, the higher the better.
        labels: ``[N]``.

    Returns:
        A figure for each class, None for a class that has no clips.
    """
    num_classes = scores.shape[1]
    right = labels[scores.topk(1, dim=1).indices[:, 0] == labels]
    hits, counts = (torch.bincount(found, minlength=num_classes) for found in (right, labels))
    return [
        100 * hit / count if count else None for hit, count in zip(hits.tolist(), counts.tolist())
    ]
