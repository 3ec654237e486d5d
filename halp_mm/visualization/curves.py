"""Curves of a training run."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from halp_mm.atomic_write import atomic_write

#: The prefixes of the logged names in each panel, by the panel's title. They apply to names with or
#: without the stream and the head.
PANELS = {
    'losses': ('loss',),
    'accuracy in training, and positives kept': (
        'accuracy',
        'train_accuracy',
        'correlation',
        'used_prototypes',
        'positives_kept',
        't_star',
    ),
    'accuracy of test clips (%)': ('val/',),
}


def plot_curves(work_dir: str | os.PathLike, picture: str | os.PathLike) -> Path:
    """Draw a run's losses, metrics and accuracies over the epochs.

    A resumed run has several logs, which are drawn as one. Where logs overlap, the newest is used.

    Args:
        work_dir: The run's work directory.
        picture: The image file to write; its suffix determines the format.

    Returns:
        The path of the picture.

    Raises:
        FileNotFoundError: if the directory holds no log.
        ValueError: if a log is damaged.
    """
    curves = read_curves(work_dir)
    figure = Figure(figsize=(5 * len(PANELS), 4), layout='constrained')
    FigureCanvasAgg(figure)
    for axes, (title, members) in zip(figure.subplots(1, len(PANELS)), panels(curves).items()):
        _draw_panel(axes, title, members)
    picture = Path(picture)
    with atomic_write(picture) as partial:
        figure.savefig(partial, dpi=120)
    return picture


def read_curves(work_dir: str | os.PathLike) -> dict[str, dict[float, float]]:
    """Read a run's logged metrics: the value at each epoch by name.

    Args:
        work_dir: The run's work directory.

    Raises:
        FileNotFoundError: if the directory holds no log.
        ValueError: if a log is damaged.
    """
    logs = sorted(Path(work_dir).glob('*/vis_data/scalars.json'))
    if not logs:
        raise FileNotFoundError(f'there is no log */vis_data/scalars.json under {work_dir}')
    curves: dict[str, dict[float, float]] = defaultdict(dict)
    for log in logs:
        for number, line in enumerate(log.read_text(encoding='utf-8').splitlines(), 1):
            try:
                scalars = json.loads(line)
                epoch = float(scalars.get('epoch', scalars.get('step')))
                values = {name: float(value) for name, value in scalars.items()}
            except (AttributeError, TypeError, ValueError) as error:
                raise ValueError(
                    f'{log}, line {number} is {line[:40]!r}; expected a JSON object of numbers '
                    'with an epoch or step. Was the training stopped while it wrote? Remove the '
                    'line'
                ) from error
            for name, value in values.items():
                curves[name][epoch] = value
    return dict(curves)


def panels(curves: Mapping[str, Mapping[float, float]]) -> dict[str, dict[str, dict[float, float]]]:
    """Sort curves into :data:`PANELS`, by title; a panel may be empty."""
    return {
        title: {
            name: dict(points)
            for name, points in curves.items()
            if any(n.startswith(beginnings) for n in (name, name.rpartition('/')[2]))
        }
        for title, beginnings in PANELS.items()
    }


def panel_figure(title: str, members: Mapping[str, Mapping[float, float]]) -> Figure:
    """Draw a single panel.

    Args:
        title: Title of the panel.
        members: Curves of the panel by name.
    """
    figure = Figure(figsize=(5, 3.6), layout='constrained')
    FigureCanvasAgg(figure)
    _draw_panel(figure.subplots(), title, members)
    return figure


def _draw_panel(axes: Axes, title: str, members: Mapping[str, Mapping[float, float]]) -> None:
    for name, points in members.items():
        axes.plot(*zip(*sorted(points.items())), label=name.removeprefix('val/'))
    axes.set(title=title, xlabel='epoch')
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend(frameon=False)
