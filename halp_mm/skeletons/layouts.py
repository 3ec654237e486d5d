"""The built-in layouts."""

from __future__ import annotations

from collections.abc import Mapping

from halp_mm.skeletons.depth_sensor_layouts import (
    AZURE_KINECT,
    KINECT_V1,
    KINECT_V2,
    MSR_ACTION3D,
    UTD_MHAD,
)
from halp_mm.skeletons.hand_layouts import HAND21
from halp_mm.skeletons.image_pose_layouts import (
    BLAZEPOSE33,
    COCO17,
    COCO_WHOLEBODY65,
    COCO_WHOLEBODY133,
    HALPE26,
    OPENPOSE18,
    OPENPOSE25,
)
from halp_mm.skeletons.layout import SkeletonLayout
from halp_mm.skeletons.motion_capture_layouts import H36M17, SMPL24

#: The built-in layouts by name.
LAYOUTS = {
    layout.name: layout
    for layout in (
        *(KINECT_V2, KINECT_V1, AZURE_KINECT, MSR_ACTION3D, UTD_MHAD),
        *(COCO17, OPENPOSE18, OPENPOSE25, HALPE26, COCO_WHOLEBODY133, COCO_WHOLEBODY65),
        *(BLAZEPOSE33, HAND21, H36M17, SMPL24),
    )
}


def get_layout(layout: str | Mapping | SkeletonLayout) -> SkeletonLayout:
    """Find a layout by name, or build one from the dict of a config.

    Args:
        layout: The name of a built-in layout, a dict of :class:`SkeletonLayout`'s arguments, or
            a layout, which is returned unchanged.

    Raises:
        ValueError: if the name is unknown or the dict does not describe a layout.
    """
    if isinstance(layout, SkeletonLayout):
        return layout
    if isinstance(layout, Mapping):
        return SkeletonLayout.from_dict(layout)
    if layout not in LAYOUTS:
        raise ValueError(
            f'unknown skeleton layout {layout!r}; the built-in ones are {sorted(LAYOUTS)}. '
            'For another, give a dict with name, joints, bones and center'
        )
    return LAYOUTS[layout]
