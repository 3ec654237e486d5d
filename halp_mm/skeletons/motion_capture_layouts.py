"""Layouts of motion capture and of body models."""

from halp_mm.skeletons.layout import SkeletonLayout
from halp_mm.skeletons.layout_parts import SHOULDERS, limbs, side_by_side

# The 17 joints of Human3.6M used in 3-D pose estimation. Its files call the ankle a foot.
H36M17 = SkeletonLayout(
    name='h36m17',
    joints=(
        *('pelvis', 'right_hip', 'right_knee', 'right_ankle', 'left_hip', 'left_knee'),
        *('left_ankle', 'spine', 'thorax', 'neck', 'head'),
        *('left_shoulder', 'left_elbow', 'left_wrist'),
        *('right_shoulder', 'right_elbow', 'right_wrist'),
    ),
    bones=limbs(
        'pelvis spine thorax neck head',
        'thorax *_shoulder *_elbow *_wrist',
        'pelvis *_hip *_knee *_ankle',
    ),
    center='thorax',
    spine=('pelvis', 'spine'),
    shoulders=SHOULDERS,
)

# The joints of the SMPL body model.
SMPL24 = SkeletonLayout(
    name='smpl24',
    joints=(
        *('pelvis', 'left_hip', 'right_hip', 'spine1', 'left_knee', 'right_knee', 'spine2'),
        *('left_ankle', 'right_ankle', 'spine3', 'left_foot', 'right_foot', 'neck'),
        *('left_collar', 'right_collar', 'head'),
        *side_by_side('shoulder', 'elbow', 'wrist', 'hand'),
    ),
    bones=limbs(
        'pelvis spine1 spine2 spine3 neck head',
        'spine3 *_collar *_shoulder *_elbow *_wrist *_hand',
        'pelvis *_hip *_knee *_ankle *_foot',
    ),
    center='spine3',
    spine=('pelvis', 'spine1'),
    shoulders=SHOULDERS,
)
