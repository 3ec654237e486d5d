"""The picture of a confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_MAX_NAME_LENGTH = 28  # characters


def confusion_figure(confusion: np.ndarray, classes: Sequence[str]) -> Figure:
    """Draw a confusion matrix, with rows in per cent of the true class's clips.

    Args:
        confusion: Counts ``[classes, classes]``, true by predicted class. A class without clips
            gets an empty row.
        classes: Names of the classes.
    """
    clips = confusion.sum(1, keepdims=True)
    shares = np.divide(100 * confusion, clips, out=np.zeros(confusion.shape), where=clips > 0)
    side = 3.5 + 0.17 * len(classes)
    figure = Figure(figsize=(side + 0.6, side), layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap='Blues', vmin=0, vmax=100, interpolation='nearest')
    names = [
        name if len(name) <= _MAX_NAME_LENGTH else f'{name[: _MAX_NAME_LENGTH - 1]}…'
        for name in classes
    ]
    places = range(len(classes))
    axes.set_xticks(places, names, rotation=90, fontsize=8, parse_math=False)
    axes.set_yticks(places, names, fontsize=8, parse_math=False)
    axes.set(xlabel='predicted class', ylabel='true class')
    figure.colorbar(image, ax=axes, label='clips of the true class (%)', shrink=0.8)
    return figure
