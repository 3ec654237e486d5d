"""The layouts that halp_mm knows by name."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from halp_mm.skeletons.layout import Pair, SkeletonLayout


def _limbs(*limbs: str) -> tuple[Pair, ...]:
    """Bones along chains of joints, each written as ``'a b c'``; ``*`` stands for both sides."""
    bones = []
    for limb in limbs:
        for side in ('left', 'right') if '*' in limb else ('',):
            chain = limb.replace('*', side).split()
            bones += pairwise(chain)
    return tuple(bones)


def _both_sides(*parts: str) -> tuple[str, ...]:
    return tuple(f'{side}_{part}' for side in ('left', 'right') for part in parts)


_ARM = ('shoulder', 'elbow', 'wrist', 'hand')
_LEG = ('hip', 'knee', 'ankle', 'foot')

# Microsoft Kinect v2 SDK order: NTU RGB+D, PKU-MMD.
KINECT_V2 = SkeletonLayout(
    name='kinect_v2',
    joints=(
        *('spine_base', 'spine_mid', 'neck', 'head'),
        *_both_sides(*_ARM),
        *_both_sides(*_LEG),
        *('spine_shoulder', 'left_hand_tip', 'left_thumb', 'right_hand_tip', 'right_thumb'),
    ),
    bones=_limbs(
        'spine_base spine_mid spine_shoulder neck head',
        'spine_shoulder *_shoulder *_elbow *_wrist *_hand *_thumb *_hand_tip',
        'spine_base *_hip *_knee *_ankle *_foot',
    ),
    center='spine_shoulder',
    spine=('spine_base', 'spine_mid'),
    shoulders=('right_shoulder', 'left_shoulder'),
)

# Microsoft Kinect v1 SDK order: UTKinect, NW-UCLA.
KINECT_V1 = SkeletonLayout(
    name='kinect_v1',
    joints=(
        *('hip_center', 'spine', 'shoulder_center', 'head'),
        *_both_sides(*_ARM),
        *_both_sides(*_LEG),
    ),
    bones=_limbs(
        'hip_center spine shoulder_center head',
        'shoulder_center *_shoulder *_elbow *_wrist *_hand',
        'hip_center *_hip *_knee *_ankle *_foot',
    ),
    center='shoulder_center',
    spine=('hip_center', 'spine'),
    shoulders=('right_shoulder', 'left_shoulder'),
)

# Kinect v1 joints in the order of the MSR-Action3D files.
MSR_ACTION3D = SkeletonLayout(
    name='msr_action3d',
    joints=(
        *('left_shoulder', 'right_shoulder', 'neck', 'spine', 'left_hip', 'right_hip'),
        *('hip_center', 'left_elbow', 'right_elbow', 'left_wrist', 'right_wrist'),
        *('left_hand', 'right_hand', 'left_knee', 'right_knee', 'left_ankle', 'right_ankle'),
        *('left_foot', 'right_foot', 'head'),
    ),
    bones=_limbs(
        'hip_center spine neck head',
        'neck *_shoulder *_elbow *_wrist *_hand',
        'hip_center *_hip *_knee *_ankle *_foot',
    ),
    center='neck',
    spine=('hip_center', 'spine'),
    shoulders=('right_shoulder', 'left_shoulder'),
)

# COCO key points of a pose in an image.
COCO17 = SkeletonLayout(
    name='coco17',
    joints=(
        'nose',
        *(
            f'{side}_{part}'
            for part in ('eye', 'ear', 'shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle')
            for side in ('left', 'right')
        ),
    ),
    bones=_limbs(
        'nose *_eye *_ear', 'nose *_shoulder *_elbow *_wrist', '*_shoulder *_hip *_knee *_ankle'
    ),
    center='nose',
    shoulders=('right_shoulder', 'left_shoulder'),
    dimensions=2,
)

# OpenPose's 18 key points, which Kinetics-Skeleton uses.
OPENPOSE18 = SkeletonLayout(
    name='openpose18',
    joints=(
        *('nose', 'neck', 'right_shoulder', 'right_elbow', 'right_wrist'),
        *('left_shoulder', 'left_elbow', 'left_wrist', 'right_hip', 'right_knee', 'right_ankle'),
        *('left_hip', 'left_knee', 'left_ankle', 'right_eye', 'left_eye'),
        *('right_ear', 'left_ear'),
    ),
    bones=_limbs(
        'neck nose',
        'nose *_eye *_ear',
        'neck *_shoulder *_elbow *_wrist',
        '*_shoulder *_hip *_knee *_ankle',
    ),
    center='neck',
    shoulders=('right_shoulder', 'left_shoulder'),
    dimensions=2,
)

#: The built-in layouts by name.
LAYOUTS = {
    layout.name: layout for layout in (KINECT_V2, KINECT_V1, MSR_ACTION3D, COCO17, OPENPOSE18)
}


def get_layout(layout: str | Mapping | SkeletonLayout) -> SkeletonLayout:
    """Find a layout by name, or build one's own from the dict that stands in a config.

    Args:
        layout: The name of a built-in layout, a dict of :class:`SkeletonLayout`'s arguments, or
            a layout, which is returned as it is.

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
