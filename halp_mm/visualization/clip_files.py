"""Files of drawn clips: a GIF, a video, or a sheet of some frames."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from torch import Tensor

from halp_mm.atomic_write import atomic_write
from halp_mm.skeletons import SkeletonLayout, get_layout
from halp_mm.visualization.skeleton_drawing import BACKGROUND, draw_clip, write_caption

SHEET_FRAMES = 8
_SHEET_COLUMNS = 4
_GIF_COLORS = 96


def save_clip(
    clip: np.ndarray | Tensor,
    layout: str | SkeletonLayout,
    path: str | os.PathLike,
    caption: str = '',
    fps: float = 30.0,
    size: int = 480,
) -> None:
    """Draw a clip and write it to a file.

    Args:
        clip: ``[M, T, V, C]``.
        layout: The layout of V.
        path: A ``.gif`` or ``.mp4`` file for all frames, or a ``.png`` for some evenly spaced ones.
        caption: Small text along the upper edge.
        fps: Frames per second.
        size: Width and height of a frame, pixels.

    Raises:
        ValueError: if the suffix is unknown, or a number is out of range.
        OSError: if the file cannot be written, or a video does not play.
    """
    path = Path(path)
    check_clip_picture(path, fps, size)
    if path.suffix == '.png':
        pictures = contact_sheet(clip, layout, size, caption)
    else:
        pictures = draw_clip(clip, layout, size, caption)
    write_pictures(path, pictures, fps)


def check_clip_picture(path: Path, fps: float, size: int) -> None:
    """Raise the ValueErrors of :func:`save_clip` before the work."""
    if path.suffix not in WRITERS:
        raise ValueError(f'{path} ends in {path.suffix!r}; expected one of {", ".join(WRITERS)}')
    if not 120 <= size <= 2160 or size % 2:
        raise ValueError(f'size is {size}; expected an even number from 120 to 2160')
    max_fps = 50 if path.suffix == '.gif' else 240
    if not 0.1 <= fps <= max_fps:
        raise ValueError(f'fps is {fps:g}; expected 0.1 to {max_fps} in a {path.suffix} file')


def write_pictures(path: Path, pictures: np.ndarray, fps: float) -> None:
    """Write what was drawn: frames ``[T, H, W, 3]``, or of a ``.png`` one picture ``[H, W, 3]``."""
    with atomic_write(path) as partial:
        WRITERS[path.suffix](partial, pictures, fps)


def contact_sheet(
    clip: np.ndarray | Tensor, layout: str | SkeletonLayout, size: int = 480, caption: str = ''
) -> np.ndarray:
    """Draw evenly spaced frames of a clip in rows, with a caption above: RGB ``[H, W, 3]``."""
    layout = get_layout(layout)
    count = min(SHEET_FRAMES, clip.shape[1])
    frames = np.linspace(0, clip.shape[1] - 1, count).round().astype(int)
    pictures = draw_clip(clip, layout, size, frames=frames.tolist())
    columns = min(_SHEET_COLUMNS, count)
    missing = -count % columns
    blank = np.broadcast_to(np.uint8(BACKGROUND), (missing, size, size, 3))
    rows = np.concatenate([pictures, blank]).reshape(-1, columns, size, size, 3)
    sheet = rows.swapaxes(1, 2).reshape(-1, columns * size, 3)
    header = np.full((max(40, size // 9), size, 3), BACKGROUND, np.uint8)
    write_caption(header, caption, layout)
    header = np.pad(header, ((0, 0), (0, sheet.shape[1] - size), (0, 0)), mode='edge')
    return np.concatenate([header, sheet])


def _write_png(path: Path, picture: np.ndarray, fps: float) -> None:
    image = Image.fromarray(picture).quantize(128, dither=Image.Dither.NONE)
    image.save(path, optimize=True)


def _write_gif(path: Path, pictures: np.ndarray, fps: float) -> None:
    """Write frames with one palette; rounding durations to 10 ms keeps the total duration."""
    # The most frequent colours of the first, the middle and the last frame serve all frames.
    some = pictures[[0, len(pictures) // 2, -1]].reshape(-1, 3)
    colors, counts = np.unique(some, axis=0, return_counts=True)
    palette = colors[np.argsort(-counts)[:_GIF_COLORS]]
    images = []
    for picture in pictures:
        image = Image.fromarray(_nearest(picture, palette))
        image.putpalette(palette.tobytes())
        images.append(image)
    ends = np.round(np.arange(len(pictures) + 1) * 100 / fps).astype(int) * 10
    images[0].save(
        path,
        save_all=True,
        append_images=images[1:],
        duration=np.diff(ends).tolist(),
        loop=0,
        optimize=True,
    )


def _nearest(picture: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Find each pixel's nearest colour in the palette, uint8 ``[H, W]``; Pillow's is coarser."""
    packed = picture.astype(np.int64) @ (1 << 16, 1 << 8, 1)
    colors, which = np.unique(packed, return_inverse=True)
    parts = np.stack([colors >> 16, colors >> 8 & 255, colors & 255], -1)
    distances = ((parts[:, None] - palette.astype(np.int64)) ** 2).sum(-1)
    return distances.argmin(1).astype(np.uint8)[which].reshape(packed.shape)


def _write_mp4(path: Path, pictures: np.ndarray, fps: float) -> None:
    height, width = pictures.shape[1:3]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), fps, (width, height))
    if not writer.isOpened():
        raise OSError(f'OpenCV cannot write films to {path.parent}; try .gif')
    for picture in pictures:
        writer.write(np.ascontiguousarray(picture[..., ::-1]))
    writer.release()
    film = cv2.VideoCapture(str(path))
    count = 0
    while film.grab():
        count += 1
    film.release()
    if count != len(pictures):
        raise OSError(
            f'the film plays {count} of {len(pictures)} frames; is the disk full? Or try .gif'
        )


#: The writer of each suffix.
WRITERS = {'.gif': _write_gif, '.mp4': _write_mp4, '.png': _write_png}
