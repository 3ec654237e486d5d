"""Curves of a training run."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from halp_mm.whole_files import written_whole

#: What each panel shows, by its title, and the beginnings of the logged names that belong to it,
#: with or without the stream.
PANELS = {
    'losses': ('loss',),
    'accuracy in training, and positives kept': (
        'contrast_accuracy',
        'train_accuracy',
        'positives_kept',
        't_star',
    ),
    'accuracy of test clips (%)': ('val/',),
}


def plot_curves(work_dir: str | os.PathLike, picture: str | os.PathLike) -> Path:
    """Draw a run's losses, figures and accuracies over the epochs.

    A resumed run has several logs; they are drawn as one, and where they overlap the newest counts.

    Args:
        work_dir: The run's work directory.
        picture: The image file to write; its ending gives the format.

    Returns:
        The path of the picture.

    Raises:
        FileNotFoundError: if the directory holds no log.
    """
    logs = sorted(Path(work_dir).glob('*/vis_data/scalars.json'))
    if not logs:
        raise FileNotFoundError(f'there is no log */vis_data/scalars.json under {work_dir}')
    curves: dict[str, dict[float, float]] = defaultdict(dict)
    for log in logs:
        for line in log.read_text().splitlines():
            scalars = json.loads(line)
            epoch = scalars.get('epoch', scalars.get('step'))
            for name, value in scalars.items():
                curves[name][epoch] = value
    figure = Figure(figsize=(5 * len(PANELS), 4), layout='constrained')
    FigureCanvasAgg(figure)
    for axes, (title, beginnings) in zip(figure.subplots(1, len(PANELS)), PANELS.items()):
        for name, points in curves.items():
            if any(n.startswith(beginnings) for n in (name, name.rpartition('/')[2])):
                axes.plot(*zip(*sorted(points.items())), label=name.removeprefix('val/'))
        axes.set(title=title, xlabel='epoch')
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(frameon=False)
    picture = Path(picture)
    with written_whole(picture) as partial:
        figure.savefig(partial, dpi=120)
    return picture
