"""The view-invariant transform of P&C."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips
from halp_mm.transforms.base import BatchTransform
from halp_mm.transforms.normalization import bounded, check_trunk, fill_null_frames, relative_to
from halp_mm.transforms.spatial import map_coordinates, with_geometry


@TRANSFORMS.register_module()
class ViewInvariantNormalize3D(BatchTransform):
    """The normalisation of P&C: coordinates in the axes of the body of the first frame.

    Per clip: null frames of a person are filled (see :func:`fill_null_frames`). The origin is the
    lower spine joint of the first person in the first frame, and stays there, so walking is kept.
    The new z axis points up the spine, x points from the right to the left hip, at a right angle to
    z, and y = x cross z. This mirrors the body, as the release does. Zeros, joints as well as
    people, stay zero. A clip whose first frame lacks the spine or the hips is only moved.

    The release drops every frame with a coordinate that is exactly zero; here all frames stay.

    Source: P&C (Su et al., CVPR 2020), its release.

    Raises:
        ValueError: if the layout is not three-dimensional, does not say which joints are the
            spine, or has no ``left_hip`` and ``right_hip``.
    """

    keeps_absent_people = True
    turns_people = True

    def __call__(self, clips: Clips, generator: Generator | None = None) -> Clips:
        """Fill, move and turn; the generator is not needed."""
        layout = clips.layout
        check_trunk(layout, 'ViewInvariantNormalize3D', 'spine')
        if not {'left_hip', 'right_hip'} <= set(layout.joints):
            raise ValueError(
                'ViewInvariantNormalize3D needs a layout with the joints left_hip and right_hip; '
                f'{layout.name!r} has {list(layout.joints)}'
            )
        lower, upper = layout.ends('spine')
        left, right = (layout.index(f'{side}_hip') for side in ('left', 'right'))
        clips = fill_null_frames(bounded(clips))
        coordinates = clips.coordinates[..., :3]
        pose = coordinates[:, 0, 0]
        axes = body_axes(pose[:, upper] - pose[:, lower], pose[:, left] - pose[:, right])
        coordinates = relative_to(coordinates, pose[:, None, None, lower : lower + 1])
        return with_geometry(clips, map_coordinates(coordinates, axes))


def body_axes(up: Tensor, across: Tensor) -> Tensor:
    """Orthonormal axes of bodies: across at a right angle to up, their product, and up.

    Args:
        up: ``[N, 3]``.
        across: ``[N, 3]``.

    Returns:
        ``[N, 3, 3]``, the axes as columns, which a row vector is multiplied with; the identity
        where one of the vectors is zero or both are parallel.
    """
    z = F.normalize(up, dim=-1)
    direction = F.normalize(across, dim=-1)
    x = direction - (direction * z).sum(-1, keepdim=True) * z
    length = x.norm(dim=-1, keepdim=True)
    x = F.normalize(x, dim=-1)
    axes = torch.stack([x, torch.linalg.cross(x, z), z], -1)
    usable = (length > 1e-6) & (z != 0).any(-1, keepdim=True)
    identity = torch.eye(3, dtype=up.dtype, device=up.device)
    return torch.where(usable[..., None], axes, identity)
