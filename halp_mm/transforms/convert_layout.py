"""Clips of one sensor for a model of another."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Generator

from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips, SkeletonLayout, convert_joints, get_layout
from halp_mm.transforms.base import BatchTransform


@TRANSFORMS.register_module()
class ConvertLayout(BatchTransform):
    """Convert clips to a layout by names; see :mod:`halp_mm.skeletons.joint_conversion`.

    As the first of a config's ``normalization`` it lets a model pre-trained on one sensor be used
    on another's clips. What follows sees the new layout.

    Args:
        layout: The layout to convert the clips to: a name or a dict.
    """

    def __init__(self, layout: str | Mapping | SkeletonLayout) -> None:
        self.layout = get_layout(layout)

    def __call__(self, clips: Clips, generator: Generator | None = None) -> Clips:
        """Convert; the generator is not needed.

        Raises:
            ValueError: if the clips' layout and the new one differ in dimensions, or share too few
                joints.
        """
        coordinates = convert_joints(clips.coordinates, clips.layout, self.layout)
        return Clips(coordinates, clips.num_frames, self.layout)
