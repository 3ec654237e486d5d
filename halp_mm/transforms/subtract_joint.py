"""Coordinates relative to a joint of the same person and frame."""

from __future__ import annotations

from torch import Generator

from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips
from halp_mm.transforms.base import BatchTransform
from halp_mm.transforms.normalization import relative_to
from halp_mm.transforms.spatial import with_geometry


@TRANSFORMS.register_module()
class SubtractJoint(BatchTransform):
    """Subtract one joint from all joints of the same person and frame.

    Zeros, joints as well as people, stay zero.

    Source: AS-CAL (Rao et al., Information Sciences 2021), its release.

    Args:
        joint: Name of the joint. By default, the upper joint of the layout's spine, the second of
            Kinect v2 as in the release, or the layout's centre if it has no spine.
    """

    keeps_absent_people = True

    def __init__(self, joint: str | None = None) -> None:
        self.joint = joint

    def __call__(self, clips: Clips, generator: Generator | None = None) -> Clips:
        """Subtract; the generator is unused.

        Raises:
            ValueError: if the layout has no such joint.
        """
        layout = clips.layout
        joint = self.joint or (layout.spine[1] if layout.spine else layout.center)
        if joint not in layout.joints:
            raise ValueError(
                f'SubtractJoint: layout {layout.name!r} has no joint {joint!r}, only '
                f'{list(layout.joints)}'
            )
        coordinates = clips.coordinates[..., : layout.dimensions]
        origin = coordinates[..., layout.index(joint), None, :]
        return with_geometry(clips, relative_to(coordinates, origin))
