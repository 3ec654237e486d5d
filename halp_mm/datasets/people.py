"""Who is in a clip: people who are never seen in it do not count."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

Coordinates = TypeVar('Coordinates', np.ndarray, Tensor)


def seen_people(clip: Coordinates, dimensions: int = 3) -> Coordinates:
    """Keep the people who are seen in some frame, in their order.

    Trackers leave slots empty, even the first one. Every way into a data set or a model leads
    through here before the first people are taken, so that nobody in a later slot is lost.

    Args:
        clip: ``[M, T, V, C]``; a joint whose coordinates are zero is not seen.
        dimensions: How many of the C channels are coordinates; a score alone is nobody.

    Returns:
        ``[M', T, V, C]``, the clip itself if all are seen; M' may be 0.
    """
    is_seen = (clip[..., :dimensions] != 0).any(-1).any(-1).any(-1)
    return clip if is_seen.all() else clip[is_seen]


def with_people(clip: Tensor, num_people: int, dimensions: int = 3) -> Tensor:
    """Give a clip a number of people: the first who are seen, and zeros if there are fewer.

    Args:
        clip: ``[M, T, V, C]``.
        num_people: How many people the result has.
        dimensions: How many of the C channels are coordinates.

    Returns:
        ``[num_people, T, V, C]``.
    """
    clip = seen_people(clip, dimensions)
    missing = num_people - len(clip)
    if missing > 0:
        clip = torch.cat([clip, clip.new_zeros(missing, *clip.shape[1:])])
    return clip[:num_people]
