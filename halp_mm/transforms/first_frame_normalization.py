"""The normalisation of VA-RNN, MAMP and SLiM: a clip's first frame gives the origin."""

from __future__ import annotations

import torch
from torch import Generator

from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips
from halp_mm.transforms.base import BatchTransform
from halp_mm.transforms.normalization import bounded, relative_to
from halp_mm.transforms.spatial import seen_joints, with_geometry


@TRANSFORMS.register_module()
class FirstFrameNormalize(BatchTransform):
    """Move each clip so that a joint of the first person is the origin in the first frame.

    Nothing is rotated, and the body's path through the clip stays. The first frame is the first one
    in which the joint is seen. Zeros, joints as well as people, stay zero.

    Source: the releases of VA-RNN (Zhang et al., TPAMI 2019) and MAMP (Mao et al., ICCV 2023), with
    joint 2 of Kinect v2, the middle of the spine.

    Args:
        joint: Name of the joint; by default the layout's upper spine joint, or else its centre.
    """

    keeps_absent_people = True

    def __init__(self, joint: str | None = None) -> None:
        self.joint = joint

    def __call__(self, clips: Clips, generator: Generator | None = None) -> Clips:
        """Move the clips; the generator is not needed."""
        layout = clips.layout
        default = layout.center if layout.spine is None else layout.spine[1]
        joint = layout.index(default if self.joint is None else self.joint)
        clips = bounded(clips)
        coordinates = clips.coordinates[..., : layout.dimensions]
        path = coordinates[:, 0, :, joint]  # [N, T, C]
        first = seen_joints(path).long().argmax(-1)
        origin = path[torch.arange(path.shape[0], device=clips.device), first]
        return with_geometry(clips, relative_to(coordinates, origin[:, None, None, None]))
