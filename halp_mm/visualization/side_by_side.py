"""Several clips in one picture, side by side."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import Tensor

from halp_mm.skeletons import SkeletonLayout
from halp_mm.visualization.clip_files import check_clip_picture, write_pictures
from halp_mm.visualization.skeleton_drawing import BACKGROUND, draw_clip

_COLUMNS = 3  # of an animation
_STRIP_FRAMES = 6  # of each clip in a .png
_MAX_FRAMES = 100  # of an animation; of longer clips some frames are left out


class CaptionedClip(NamedTuple):
    """A clip to draw.

    Args:
        clip: ``[M, T, V, C]``.
        layout: The layout of V.
        caption: Small text along the upper edge.
    """

    clip: np.ndarray | Tensor
    layout: SkeletonLayout
    caption: str


def save_side_by_side(
    clips: Sequence[CaptionedClip], path: str | os.PathLike, fps: float = 30.0, size: int = 320
) -> None:
    """Draw clips side by side, and write them to a file.

    Args:
        clips: The clips; the first one is first.
        path: A ``.gif`` or ``.mp4`` file, in which all clips start together and shorter ones stop
            at their last frame, or a ``.png`` with a row of evenly spaced frames for each clip.
        fps: Frames per second of the clips.
        size: Width and height of each clip, pixels.

    Raises:
        ValueError: if there are no clips, the suffix is unknown, or a number is out of range.
        OSError: if the file cannot be written.
    """
    path = Path(path)
    check_clip_picture(path, fps, size)
    if not clips:
        raise ValueError('there are no clips to draw')
    if path.suffix == '.png':
        rows = [_strip(*clip, size=size) for clip in clips]
        write_pictures(path, np.concatenate(rows), fps)
        return
    longest = max(clip.clip.shape[1] for clip in clips)
    step = -(-longest // _MAX_FRAMES)
    times = np.arange(0, longest, step)
    panels = np.stack([_panel(*clip, times=times, size=size) for clip in clips])
    write_pictures(path, tiled(panels, min(_COLUMNS, len(clips))), fps / step)


def tiled(panels: np.ndarray, columns: int) -> np.ndarray:
    """Put animations ``[N, T, H, W, 3]`` into rows: ``[T, H', W', 3]``, empty places last."""
    missing = -len(panels) % columns
    blank = np.broadcast_to(np.uint8(BACKGROUND), (missing, *panels.shape[1:]))
    grid = np.concatenate([panels, blank])
    grid = grid.reshape(-1, columns, *panels.shape[1:]).transpose(2, 0, 3, 1, 4, 5)
    frames, rows, height, columns, width, channels = grid.shape
    return grid.reshape(frames, rows * height, columns * width, channels)


def _panel(
    clip: np.ndarray, layout: SkeletonLayout, caption: str, times: np.ndarray, size: int
) -> np.ndarray:
    """A clip at some times; after its end its last frame."""
    frames = np.minimum(times, clip.shape[1] - 1)
    shown, where = np.unique(frames, return_inverse=True)
    return draw_clip(clip, layout, size, caption, shown.tolist())[where]


def _strip(clip: np.ndarray, layout: SkeletonLayout, caption: str, size: int) -> np.ndarray:
    """Evenly spaced frames of a clip in a row, the caption on the first."""
    frames = np.linspace(0, clip.shape[1] - 1, _STRIP_FRAMES).round().astype(int).tolist()
    first = draw_clip(clip, layout, size, caption, frames[:1])
    others = draw_clip(clip, layout, size, '', frames[1:])
    return np.concatenate([*first, *others], axis=1)
