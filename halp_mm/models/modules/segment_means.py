"""Means of pieces of time, so that a feature tells what comes first."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def segment_means(sequence: Tensor, num_segments: int) -> Tensor:
    """Concatenate the mean of each of S pieces of time: ``[N, D, T]`` to ``[N, S D]``.

    Of fewer frames than segments, neighbouring segments share some.
    """
    if num_segments == 1:
        return sequence.mean(-1)
    return F.adaptive_avg_pool1d(sequence, num_segments).mT.flatten(1)
