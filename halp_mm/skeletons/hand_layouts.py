"""The layout of a hand."""

from halp_mm.skeletons.layout import SkeletonLayout
from halp_mm.skeletons.layout_parts import limbs

#: The four joints of each finger, from the palm to the tip.
FINGERS = tuple(
    tuple(f'{finger}_{number}' for number in range(1, 5))
    for finger in ('thumb', 'forefinger', 'middle_finger', 'ring_finger', 'pinky_finger')
)


def finger_joints() -> tuple[str, ...]:
    """The joints of all fingers, the thumb first."""
    return tuple(joint for finger in FINGERS for joint in finger)


# MediaPipe's hand landmarks, x, y, z; OpenPose and COCO-WholeBody have the same joints in images.
# The palm takes the role of spine and shoulders: normalisations turn it upright, to the camera.
HAND21 = SkeletonLayout(
    name='hand21',
    joints=('wrist', *finger_joints()),
    bones=limbs(*(f'wrist {" ".join(finger)}' for finger in FINGERS)),
    center='wrist',
    spine=('wrist', 'middle_finger_1'),
    shoulders=('pinky_finger_1', 'forefinger_1'),
)
