"""The synthetic clips in other layouts: of other sensors, or as poses in a camera's image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from halp_mm.skeletons import SkeletonLayout, convert_joints
from halp_mm.synthetic.body import LAYOUT

#: Width and height of the images, and focal length of their camera, in pixels: Kinect v2's.
IMAGE_SIZE = (1920, 1080)
FOCAL_LENGTH = 1060.0


def in_layout(coordinates: np.ndarray, layout: SkeletonLayout) -> np.ndarray:
    """Convert clips of the kinematic model to a layout.

    Joints are made as by :func:`~halp_mm.skeletons.convert_joints`. Those of a layout of two
    dimensions are projected to an image, with a score of 1.

    Args:
        coordinates: float32 ``[M, T, 25, 3]``, metres in camera space.
        layout: The layout.

    Returns:
        float32 ``[M, T, V, 3]``: metres, or pixels to the right and down and the score. A person
        whom the sensor has lost is zero.

    Raises:
        ValueError: if the layout shares too few joints with the model.
    """
    if layout == LAYOUT:
        return coordinates
    solid = replace(layout, dimensions=3)
    joints = convert_joints(torch.from_numpy(coordinates), LAYOUT, solid).numpy()
    return joints if layout.dimensions == 3 else in_image(joints)


def in_image(joints: np.ndarray) -> np.ndarray:
    """Project joints ``[..., 3]`` in camera space to pixels and a score, ``[..., 3]``."""
    # x points to the left of an image that is not mirrored, y up.
    x, y, z = np.moveaxis(joints, -1, 0)
    is_seen = z > 0
    scale = FOCAL_LENGTH / np.where(is_seen, z, 1)
    pixels = (IMAGE_SIZE[0] / 2 - scale * x, IMAGE_SIZE[1] / 2 - scale * y, np.ones_like(x))
    return (np.stack(pixels, -1) * is_seen[..., None]).astype(np.float32)
