"""Which numbers can be coordinates."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

#: Coordinates beyond this are none in any unit; sums of their squares fit into float32.
MAX_COORDINATE = 1e9


def describe_bad_coordinates(clip: np.ndarray | Tensor) -> str | None:
    """What is wrong with coordinates: ``'3 coordinates that are NaN or infinite'``.

    Args:
        clip: Coordinates of any shape.

    Returns:
        None if all are usable.
    """
    values = clip if isinstance(clip, Tensor) else torch.from_numpy(clip)
    if not values.numel():
        return None
    least, most = torch.aminmax(values)  # a single pass, as this looks at each clip of each batch
    if float(least) >= -MAX_COORDINATE and float(most) <= MAX_COORDINATE:  # NaN is not
        return None
    size = values.abs()
    infinite = int((~size.isfinite()).sum())
    if infinite:
        return f'{infinite} coordinates that are NaN or infinite'
    large = int((size > MAX_COORDINATE).sum())
    return (
        f'{large} coordinates up to {float(size.max()):.3g}, more than {MAX_COORDINATE:g}, which '
        'is no place in any unit'
    )
