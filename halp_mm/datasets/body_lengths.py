"""Body lengths of stored clips, told from some of their frames."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from halp_mm.datasets.clip_block import ClipBlock
from halp_mm.skeletons import SkeletonLayout, median_body_length

_MEASURED_CLIPS, _MEASURED_FRAMES = 32, 9  # of which a body length is the median


def body_length(block: ClipBlock, positions: Tensor, layout: SkeletonLayout) -> float | None:
    """The median body length of some clips; see :func:`median_body_length`.

    Args:
        block: Clips as they are stored.
        positions: int64 ``[N]``: which of them. Some, evenly spaced, are measured.
        layout: Their layout.
    """
    return median_body_length(some_skeletons(block, positions), layout)


def some_skeletons(block: ClipBlock, positions: Tensor) -> np.ndarray:
    """Evenly spaced skeletons of evenly spaced clips, ``[N, S, V, C]``.

    Args:
        block: Clips as they are stored.
        positions: int64: which of them.
    """
    chosen = np.linspace(0, len(positions) - 1, min(_MEASURED_CLIPS, len(positions)))
    starts, num_rows = block.rows(positions[chosen.astype(int)])
    spread = np.linspace(0, 1, _MEASURED_FRAMES) * (num_rows[:, None] - 1)
    return block.skeletons(starts[:, None] + spread.astype(np.int64))
