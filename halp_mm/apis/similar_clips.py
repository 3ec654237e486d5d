"""The clips that are most similar to a clip, and a picture of them."""

from __future__ import annotations

import os
from collections.abc import Sequence

from torch import Tensor

from halp_mm.apis.clip_collections import ClipCollection, find_clip, open_clips
from halp_mm.apis.gallery import Neighbour
from halp_mm.skeletons import SkeletonLayout
from halp_mm.tables import table_text
from halp_mm.visualization.side_by_side import CaptionedClip, save_side_by_side


def neighbours_table(neighbours: Sequence[Neighbour]) -> str:
    """A line for each similar clip, the nearest first."""
    rows = [
        (f'{number}', neighbour.name, neighbour.action or '', f'{neighbour.similarity:.3f}')
        for number, neighbour in enumerate(neighbours, 1)
    ]
    return table_text(rows, ('', 'clip', 'action', 'similarity'), texts=(1, 2))


def draw_neighbours(
    clip: Tensor,
    layout: SkeletonLayout,
    name: str,
    neighbours: Sequence[Neighbour],
    default_layout: SkeletonLayout,
    picture: str | os.PathLike,
    fps: float = 30.0,
    size: int = 320,
) -> None:
    """Draw a clip beside the clips that are similar to it.

    Args:
        clip: The clip ``[M, T, V, C]``.
        layout: The layout of its joints.
        name: Its name.
        neighbours: The similar clips, with their sources.
        default_layout: The layout of arrays in the sources.
        picture: The ``.gif``, ``.mp4`` or ``.png`` file to write.
        fps: Frames per second of the clips.
        size: Width and height of each clip, pixels.

    Raises:
        FileNotFoundError: if a source is missing.
        ValueError: if the neighbours' sources are unknown or have changed, or the picture cannot be
            drawn.
    """
    opened: dict[str, ClipCollection] = {}
    shown = [CaptionedClip(clip, layout, name)]
    for neighbour in neighbours:
        source = neighbour.source
        if source is None:
            raise ValueError(
                f'the gallery does not say where its clip {neighbour.name!r} is, so it cannot be '
                'drawn; make the gallery again with tools/extract_features.py'
            )
        if source not in opened:
            opened[source] = open_clips(source, default_layout)
        found = opened[source]
        words = [f'{neighbour.similarity:.3f}', neighbour.action or '', neighbour.name]
        caption = '  '.join(filter(None, words))
        shown.append(CaptionedClip(find_clip(found, neighbour.name), found.layout, caption))
    save_side_by_side(shown, picture, fps, size)
