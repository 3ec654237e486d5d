"""Projection of a clip's coordinates to pixels with a fixed camera.

The camera space of a depth sensor, such as the Kinect, has x to the sensor's left, y up and z away
from it. The picture is seen from the sensor's side, slightly raised and turned. People who face the
sensor thus face the viewer, with their right hand on the picture's left. If one of two people would
hide the other, the camera stands further to the side. Poses in an image have y down and neither
depth nor floor.

The camera is placed so that all frames fit. Single frames in which a tracking error moves a body
far away are ignored; such a body may leave the picture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from halp_mm.datasets.coordinate_checks import MAX_COORDINATE
from halp_mm.inspection.clip_measures import seen_joints
from halp_mm.skeletons import SkeletonLayout

_TURNS = np.deg2rad([18.0, -18.0, 35.0, -35.0, 50.0, -50.0])  # in order of preference
_RAISE = np.deg2rad(14.0)
_SIDE_BY_SIDE = np.sin(np.deg2rad(40.0))
_DISTANCE = 2.5  # of the camera from the middle, in diagonals of the bodies' bounding box
_MIN_DEPTH = 0.1  # of points from the camera, in shares of the distance
_MARGIN = 0.11  # of the picture's size, on each side
_MAX_PIXEL = 1 << 16  # far outside any picture, and small enough for OpenCV
_FLOOR_CELLS = 9


@dataclass(frozen=True)
class Camera:
    """A camera's position and projection.

    Args:
        rotation: ``[3, 3]``: its rows are the picture's directions right, down and away.
        middle: ``[3]``: the point that the camera looks at.
        distance: Distance of the camera from the middle.
        scale: Pixels per unit at the middle.
        shift: ``[2]``: the pixel of the middle.
    """

    rotation: np.ndarray
    middle: np.ndarray
    distance: float
    scale: float = 1.0
    shift: np.ndarray | float = 0.0

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Project points in perspective.

        Args:
            points: ``[..., 3]``.

        Returns:
            Pixels ``[..., 2]``, right and down, and the depth ``[...]`` along the camera's axis.
        """
        turned = (points - self.middle) @ self.rotation.T
        depth = np.maximum(turned[..., 2] + self.distance, _MIN_DEPTH * self.distance)
        seen = turned[..., :2] * (self.scale * self.distance / depth)[..., None]
        return np.clip(seen + self.shift, -_MAX_PIXEL, _MAX_PIXEL), depth


@dataclass(frozen=True)
class Floor:
    """The floor in the picture, pixels.

    Args:
        corners: ``[4, 2]``.
        lines: ``[L, 2, 2]``: start and end of each line of the grid.
        shadows: ``[M, T, V, 2]``: the joints, projected vertically to the floor.
    """

    corners: np.ndarray
    lines: np.ndarray
    shadows: np.ndarray


@dataclass(frozen=True)
class Scene:
    """A clip as seen by the camera.

    Args:
        pixels: ``[M, T, V, 2]``, right and down.
        depth: ``[M, T, V]``: depth of each joint.
        seen: boolean ``[M, T, V]``: which joints were seen.
        floor: The floor, if the clip has three dimensions.
        body_size: Typical size of a body, pixels.
    """

    pixels: np.ndarray
    depth: np.ndarray
    seen: np.ndarray
    floor: Floor | None
    body_size: float


def film_clip(clip: np.ndarray, layout: SkeletonLayout, size: int) -> Scene:
    """Place a camera and project all frames of a clip.

    Args:
        clip: ``[M, T, V, C]``.
        layout: The layout of V.
        size: Width and height of the picture, pixels.
    """
    points, seen = _points(clip, layout)
    if layout.dimensions == 2:
        scale, shift = _fit(points, seen, size)
        pixels = np.clip(points * scale + shift, -_MAX_PIXEL, _MAX_PIXEL)
        return Scene(pixels, np.zeros(seen.shape), seen, None, _body_size(pixels, seen))
    camera = place_camera(points, seen, size)
    pixels, depth = camera.project(points)
    return Scene(pixels, depth, seen, _floor(points, seen, camera), _body_size(pixels, seen))


def film_in_image(clip: np.ndarray, layout: SkeletonLayout, scale: np.ndarray) -> Scene:
    """Leave the poses of an image where they are in it.

    Args:
        clip: ``[M, T, V, C]``, pixels.
        layout: The layout of V, of two dimensions.
        scale: ``[2]``: the picture's width and height as shares of the image's.
    """
    points, seen = _points(clip, layout)
    pixels = np.clip(points * scale, -_MAX_PIXEL, _MAX_PIXEL)
    return Scene(pixels, np.zeros(seen.shape), seen, None, _body_size(pixels, seen))


def _points(clip: np.ndarray, layout: SkeletonLayout) -> tuple[np.ndarray, np.ndarray]:
    """The coordinates that can be drawn, and which joints are seen."""
    usable = (np.abs(clip) <= MAX_COORDINATE).all(-1)
    clip = np.where(usable[..., None], clip, 0).astype(np.float64)
    return clip[..., : layout.dimensions], seen_joints(clip, layout)


