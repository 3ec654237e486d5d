"""Find the clips that are most similar to a clip, and draw them side by side."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from halp_mm.apis import SkeletonInferencer
from halp_mm.apis.clip_collections import find_clip, open_clips
from halp_mm.apis.file_features import gallery_of
from halp_mm.apis.similar_clips import draw_neighbours, neighbours_table
from halp_mm.commands.command_line import Command, Option
from halp_mm.skeletons import SkeletonLayout, read_layout
from halp_mm.visualization.clip_files import check_clip_picture


def run(
    checkpoint: str,
    clip: str,
    name: str | None = None,
    layout: str | SkeletonLayout | None = None,
    num_neighbours: int = 5,
    out: str | None = None,
    fps: float = 30,
    size: int = 320,
    *,
    among: Sequence[str],
) -> str:
    """Find the similar clips, and draw them.

    Args:
        checkpoint: A saved model or a checkpoint of a training.
        clip: The clip's file, or the data file or folder that it is in.
        name: The clip's name in a data file or folder.
        layout: The joint layout of clips that do not say theirs, a name or a .json file; by default
            that of the training clips.
        num_neighbours: How many clips to find, besides the clip itself.
        out: The .gif, .mp4 or .png to make.
        fps: Frames a second.
        size: Width and height of each clip in pixels.
        among: The clips to search: data files and folders, or a .safetensors file of features,
            which extract_features.py makes.

    Returns:
        A table.
    """
    if out is not None:
        check_clip_picture(Path(out), fps, size)
    inferencer = SkeletonInferencer.from_checkpoint(checkpoint)
    found = open_clips(clip, inferencer.layout, layout)
    if name is None and len(found.names) > 1:
        raise ValueError(
            f'{found.source} has {len(found.names)} clips; name one of them by --name, such as '
            f'{found.names[0]}'
        )
    name = found.names[0] if name is None else name
    query = find_clip(found, name)
    inferencer.use_gallery(gallery_of(inferencer, among, layout))
    neighbours = inferencer.neighbours(query, found.layout, num_neighbours + 1)
    itself = (name, os.path.abspath(clip))
    neighbours = [n for n in neighbours if (n.name, n.source) != itself][:num_neighbours]
    table = neighbours_table(neighbours)
    if out is None:
        return table
    draw_neighbours(query, found.layout, name, neighbours, inferencer.layout, out, fps, size)
    return f'{table}\nwritten: {out}'


main = Command(
    'find_similar.py',
    __doc__,
    run,
    options={
        'clip': Option(metavar='CLIP'),
        'name': Option(metavar='NAME'),
        'layout': Option(metavar='NAME', convert=read_layout),
        'out': Option(metavar='PICTURE'),
        'fps': Option(metavar='N'),
        'among': Option(metavar='DATA'),
    },
).main
