"""Clips as a moved camera would see them."""

from __future__ import annotations

import torch
from torch import Tensor


def rotations_about_axes(angles: Tensor) -> Tensor:
    """Compute rotations about x, then y, then z, anticlockwise seen from an axis' positive end.

    Args:
        angles: Angles about x, y and z in radians, ``[..., 3]``.

    Returns:
        Matrices ``[..., 3, 3]`` that multiply column vectors.
    """
    (cos_x, cos_y, cos_z), (sin_x, sin_y, sin_z) = angles.cos().unbind(-1), angles.sin().unbind(-1)
    rows = [
        [cos_y * cos_z, sin_x * sin_y * cos_z - cos_x * sin_z],
        [cos_y * sin_z, sin_x * sin_y * sin_z + cos_x * cos_z],
        [-sin_y, sin_x * cos_y],
    ]
    rows[0].append(cos_x * sin_y * cos_z + sin_x * sin_z)
    rows[1].append(cos_x * sin_y * sin_z - sin_x * cos_z)
    rows[2].append(cos_x * cos_y)
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def observe(clips: Tensor, translation: Tensor, angles: Tensor, keep_zeros: bool = True) -> Tensor:
    """Move and rotate clips: x' = R (x + d).

    Source: VA-LSTM (Zhang et al., ICCV 2017), Eq. (1), with the sign of d of its release.

    Args:
        clips: ``[N, M, T, V, C]``; channels after the third, such as a score, stay as they are.
        translation: d, ``[N, T, 3]``, or ``[N, 1, 3]`` for all frames of a clip.
        angles: Angles about x, y and z in radians, of the same shape.
        keep_zeros: Whether coordinates that are zero are not moved, so that absent people and
            padding stay zero, as in the release.

    Returns:
        ``[N, M, T, V, C]``.
    """
    coordinates = clips[..., :3]
    moved = coordinates + translation[:, None, :, None]
    if keep_zeros:
        moved = moved * (coordinates != 0)
    rotated = moved @ rotations_about_axes(angles).mT[:, None]
    return torch.cat([rotated, clips[..., 3:]], -1) if clips.shape[-1] > 3 else rotated
