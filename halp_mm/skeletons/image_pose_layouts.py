"""Layouts of pose estimators for images."""

from halp_mm.skeletons.hand_layouts import FINGERS, finger_joints
from halp_mm.skeletons.layout import SkeletonLayout
from halp_mm.skeletons.layout_parts import SHOULDERS, both_sides, limbs, side_by_side

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
    bones=limbs(
        'nose *_eye *_ear', 'nose *_shoulder *_elbow *_wrist', '*_shoulder *_hip *_knee *_ankle'
    ),
    center='nose',
    shoulders=SHOULDERS,
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
    bones=limbs(
        'neck nose',
        'nose *_eye *_ear',
        'neck *_shoulder *_elbow *_wrist',
        '*_shoulder *_hip *_knee *_ankle',
    ),
    center='neck',
    shoulders=SHOULDERS,
    dimensions=2,
)

# OpenPose's BODY_25: the 18 key points, the middle of the hips, and feet.
OPENPOSE25 = SkeletonLayout(
    name='openpose25',
    joints=(
        *('nose', 'neck', 'right_shoulder', 'right_elbow', 'right_wrist'),
        *('left_shoulder', 'left_elbow', 'left_wrist', 'mid_hip'),
        *('right_hip', 'right_knee', 'right_ankle', 'left_hip', 'left_knee', 'left_ankle'),
        *('right_eye', 'left_eye', 'right_ear', 'left_ear'),
        *both_sides('big_toe', 'small_toe', 'heel'),
    ),
    bones=limbs(
        'mid_hip neck nose',
        'nose *_eye *_ear',
        'neck *_shoulder *_elbow *_wrist',
        'mid_hip *_hip *_knee *_ankle *_heel',
        '*_ankle *_big_toe *_small_toe',
    ),
    center='neck',
    spine=('mid_hip', 'neck'),
    shoulders=SHOULDERS,
    dimensions=2,
)

_COCO_BODY = COCO17.joints

# The body key points of Halpe, in the order of AlphaPose.
HALPE26 = SkeletonLayout(
    name='halpe26',
    joints=(
        *_COCO_BODY,
        *('head', 'neck', 'mid_hip'),
        *side_by_side('big_toe', 'small_toe', 'heel'),
    ),
    bones=limbs(
        'mid_hip neck head nose',
        'nose *_eye *_ear',
        'neck *_shoulder *_elbow *_wrist',
        'mid_hip *_hip *_knee *_ankle *_heel',
        '*_ankle *_big_toe *_small_toe',
    ),
    center='neck',
    spine=('mid_hip', 'neck'),
    shoulders=SHOULDERS,
    dimensions=2,
)

# MediaPipe's pose landmarks (BlazePose), x, y, z.
BLAZEPOSE33 = SkeletonLayout(
    name='blazepose33',
    joints=(
        'nose',
        *both_sides('eye_inner', 'eye', 'eye_outer'),
        *side_by_side('ear', 'mouth', 'shoulder', 'elbow', 'wrist', 'pinky', 'index', 'thumb'),
        *side_by_side('hip', 'knee', 'ankle', 'heel', 'foot_index'),
    ),
    bones=limbs(
        'nose *_eye_inner *_eye *_eye_outer *_ear',
        'nose *_mouth',
        'nose *_shoulder *_elbow *_wrist *_index',
        '*_wrist *_pinky',
        '*_wrist *_thumb',
        '*_shoulder *_hip *_knee *_ankle *_heel',
        '*_ankle *_foot_index',
    ),
    center='nose',
    shoulders=SHOULDERS,
)

_FEET = both_sides('big_toe', 'small_toe', 'heel')
_HANDS = tuple(
    f'{side}_{joint}' for side in ('left', 'right') for joint in ('hand_root', *finger_joints())
)
_BODY_FEET_AND_HANDS = limbs(
    'nose *_eye *_ear',
    'nose *_shoulder *_elbow *_wrist *_hand_root',
    '*_shoulder *_hip *_knee *_ankle *_heel',
    '*_ankle *_big_toe *_small_toe',
    *(f'*_hand_root {" ".join(f"*_{joint}" for joint in finger)}' for finger in FINGERS),
)


def _numbered(part: str, *numbers: int) -> tuple[str, ...]:
    return tuple(f'{part}_{number}' for number in numbers)


# The 68 points of a face: the jaw from the person's right ear to the left, brows, nose, eyes and
# lips. Points of the same number mirror each other.
_FACE = (
    *(*_numbered('right_jaw', *range(1, 9)), 'chin', *_numbered('left_jaw', *range(8, 0, -1))),
    *(*_numbered('right_brow', *range(1, 6)), *_numbered('left_brow', *range(5, 0, -1))),
    *(*_numbered('nose_bridge', *range(1, 5)), *_numbered('right_nostril', 1, 2), 'nose_base'),
    *_numbered('left_nostril', 2, 1),
    *(*_numbered('right_eye', *range(1, 7)), *_numbered('left_eye', 4, 3, 2, 1, 6, 5)),
    *(*_numbered('right_lip', 1, 2, 3), 'upper_lip', *_numbered('left_lip', 3, 2, 1, 4, 5)),
    *('lower_lip', *_numbered('right_lip', 5, 4)),
    *(*_numbered('right_inner_lip', 1, 2), 'upper_inner_lip'),
    *(*_numbered('left_inner_lip', 2, 1, 3), 'lower_inner_lip', 'right_inner_lip_3'),
)
_FACE_BONES = limbs(
    '*_ear *_jaw_1 *_jaw_2 *_jaw_3 *_jaw_4 *_jaw_5 *_jaw_6 *_jaw_7 *_jaw_8',
    'nose nose_bridge_4 nose_bridge_3 nose_bridge_2 nose_bridge_1',
    'nose_bridge_1 *_brow_5 *_brow_4 *_brow_3 *_brow_2 *_brow_1',
    'nose nose_base upper_lip upper_inner_lip lower_inner_lip lower_lip chin',
    'nose_base *_nostril_2 *_nostril_1',
    '*_eye *_eye_1 *_eye_2 *_eye_3 *_eye_4',
    '*_eye_1 *_eye_6 *_eye_5',
    'upper_lip *_lip_3 *_lip_2 *_lip_1 *_lip_4 *_lip_5',
    'upper_inner_lip *_inner_lip_2 *_inner_lip_1 *_inner_lip_3',
)

# COCO-WholeBody: body, feet, face and hands.
COCO_WHOLEBODY133 = SkeletonLayout(
    name='coco_wholebody133',
    joints=(*_COCO_BODY, *_FEET, *_FACE, *_HANDS),
    bones=(*_BODY_FEET_AND_HANDS, *_FACE_BONES),
    center='nose',
    shoulders=SHOULDERS,
    dimensions=2,
)

# COCO-WholeBody without the 68 points of the face.
COCO_WHOLEBODY65 = SkeletonLayout(
    name='coco_wholebody65',
    joints=(*_COCO_BODY, *_FEET, *_HANDS),
    bones=_BODY_FEET_AND_HANDS,
    center='nose',
    shoulders=SHOULDERS,
    dimensions=2,
)
