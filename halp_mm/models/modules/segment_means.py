"""Means and deviations of pieces of time, so that a feature tells what comes first."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

#: Added to variances, as by batch norm: the root of zero has no gradient.
_EPSILON = 1e-5


def segment_means(sequence: Tensor, num_segments: int) -> Tensor:
    """Concatenate the mean of each of S pieces of time: ``[N, D, T]`` to ``[N, S D]``.

    Of fewer frames than segments, neighbouring segments share some.
    """
    if num_segments == 1:
        return sequence.mean(-1)
    return F.adaptive_avg_pool1d(sequence, num_segments).mT.flatten(1)


def segment_deviations(sequence: Tensor, num_segments: int) -> Tensor:
    """Concatenate standard deviations over time: ``[N, D, T]`` to ``[N, D]`` or ``[N, (1 + S) D]``.

    That of the whole clip comes first, then that of each of S pieces of time if there are several.
    Of fewer frames than segments, neighbouring segments share some.
    """
    centred = sequence - sequence.mean(-1, keepdim=True)
    variances = [centred.square().mean(-1)]
    if num_segments > 1:
        mean, square = (
            F.adaptive_avg_pool1d(values, num_segments) for values in (centred, centred.square())
        )
        variances.append((square - mean.square()).clamp(min=0).mT.flatten(1))
    return (torch.cat(variances, 1) + _EPSILON).sqrt()
