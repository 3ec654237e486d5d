"""A clip of poses drawn over the video in which they were found."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from torch import Tensor

from halp_mm.skeletons import SkeletonLayout, get_layout
from halp_mm.visualization.clip_files import check_clip_picture, write_pictures
from halp_mm.visualization.skeleton_camera import film_in_image
from halp_mm.visualization.skeleton_drawing import draw_bodies


def save_clip_over_video(
    clip: np.ndarray | Tensor,
    layout: str | SkeletonLayout,
    video: str | os.PathLike,
    path: str | os.PathLike,
    first_frame: int = 0,
    fps: float | None = None,
    size: int = 480,
) -> None:
    """Draw a clip over its video and write it to a file.

    Args:
        clip: ``[M, T, V, C]``, pixels of the video.
        layout: The layout of V, of two dimensions.
        video: The video; any that OpenCV plays.
        path: A ``.gif`` or ``.mp4`` file.
        first_frame: The frame of the video that the clip begins with, counted from 0.
        fps: Frames per second; by default the video's.
        size: Height of the pictures, pixels; the width follows.

    Raises:
        FileNotFoundError: if there is no such video.
        ValueError: if the poses are not of an image, the video is too short or does not play, the
            suffix is unknown, or a number is out of range.
        OSError: if the file cannot be written.
    """
    from mmcv import VideoReader

    path, clip, layout = Path(path), np.asarray(clip), get_layout(layout)
    if layout.dimensions != 2:
        raise ValueError(
            f'the layout {layout.name!r} has {layout.dimensions} dimensions; only poses in the '
            "image of the video can be drawn over it. Leave the video out to draw the clip's own "
            'scene'
        )
    if path.suffix == '.png':
        raise ValueError(f'{path} is a picture; a clip over its video is a .gif or an .mp4')
    if not os.path.isfile(video):
        raise FileNotFoundError(f'there is no video {os.fspath(video)}')
    reader = VideoReader(os.fspath(video))
    if not reader.opened or not len(reader):
        raise ValueError(f'{os.fspath(video)} does not play; expected a video, such as .mp4')
    fps = fps or reader.fps
    check_clip_picture(path, fps, size)
    if first_frame < 0 or first_frame + clip.shape[1] > len(reader):
        raise ValueError(
            f'the clip has {clip.shape[1]} frames and begins at frame {first_frame} of '
            f'{os.fspath(video)}, which has {len(reader)}; does it belong to this video?'
        )
    write_pictures(path, np.stack(list(_drawn(reader, clip, layout, first_frame, size))), fps)


def _drawn(
    reader, clip: np.ndarray, layout: SkeletonLayout, first_frame: int, size: int
) -> Iterator[np.ndarray]:
    """The frames with their poses, RGB ``[size, W, 3]``."""
    scale = size / reader.height
    width = 2 * round(reader.width * scale / 2)  # films need an even one
    scene = film_in_image(clip, layout, np.array([width / reader.width, scale]))
    for frame in range(clip.shape[1]):
        picture = cv2.resize(reader[first_frame + frame], (width, size))[..., ::-1].copy()
        if scene.seen[:, frame].any():
            draw_bodies(picture, scene, frame, layout)
        yield picture
