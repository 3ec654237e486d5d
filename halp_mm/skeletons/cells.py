"""Cells of one joint over a few frames: what masks hide, and the tokens of transformers."""

from __future__ import annotations

from torch import Tensor


def cells_of(clips: Tensor, cell_frames: int) -> Tensor:
    """Cut clips into cells of one joint over a few frames.

    Args:
        clips: ``[N, M, T, V, C]``, with T a multiple of the cell's frames.
        cell_frames: Number F of frames of a cell.

    Returns:
        ``[N, M, T / F, V, F * C]``, frame by frame and coordinate by coordinate.
    """
    return clips.unflatten(2, (-1, cell_frames)).transpose(3, 4).flatten(4)


def clips_of(cells: Tensor, cell_frames: int) -> Tensor:
    """Join cells to clips; the inverse of :func:`cells_of`.

    Args:
        cells: ``[N, M, T / F, V, F * C]``.
        cell_frames: Number F of frames of a cell.

    Returns:
        ``[N, M, T, V, C]``.
    """
    return cells.unflatten(4, (cell_frames, -1)).transpose(3, 4).flatten(2, 3)
