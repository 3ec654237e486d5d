"""The picture of a recording's actions over time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from halp_mm.atomic_write import atomic_write

_MAX_COLUMNS = 2000  # of the scores, which more pixels would not show


def draw_timeline(
    scores: np.ndarray,
    actions: Sequence[str],
    segments: Sequence[tuple[float, float, str]],
    frame_length: float,
    unit: str,
    title: str,
    picture: str | os.PathLike,
) -> Path:
    """Draw a row for each action: its scores as shades, and a frame around its segments.

    Args:
        scores: ``[T, actions]``; NaN where there is none.
        actions: Names of the actions.
        segments: Start, end and action of each stretch.
        frame_length: Length of a frame in the unit of the segments.
        unit: Label of the time axis.
        title: Title of the picture.
        picture: The ``.png`` file to write.

    Returns:
        The path of the picture.

    Raises:
        ValueError: if the file's suffix is another.
    """
    picture = Path(picture)
    if picture.suffix != '.png':
        raise ValueError(f'the picture is {picture}; expected a name that ends in .png')
    figure = Figure(figsize=(10, 1.3 + 0.28 * max(1, len(actions))), layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    end = len(scores) * frame_length
    if actions:
        shown = scores[:: -(-len(scores) // _MAX_COLUMNS)]
        extent = (0, end, len(actions) - 0.5, -0.5)
        image = axes.imshow(
            shown.T, cmap='Blues', vmin=0, aspect='auto', extent=extent, interpolation='nearest'
        )
        figure.colorbar(image, ax=axes, label='mean score')
    for start, stop, action in segments:
        low = actions.index(action) - 0.4
        axes.broken_barh(
            [(start, stop - start)], (low, 0.8), facecolors='none', edgecolors='#d55e00', lw=1.5
        )
    axes.set_yticks(range(len(actions)), actions, parse_math=False)
    axes.set(xlabel=unit, xlim=(0, end))
    axes.set_title(title, fontsize=11, parse_math=False)
    with atomic_write(picture) as partial:
        figure.savefig(partial, dpi=110)
    return picture
