"""The picture of a data file's content."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure

from halp_mm.atomic_write import atomic_write
from halp_mm.datasets.storage import UNLABELLED
from halp_mm.inspection.inspection import Inspection
from halp_mm.visualization.skeleton_drawing import draw_clip

_COLOR, _AXIS_COLORS = '#0072b2', ('#0072b2', '#d55e00', '#404040')
_WIDTH, _CLASS_HEIGHT = 13.0, 0.2  # inches
_NO_LABEL = 'without a label'
_MAX_SPLITS, _MAX_BINS, _EXAMPLES = 6, 40, 6


def plot_inspection(inspection: Inspection, picture: str | os.PathLike) -> Path:
    """Draw the classes of each split, lengths, people, coordinates and some skeletons.

    Args:
        inspection: The inspection of a data file.
        picture: The image file to write; its suffix determines the format.

    Returns:
        The path of the picture.
    """
    storage = inspection.storage
    num_bars = len(storage.class_names) + bool((storage.labels == UNLABELLED).any())
    class_height = max(2.6, 0.9 + _CLASS_HEIGHT * num_bars)
    heights = [class_height, 2.6, 2.5]
    figure = Figure(figsize=(_WIDTH, sum(heights) + 0.4), layout='constrained')
    FigureCanvasAgg(figure)
    figure.suptitle(
        f'{storage.dataset}: {len(storage)} clips, {len(storage.class_names)} classes, '
        f'layout {storage.layout.name}'
    )
    classes, measures, examples = figure.subfigures(3, 1, height_ratios=heights)
    _plot_classes(classes, inspection)
    lengths, people, coordinates = measures.subplots(1, 3)
    _plot_lengths(lengths, inspection)
    _plot_people(people, inspection)
    _plot_coordinates(coordinates, inspection)
    _plot_examples(examples, inspection)
    picture = Path(picture)
    with atomic_write(picture) as partial:
        figure.savefig(partial, dpi=100)
    return picture


def _plot_classes(figure: SubFigure, inspection: Inspection) -> None:
    """Draw a column of bars for each split, all with the same classes.

    Clips without a label, if there are any, have the last bar.
    """
    storage = inspection.storage
    splits = list(inspection.class_counts.items())[:_MAX_SPLITS]
    columns = splits or [('all clips', inspection.count_classes())]
    names = [_shortened(name, 26) for name in storage.class_names]
    if (storage.labels == UNLABELLED).any():
        names.append(_NO_LABEL)
        clips = [storage.splits[split] for split, _ in splits] or [slice(None)]
        missing = [int((storage.labels[chosen] == UNLABELLED).sum()) for chosen in clips]
        columns = [
            (split, np.append(counts, count)) for (split, counts), count in zip(columns, missing)
        ]
    rows = np.arange(len(names))
    for axes, (split, counts) in zip(
        figure.subplots(1, len(columns), sharex=True, sharey=True, squeeze=False)[0], columns
    ):
        axes.barh(rows, counts, color=_COLOR)
        axes.set(title=f'{split} ({counts.sum()})', xlabel='clips', ylim=(len(names) - 0.4, -0.6))
        axes.set_yticks(rows, names, fontsize=8)
        axes.grid(axis='x', alpha=0.3)


def _plot_lengths(axes: Axes, inspection: Inspection) -> None:
    lengths = inspection.storage.block.num_frames.numpy()
    width = int(np.ptp(lengths)) // _MAX_BINS + 1  # in whole frames, so that bins are equally wide
    edges = np.arange(lengths.min(), lengths.max() + width + 1, width)
    axes.hist(lengths, edges, color=_COLOR)
    axes.axvline(np.median(lengths), color=_AXIS_COLORS[1])
    axes.set(title=f'length, median {np.median(lengths):g}', xlabel='frames', ylabel='clips')


def _plot_people(axes: Axes, inspection: Inspection) -> None:
    numbers, counts = np.unique(inspection.people_seen, return_counts=True)
    bars = axes.bar([str(number) for number in numbers], counts, color=_COLOR, width=0.5)
    axes.bar_label(bars)
    axes.margins(y=0.15)
    axes.set(
        title='people', xlim=(-1, len(numbers)), xlabel='people seen in a clip', ylabel='clips'
    )


def _plot_coordinates(axes: Axes, inspection: Inspection) -> None:
    """Draw the distribution of each coordinate over all joints, in one frame of each person."""
    tracks, dimensions = inspection.tracks, inspection.storage.layout.dimensions
    points = tracks.example[..., :dimensions][~tracks.never_seen]
    if len(points):
        edges = np.linspace(*np.quantile(points, (0.002, 0.998)), 80)
        for axis, color, values in zip('xyz', _AXIS_COLORS, points.T):
            axes.hist(values, edges, histtype='step', color=color, linewidth=1.5, label=axis)
        axes.legend(frameon=False)
    axes.set(title='coordinates of all joints', yticks=[], ylabel='joints')


def _plot_examples(figure: SubFigure, inspection: Inspection) -> None:
    """Draw the middle frame of the first clip of some classes, or of some clips without labels."""
    storage = inspection.storage
    if storage.class_names:
        first = np.unique(storage.labels.numpy(), return_index=True)[1]
    else:
        first = np.arange(len(storage))
    chosen = np.linspace(0, len(first) - 1, min(_EXAMPLES, len(first))).round().astype(int)
    all_axes = figure.subplots(1, _EXAMPLES, squeeze=False)[0]
    for axes in all_axes:
        axes.set_axis_off()
    for axes, position in zip(all_axes, first[chosen]):
        clip = storage.clip(int(position))
        frame = clip.shape[1] // 2
        axes.imshow(draw_clip(clip, storage.layout, 220, frames=[frame])[0])
        label = int(storage.labels[position])
        action = _NO_LABEL if label == UNLABELLED else storage.class_names[label]
        axes.set_title(
            f'{_shortened(action, 24)}\n{_shortened(storage.names[position], 26)}', fontsize=9
        )


def _shortened(text: str, max_length: int) -> str:
    return text if len(text) <= max_length else f'{text[: max_length - 3]}...'
