"""Figures of merit."""

from __future__ import annotations

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
