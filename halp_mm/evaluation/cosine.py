"""Cosine similarities to many clips, without a normalised copy of their features."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_SHORTEST = 1e-12  # a feature of zeros is as far from all others as one at a right angle


def inverse_lengths(features: Tensor) -> Tensor:
    """One over the length of each feature.

    Args:
        features: ``[N, D]``.

    Returns:
        ``[N]``.

    Raises:
        ValueError: if features are NaN or infinite.
    """
    lengths = torch.linalg.vector_norm(features, dim=1)
    bad = int((~lengths.isfinite()).sum())
    if bad:
        raise ValueError(
            f'features of {bad} of {len(features)} clips are NaN or infinite; expected finite '
            'numbers. The training has diverged: use an earlier checkpoint'
        )
    return lengths.clamp_min(_SHORTEST).reciprocal()


def cosine_similarity(queries: Tensor, gallery: Tensor, gallery_inverse_lengths: Tensor) -> Tensor:
    """Cosines between some queries and some of the gallery.

    Args:
        queries: ``[Q, D]``, few: they are copied.
        gallery: ``[N, D]``, which is not copied.
        gallery_inverse_lengths: ``[N]``, see :func:`inverse_lengths`.

    Returns:
        ``[Q, N]``.
    """
    return (F.normalize(queries, dim=1) @ gallery.T).mul_(gallery_inverse_lengths)
