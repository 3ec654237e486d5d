"""Draw a clip of a data file: a GIF or a video of all frames, or a PNG of some of them."""

from __future__ import annotations

import difflib

from halp_mm.commands.command_line import Command, Option
from halp_mm.datasets import ClipStorage
from halp_mm.visualization import save_clip, save_clip_over_video


def run(
    data_file: str,
    clip: str = '0',
    *,
    out: str,
    fps: float | None = None,
    size: int = 480,
    video: str | None = None,
    first_frame: int = 0,
) -> str:
    """Find the clip and draw it.

    Args:
        data_file: The data file.
        clip: Name or position of a clip.
        out: The .gif, .mp4 or .png to make.
        fps: Frames a second; by default 30, or the video's.
        size: Width and height in pixels; over a video the height.
        video: The recorded video, to draw poses in an image over it.
        first_frame: The frame of the video that the clip begins with, counted from 0.

    Returns:
        A description of the clip.
    """
    storage = ClipStorage(data_file)
    position = find_clip(storage, clip)
    coordinates, name = storage.clip(position), storage.names[position]
    action = storage.class_names[int(storage.labels[position])]
    if video is None:
        save_clip(coordinates, storage.layout, out, f'{name}  {action}', fps or 30, size)
    else:
        save_clip_over_video(coordinates, storage.layout, video, out, first_frame, fps, size)
    people, frames = coordinates.shape[:2]
    return f'{name}: {action}, people {people}, frames {frames}\nwritten: {out}'


def find_clip(storage: ClipStorage, clip: str) -> int:
    """The position of a clip, which is given by name or, if no clip has that name, by position.

    Raises:
        ValueError: if there is no such clip; the message names similar ones.
    """
    if clip in storage.names:
        return storage.names.index(clip)
    if clip.isdecimal() and int(clip) < len(storage):
        return int(clip)
    near = difflib.get_close_matches(clip, storage.names, n=5, cutoff=0.5) or storage.names[:5]
    raise ValueError(
        f'{storage.path} has no clip {clip!r} among its {len(storage)}; expected a position from 0 '
        f'to {len(storage) - 1} or a name such as {", ".join(near)}'
    )


main = Command(
    'draw_skeleton.py',
    __doc__,
    run,
    options={
        'data_file': Option(metavar='FILE'),
        'clip': Option(metavar='NAME'),
        'out': Option(metavar='PICTURE'),
        'fps': Option(metavar='N'),
        'video': Option(metavar='VIDEO'),
    },
).main