def place_camera(points: np.ndarray, seen: np.ndarray, size: int) -> Camera:
    """Place a camera that sees all frames.

    Args:
        points: ``[M, T, V, 3]``.
        seen: boolean ``[M, T, V]``.
        size: Width and height of the picture, pixels.
    """
    low, high = _bounds(points, seen)
    angles = [_turn(points, seen), _RAISE]
    cos, sin = np.cos(angles), np.sin(angles)
    from_sensor = np.diag([-1.0, -1.0, 1.0])
    turn = np.array([[cos[0], 0, -sin[0]], [0, 1, 0], [sin[0], 0, cos[0]]])
    tilt = np.array([[1, 0, 0], [0, cos[1], -sin[1]], [0, sin[1], cos[1]]])
    diagonal = float(np.linalg.norm(high - low)) or 1.0
    camera = Camera(tilt @ turn @ from_sensor, (low + high) / 2, _DISTANCE * diagonal)
    in_room = ((points >= low) & (points <= high)).all(-1)
    scale, shift = _fit(camera.project(points)[0], seen & in_room, size)
    return replace(camera, scale=scale, shift=shift)


def _turn(points: np.ndarray, seen: np.ndarray) -> float:
    """The camera's angle to the side, large enough that two people are not in one line."""
    if len(points) < 2 or not (both := seen[:2].any(-1).all(0)).any():
        return float(_TURNS[0])
    weights = seen[:2, both, :, None]
    centers = (points[:2, both] * weights).sum(2) / weights.sum(2)
    x, _, z = np.median(centers[1] - centers[0], axis=0)
    apart = np.abs(np.cos(_TURNS) * x + np.sin(_TURNS) * z) / max(np.hypot(x, z), 1e-9)
    return float(_TURNS[np.minimum(apart, _SIDE_BY_SIDE).argmax()])


def _fit(pixels: np.ndarray, seen: np.ndarray, size: int) -> tuple[float, np.ndarray]:
    """Scale and shift that fit points ``[M, T, V, 2]`` into the middle of the picture."""
    low, high = _bounds(pixels, seen)
    scale = size * (1 - 2 * _MARGIN) / (float((high - low).max()) or 1.0)
    return scale, size / 2 - (low + high) / 2 * scale


def _bounds(points: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper corner ``[D]`` of the bodies' bounding box, without single leaps."""
    low, high = _frame_bounds(points, seen)
    if not len(low):
        return np.zeros(points.shape[-1]), np.ones(points.shape[-1])
    slack = np.median(high - low, axis=0).max() / 2
    lowest = np.quantile(low, 0.05, axis=0, method='higher') - slack
    highest = np.quantile(high, 0.95, axis=0, method='lower') + slack
    low = low.min(0, where=low >= lowest, initial=np.inf)
    return low, high.max(0, where=high <= highest, initial=-np.inf)


def _frame_bounds(points: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper corner ``[F, D]`` of all bodies, in each frame with people."""
    anybody = seen.any((0, 2))
    where = seen[:, anybody, :, None]
    shown = points[:, anybody]
    low = shown.min((0, 2), where=where, initial=np.inf)
    return low, shown.max((0, 2), where=where, initial=-np.inf)


def _body_size(pixels: np.ndarray, seen: np.ndarray) -> float:
    """The larger side of a body's bounding box, median over people and frames."""
    flat, joints = pixels.reshape(1, -1, *pixels.shape[2:]), seen.reshape(1, -1, seen.shape[2])
    low, high = _frame_bounds(flat, joints)
    return float(np.median((high - low).max(-1))) if len(low) else 0.0


def _floor(points: np.ndarray, seen: np.ndarray, camera: Camera) -> Floor | None:
    """A grid at the height of the feet, slightly larger than the bodies' bounding box."""
    low, high = _bounds(points, seen)
    lowest = _frame_bounds(points, seen)[0][:, 1]
    if not len(lowest):
        return None
    height = np.quantile(lowest, 0.25)  # below feet in jumps, above feet with tracking errors
    cell = _round_length(float((high - low).max()) / 5)
    middle = np.round((low + high) / 2 / cell)[[0, 2]]
    ticks = (np.arange(_FLOOR_CELLS + 1) - _FLOOR_CELLS // 2)[:, None] + middle
    x, z = ticks.T * cell

    def on_floor(x: np.ndarray, z: np.ndarray) -> np.ndarray:
        return camera.project(np.stack(np.broadcast_arrays(x, height, z), -1))[0]

    lines = np.concatenate(
        [
            np.stack([on_floor(x, z[0]), on_floor(x, z[-1])], 1),
            np.stack([on_floor(x[0], z), on_floor(x[-1], z)], 1),
        ]
    )
    corners = on_floor(x[[0, 0, -1, -1]], z[[0, -1, -1, 0]])
    return Floor(corners, lines, on_floor(points[..., 0], points[..., 2]))


def _round_length(length: float) -> float:
    """Round a length to 1, 2 or 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(length)) if length > 0 else 1.0
    return float(min((power, 2 * power, 5 * power, 10 * power), key=lambda c: abs(c - length)))
