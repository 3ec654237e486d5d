"""How many directions features spread over."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


@torch.no_grad()
def effective_rank(features: Tensor) -> float:
    """Over how many directions the variance of features spreads: their effective rank.

    The exponential of the entropy of the directions' shares of the variance, of features scaled to
    length one, as kNN compares them. It is k if k directions have the same variance and the others
    none, and 1 if all features lie on a line. Labels are not needed.

    Source: Roy and Vetterli, The effective rank (EUSIPCO 2007), of the covariance.

    Args:
        features: ``[N, D]``.

    Returns:
        From 1 to the smaller one of N - 1 and D; 0 if all features are the same.
    """
    directions = F.normalize(features.double(), dim=1)
    centred = directions - directions.mean(0)
    wide = centred.shape[0] < centred.shape[1]  # the smaller product has the same spectrum
    product = centred @ centred.mT if wide else centred.mT @ centred
    variance = torch.linalg.eigvalsh(product).clamp(min=0)
    total = float(variance.sum())
    if total <= torch.finfo(features.dtype).eps ** 2 * len(features):
        return 0.0
    return float(torch.special.entr(variance / total).sum().exp())
