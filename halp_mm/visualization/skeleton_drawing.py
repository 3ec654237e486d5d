"""Drawings of skeleton clips, with left, right and middle of the body in three colours."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from torch import Tensor

from halp_mm.skeletons import SkeletonLayout, get_layout
from halp_mm.visualization.skeleton_camera import Floor, Scene, film_clip

Color = tuple[int, int, int]

# RGB. Blue and vermilion of Okabe and Ito, which colour-blind people can distinguish.
MIDDLE, LEFT, RIGHT = (64, 64, 64), (0, 114, 178), (213, 94, 0)
BACKGROUND, FLOOR, GRID, SHADOW = (252, 252, 250), (243, 243, 239), (222, 222, 216), (214, 214, 208)
TEXT = (96, 96, 96)
#: Share of white in the colours of the first, the second, ... person.
PALENESS = (0.0, 0.55)

_JOINT_SHADE = 0.72  # joints are darker than limbs
_SUBPIXEL_BITS = 4
_LIMB, _JOINT, _HEAD = 1 / 36, 1 / 58, 1 / 24  # width and radii, in body sizes


def draw_clip(
    clip: np.ndarray | Tensor,
    layout: str | SkeletonLayout,
    size: int = 480,
    caption: str = '',
    frames: Sequence[int] | None = None,
) -> np.ndarray:
    """Draw the frames of a clip, seen by a fixed camera.

    Left is blue, right is orange, the middle is grey, and the second person is paler. People are
    not drawn in frames from which they are absent.

    Args:
        clip: ``[M, T, V, C]``; an absent person is zero. For poses in an image, the channel after
            the coordinates is a score, and joints with a score of zero are not drawn.
        layout: The layout of V.
        size: Width and height of the pictures, pixels.
        caption: Small text in a corner.
        frames: The frames to draw; by default all. The camera is the same for any choice.

    Returns:
        RGB pictures, uint8 ``[frames, size, size, 3]``.

    Raises:
        ValueError: if the clip's joints differ from the layout's, or it has too few coordinates.
    """
    layout = get_layout(layout)
    clip = np.asarray(clip)
    if clip.ndim != 4 or clip.shape[2] != layout.num_joints or clip.shape[3] < layout.dimensions:
        raise ValueError(
            f'a clip of shape {list(clip.shape)} cannot be drawn; expected [people, frames, '
            f'{layout.num_joints} joints of layout {layout.name!r}, {layout.dimensions} '
            'coordinates or more]'
        )
    scene = film_clip(clip, layout, size)
    background = np.full((size, size, 3), BACKGROUND, np.uint8)
    if scene.floor is not None:
        _draw_floor(background, scene.floor)
    if caption:
        write_caption(background, caption, layout)
    frames = range(clip.shape[1]) if frames is None else frames
    pictures = np.repeat(background[None], len(frames), axis=0)
    for picture, frame in zip(pictures, frames):
        write_text(picture, f'frame {frame} of {clip.shape[1]}', (0.025, 0.975))
        draw_bodies(picture, scene, frame, layout)
    return pictures


def sides(layout: SkeletonLayout) -> np.ndarray:
    """The side of each joint, int ``[V]``: 0 in the middle, 1 left, 2 right."""
    result = np.zeros(layout.num_joints, np.int64)
    for left, right in layout.left_right:
        result[layout.index(left)], result[layout.index(right)] = 1, 2
    return result


def bone_sides(layout: SkeletonLayout) -> np.ndarray:
    """The side of each bone, int ``[bones]``; a bone from left to right is in the middle."""
    ends = sides(layout)[_bones(layout)]
    side = ends.max(1)
    return np.where((ends == 0).any(1) | (ends[:, 0] == ends[:, 1]), side, 0)


def side_colors(person: int) -> tuple[Color, Color, Color]:
    """The RGB colours of a person's middle, left and right."""
    paleness = PALENESS[min(person, len(PALENESS) - 1)]
    middle, left, right = (
        tuple(round(part + (255 - part) * paleness) for part in color)
        for color in (MIDDLE, LEFT, RIGHT)
    )
    return middle, left, right


def write_caption(picture: np.ndarray, caption: str, layout: SkeletonLayout) -> None:
    """Write a caption and a legend of the sides' colours along the upper edge."""
    end = 0.975
    if layout.left_right:
        for word, color in zip(('right', 'left'), reversed(side_colors(0)[1:])):
            end = write_text(picture, word, (end, 0.05), color, align_right=True) - 0.015
    write_text(picture, caption, (0.025, 0.05), room=end - 0.04)


