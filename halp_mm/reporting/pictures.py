"""The report's pictures as data URIs, so that the page needs no other file."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from halp_mm.reporting.groups import Group
from halp_mm.reporting.tables import data_name
from halp_mm.visualization.confusion_picture import confusion_figure
from halp_mm.visualization.curves import panel_figure, panels, read_curves
from halp_mm.visualization.feature_picture import SOFTWARE

_MAX_CONFUSIONS = 5


@dataclass(frozen=True)
class Picture:
    """A picture in the page.

    Args:
        uri: The picture as a data URI.
        alt: A description, for readers who cannot see it.
        width: In CSS pixels.
        height: In CSS pixels.
    """

    uri: str
    alt: str
    width: int
    height: int


@dataclass(frozen=True)
class Gallery:
    """Pictures under one heading.

    Args:
        heading: The heading.
        text: The text below them, or nothing.
        pictures: The pictures.
    """

    heading: str
    text: str
    pictures: list[Picture]


def learning_curves(folder: str | os.PathLike) -> tuple[list[Gallery], list[str]]:
    """Draw the losses and accuracies of each run under a folder.

    Args:
        folder: Where to look for mmengine's ``vis_data/scalars.json``.

    Returns:
        The pictures of each work directory, and a message about each bad log.
    """
    folder = Path(folder)
    logs = folder.rglob('vis_data/scalars.json')
    galleries, problems = [], []
    for run in sorted({log.parents[2] for log in logs}):
        name = run.relative_to(folder).as_posix() if run.is_relative_to(folder) else run.name
        try:
            curves = read_curves(run)
        except (OSError, ValueError) as error:
            problems.append(f'{name}: {error}')
            continue
        pictures = [
            _vector_picture(panel_figure(title, members), f'{title}, by epoch: {_last(members)}')
            for title, members in panels(curves).items()
            if members
        ]
        if pictures:
            galleries.append(Gallery(run.name if name == '.' else name, '', pictures))
    return galleries, problems


def confusions(groups: Iterable[Group]) -> list[Gallery]:
    """Draw each group's confusion matrix, summed over its seeds."""
    galleries = []
    for group in groups:
        confusion = group.confusion
        if confusion is None:
            continue
        setting = group.setting
        classes = group.results[0].classes
        heading = (
            f'{data_name(setting.dataset, setting.split)}: {setting.name}, {setting.protocol_name}'
        )
        text = most_confused(confusion, classes)
        alt = f'Confusion matrix of {heading}, true classes by predicted ones. {text}'
        figure = confusion_figure(confusion, classes)
        galleries.append(Gallery(heading, text, [_raster_picture(figure, alt)]))
    return galleries


def most_confused(confusion: np.ndarray, classes: list[str]) -> str:
    """Say which classes are most often taken for which."""
    wrong = confusion * (1 - np.eye(len(classes), dtype=confusion.dtype))
    order = np.argsort(-wrong, axis=None, kind='stable')[:_MAX_CONFUSIONS]
    pairs = [divmod(int(place), len(classes)) for place in order]
    texts = [
        f'{classes[true]} for {classes[predicted]} '
        f'({wrong[true, predicted]} of {confusion[true].sum()})'
        for true, predicted in pairs
        if wrong[true, predicted]
    ]
    return f'Most often mistaken: {", ".join(texts)}.' if texts else 'No clip is mistaken.'


def feature_pictures(folder: str | os.PathLike) -> tuple[list[Gallery], list[str]]:
    """Collect the pictures that ``tools/analysis/plot_tsne.py`` wrote under a folder.

    Args:
        folder: Where to look for them. Other pictures are passed over.

    Returns:
        The pictures; and for each bad one what is wrong with it.
    """
    folder = Path(folder)
    galleries, problems = [], []
    for path in sorted(folder.rglob('*.png')):
        name = path.relative_to(folder).as_posix()
        content = path.read_bytes()
        try:
            with Image.open(io.BytesIO(content), formats=['PNG']) as image:
                if image.info.get('Software') != SOFTWARE:
                    continue
                image.load()
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            problems.append(f'{name}: it is truncated or no PNG picture ({error})')
            continue
        title = ' '.join(str(image.info.get('Title', '')).split())
        alt = f'Features of test clips by t-SNE, coloured by class: {title}'
        picture = Picture(_uri('image/png', content), alt, *image.size)
        galleries.append(Gallery(name, title, [picture]))
    return galleries, problems


def _last(members: dict[str, dict[float, float]]) -> str:
    """The curves' names and last values."""
    return ', '.join(
        f'{name.removeprefix("val/")} ends at {points[max(points)]:.4g}'
        for name, points in members.items()
    )


def _vector_picture(figure: Figure, alt: str) -> Picture:
    content = io.BytesIO()
    # Without salt and date the same figure gives other bytes each time.
    with matplotlib.rc_context({'svg.hashsalt': 'halp_mm', 'svg.fonttype': 'path'}):
        figure.savefig(content, format='svg', metadata={'Date': None})
    return Picture(_uri('image/svg+xml', content.getvalue()), alt, *_size(figure))


def _raster_picture(figure: Figure, alt: str) -> Picture:
    content = io.BytesIO()
    figure.savefig(content, format='png', dpi=110)
    return Picture(_uri('image/png', content.getvalue()), alt, *_size(figure))


def _size(figure: Figure) -> tuple[int, int]:
    """Width and height in CSS pixels."""
    width, height = figure.get_size_inches()
    return round(96 * width), round(96 * height)


def _uri(kind: str, content: bytes) -> str:
    return f'data:{kind};base64,{base64.b64encode(content).decode()}'
