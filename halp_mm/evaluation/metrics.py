"""Metrics of class scores."""

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


def top1_hits(scores: Tensor, labels: Tensor) -> Tensor:
    """Which clips' true class is the best, as in :func:`top_k_accuracy`, also among equals.

    Args:
        scores: ``[N, classes]``, the higher the better.
        labels: ``[N]``.

    Returns:
        float32 ``[N]``: 1 or 0.
    """
    return (scores.topk(1, dim=1).indices[:, 0] == labels).float()


def confusion_matrix(scores: Tensor, labels: Tensor) -> Tensor:
    """How many clips of each class are taken for each class.

    Args:
        scores: ``[N, classes]``, the higher the better.
        labels: ``[N]``.

    Returns:
        int64 ``[classes, classes]``: rows are true classes, columns the best-scored ones.
    """
    num_classes = scores.shape[1]
    predicted = scores.topk(1, dim=1).indices[:, 0]  # as in top_k_accuracy, also among equals
    pairs = torch.bincount(labels * num_classes + predicted, minlength=num_classes**2)
    return pairs.view(num_classes, num_classes)