def write_text(
    picture: np.ndarray,
    text: str,
    place: tuple[float, float],
    color: Color = TEXT,
    room: float = 0.95,
    align_right: bool = False,
) -> float:
    """Write a line of text on a picture.

    Args:
        picture: uint8 ``[H, W, 3]``, written on.
        text: The text.
        place: Start of the text, or end if ``align_right``: x and y, in shares of the width.
        color: RGB.
        room: Maximum length in shares of the width; a longer text is scaled down.
        align_right: Whether ``place`` is the end of the text.

    Returns:
        Start of the text, in shares of the width.
    """
    font, width = cv2.FONT_HERSHEY_SIMPLEX, picture.shape[1]
    scale = min(max(width / 1100, 0.32), 0.6)
    length = cv2.getTextSize(text, font, scale, 1)[0][0]
    scale *= min(1, room * width / max(length, 1))
    start = place[0] - align_right * min(length / width, room)
    corner = (round(start * width), round(place[1] * width))
    cv2.putText(picture, text, corner, font, scale, color, 1, cv2.LINE_AA)
    return start


def _draw_floor(picture: np.ndarray, floor: Floor) -> None:
    cv2.fillPoly(picture, [_fixed(floor.corners)], FLOOR, cv2.LINE_AA, _SUBPIXEL_BITS)
    cv2.polylines(picture, list(_fixed(floor.lines)), False, GRID, 1, cv2.LINE_AA, _SUBPIXEL_BITS)


def draw_bodies(picture: np.ndarray, scene: Scene, frame: int, layout: SkeletonLayout) -> None:
    """Draw shadows, then the limbs of all people, the farthest first."""
    seen = scene.seen[:, frame]
    if not seen.any():
        write_text(picture, 'nobody', (0.45, 0.5))
        return
    bones = _bones(layout)
    person, bone = np.nonzero(seen[:, bones].all(-1))  # the bones with both ends seen
    ends = bones[bone]
    limb_width = max(2, round(_LIMB * scene.body_size))
    if scene.floor is not None:
        _draw_shadows(picture, scene.floor.shadows[person[:, None], frame, ends], limb_width)
    pixels = _fixed(scene.pixels[:, frame])
    depth = scene.depth[:, frame]
    head = layout.index('head') if 'head' in layout.joints else None
    colors = [side_colors(number) for number in range(len(seen))]
    bone_side, joint_side = bone_sides(layout), sides(layout)

    def draw_joint(who: int, joint: int) -> None:
        radius = (_HEAD if joint == head else _JOINT) * scene.body_size
        radius = round(max(radius, 1.5) * 2**_SUBPIXEL_BITS)
        color = tuple(int(part * _JOINT_SHADE) for part in colors[who][joint_side[joint]])
        center = tuple(pixels[who, joint].tolist())
        cv2.circle(picture, center, radius, color, cv2.FILLED, cv2.LINE_AA, _SUBPIXEL_BITS)

    isolated = seen.copy()  # joints without a limb
    isolated[person[:, None], ends] = False
    for who, joint in zip(*np.nonzero(isolated)):
        draw_joint(who, joint)
    for limb in np.argsort(-depth[person[:, None], ends].mean(-1), kind='stable'):
        who, joints = person[limb], ends[limb]
        _draw_limb(picture, pixels[who, joints], colors[who][bone_side[bone[limb]]], limb_width)
        for joint in joints:
            draw_joint(who, joint)


def _draw_shadows(picture: np.ndarray, limbs: np.ndarray, width: int) -> None:
    """Draw the shadows of limbs ``[limbs, 2, 2]``, pixels."""
    cv2.polylines(picture, list(_fixed(limbs)), False, SHADOW, width, cv2.LINE_AA, _SUBPIXEL_BITS)


def _draw_limb(picture: np.ndarray, ends: np.ndarray, color: Color, width: int) -> None:
    """Draw a limb between fixed-point pixels ``[2, 2]``.

    A rim in the background's colour separates it from those behind it.
    """
    a, b = (tuple(end) for end in ends.tolist())
    cv2.line(picture, a, b, BACKGROUND, width + 2, cv2.LINE_AA, _SUBPIXEL_BITS)
    cv2.line(picture, a, b, color, width, cv2.LINE_AA, _SUBPIXEL_BITS)


def _bones(layout: SkeletonLayout) -> np.ndarray:
    """The bones as pairs of positions, int ``[bones, 2]``."""
    return np.array(layout.bone_indices, np.int64).reshape(-1, 2)


def _fixed(pixels: np.ndarray) -> np.ndarray:
    """Convert pixels to OpenCV's fixed-point numbers."""
    return np.round(pixels * 2**_SUBPIXEL_BITS).astype(np.int32)
