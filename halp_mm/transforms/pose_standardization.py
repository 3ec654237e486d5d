"""The scaling of poses, of SeBiReNet."""

from __future__ import annotations

import torch
from torch import Generator

from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips
from halp_mm.transforms.base import BatchTransform
from halp_mm.transforms.normalization import bounded, relative_to
from halp_mm.transforms.spatial import seen_joints, with_geometry


@TRANSFORMS.register_module()
class PoseStandardize(BatchTransform):
    """Subtract the layout's centre joint from each pose, and divide each clip by one number.

    The number is the root mean square of the coordinates that are not zero, over everybody, all
    joints and frames of the clip. All axes are divided by the same, so a rotated clip stays a
    rotated clip. Zeros, joints as well as people, stay zero.

    The release of SeBiReNet divides each axis by a standard deviation over its data set instead.

    Source: SeBiReNet (Nie et al., ECCV 2020), its release.
    """

    keeps_absent_people = True

    def __call__(self, clips: Clips, generator: Generator | None = None) -> Clips:
        """Subtract and divide; the generator is unused."""
        layout = clips.layout
        coordinates = bounded(clips).coordinates[..., : layout.dimensions]
        center = layout.index(layout.center)
        coordinates = relative_to(coordinates, coordinates[..., center : center + 1, :])
        count = seen_joints(coordinates).flatten(1).sum(1).clamp(min=1) * layout.dimensions
        scale = (coordinates.square().flatten(1).sum(1) / count).sqrt()
        scale = torch.where(scale > 0, scale, 1)[:, None, None, None, None]
        return with_geometry(clips, coordinates / scale)
