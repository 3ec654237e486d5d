"""The picture of two-dimensional features, coloured by class."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from halp_mm.atomic_write import atomic_write

_COLORS = colormaps['tab10'].colors
_MARKERS = 'o^s'  # each marker serves ten classes, one per colour
_LEGEND_WIDTH = 26  # characters

#: The ``Software`` text of a picture, by which it can be recognised.
SOFTWARE = 'halp_mm, features by t-SNE'

#: Maximum number of distinguishable classes.
MAX_CLASSES = len(_COLORS) * len(_MARKERS)


def plot_features(
    points: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    title: str,
    picture: str | os.PathLike,
) -> Path:
    """Draw one dot per clip with a colour and marker per class, and a legend beside them.

    Args:
        points: ``[N, 2]``.
        labels: ``[N]``, indices of ``classes``.
        classes: Names of the classes, at most :data:`MAX_CLASSES`.
        title: Title of the picture.
        picture: The ``.png`` file to write.

    Returns:
        The path of the picture.

    Raises:
        ValueError: if the file's suffix is not ``.png``, or there are too many classes.
    """
    check_picture(classes, picture)
    names = [textwrap.fill(name, _LEGEND_WIDTH) for name in classes]
    # The whole legend must fit: 10-point lines with some space between the names.
    legend_height = (13 * '\n'.join(names).count('\n') + 6 * len(names) + 30) / 72
    figure = Figure(figsize=(8.5, max(6.4, legend_height)), layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    size = np.clip(9000 / len(points), 6, 36)  # points squared
    dots = [
        axes.scatter(
            *(*points[labels == label].T, size),
            color=_COLORS[label % len(_COLORS)],
            marker=_MARKERS[label // len(_COLORS)],
            edgecolors='white',
            linewidths=0.3,
        )
        for label in range(len(classes))
    ]
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, fontsize=11, parse_math=False)
    legend = figure.legend(
        dots,
        names,
        loc='outside right upper',
        frameon=False,
        fontsize=10,
    )
    for handle, text in zip(legend.legend_handles, legend.get_texts()):
        handle.set_sizes([40])
        text.set_parse_math(False)
    with atomic_write(picture) as partial:
        figure.savefig(partial, dpi=110, metadata={'Software': SOFTWARE, 'Title': title})
    return Path(picture)


def check_picture(classes: Sequence[str], picture: str | os.PathLike) -> None:
    """Raise the ValueErrors of :func:`plot_features` before the points are known."""
    if Path(picture).suffix != '.png':
        raise ValueError(f'the picture is {picture}; expected a name that ends in .png')
    if len(classes) > MAX_CLASSES:
        raise ValueError(
            f'{len(classes)} classes cannot be told apart; choose at most {MAX_CLASSES}'
        )
