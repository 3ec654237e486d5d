"""Draw the curves of docs/when_halp_helps.md: python docs/draw_when_halp_helps.py."""

from __future__ import annotations

import csv
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

DOCS = Path(__file__).parent
TABLE = DOCS / 'when_halp_helps.csv'
PICTURE = DOCS / 'images' / 'when_halp_helps.png'

#: The paper's K and N, which the recipe has, and its lambda.
K, N, LAMBDA = 256, 20, 0.8


def measurements() -> list[dict]:
    """The lines of the table, with numbers as numbers; ``ratio`` is added."""
    with open(TABLE, newline='', encoding='utf-8') as file:
        rows = [
            {name: value if name == 'set' else float(value) for name, value in row.items()}
            for row in csv.DictReader(file)
        ]
    for row in rows:
        row['ratio'] = row['angle'] / row['view_angle']
    return rows


def draw() -> None:
    """Draw all sets: over lambda where HaLP starts, and over training with the paper's lambda."""
    rows = measurements()
    colors = {name: f'C{i}' for i, name in enumerate(dict.fromkeys(row['set'] for row in rows))}
    usual = [row for row in rows if (row['num_newest'], row['num_prototypes']) == (K, N)]
    over_hardness = [one for one in usual if one['trained'] == 40]
    over_training = [one for one in usual if one['hardness'] == LAMBDA]
    figure = Figure(figsize=(13, 7), layout='constrained')
    FigureCanvasAgg(figure)
    panels = [
        ('ratio', 'angle to the anchor / angle between two views', 1.2),
        ('other_class', 'share of positives nearest to another class', 1.0),
        ('pull_key', "cosine between HaLP's pull and the pull to the key", 1.02),
    ]
    for row, (horizontal, label, lines) in enumerate(
        [
            ('hardness', 'lambda, after 40 % of the training', over_hardness),
            ('trained', 'per cent of the training, lambda 0.8', over_training),
        ]
    ):
        for column, (name, title, top) in enumerate(panels):
            axes = figure.add_subplot(2, 3, 3 * row + column + 1)
            draw_lines(axes, lines, horizontal, name, colors)
            axes.set(title=title if row == 0 else '', xlabel=label, ylim=(0, top))
            axes.title.set_fontsize(10)
            axes.grid(alpha=0.3)
    figure.axes[-1].legend(loc='lower left', fontsize=8)
    figure.savefig(PICTURE, dpi=80)


def draw_lines(
    axes: Axes, rows: list[dict], horizontal: str, vertical: str, colors: dict[str, str]
) -> None:
    """A line for each set that has rows; a set measured once is a point."""
    for name, color in colors.items():
        points = sorted((row[horizontal], row[vertical]) for row in rows if row['set'] == name)
        if points:
            style = dict(marker='o', markersize=3, linewidth=1.3, color=color)
            axes.plot(*zip(*points), label=name, **style)


if __name__ == '__main__':
    draw()
