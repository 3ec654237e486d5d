"""Layouts of depth sensors and of data sets recorded with them."""

from halp_mm.skeletons.layout import SkeletonLayout
from halp_mm.skeletons.layout_parts import ARM, LEG, SHOULDERS, both_sides, limbs

# Microsoft Kinect v2 SDK order: NTU RGB+D, PKU-MMD.
KINECT_V2 = SkeletonLayout(
    name='kinect_v2',
    joints=(
        *('spine_base', 'spine_mid', 'neck', 'head'),
        *both_sides(*ARM),
        *both_sides(*LEG),
        *('spine_shoulder', 'left_hand_tip', 'left_thumb', 'right_hand_tip', 'right_thumb'),
    ),
    bones=limbs(
        'spine_base spine_mid spine_shoulder neck head',
        'spine_shoulder *_shoulder *_elbow *_wrist *_hand *_thumb *_hand_tip',
        'spine_base *_hip *_knee *_ankle *_foot',
    ),
    center='spine_shoulder',
    spine=('spine_base', 'spine_mid'),
    shoulders=SHOULDERS,
)

# Microsoft Kinect v1 SDK order: UTKinect, NW-UCLA.
KINECT_V1 = SkeletonLayout(
    name='kinect_v1',
    joints=(
        *('hip_center', 'spine', 'shoulder_center', 'head'),
        *both_sides(*ARM),
        *both_sides(*LEG),
    ),
    bones=limbs(
        'hip_center spine shoulder_center head',
        'shoulder_center *_shoulder *_elbow *_wrist *_hand',
        'hip_center *_hip *_knee *_ankle *_foot',
    ),
    center='shoulder_center',
    spine=('hip_center', 'spine'),
    shoulders=SHOULDERS,
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
    bones=limbs(
        'hip_center spine neck head',
        'neck *_shoulder *_elbow *_wrist *_hand',
        'hip_center *_hip *_knee *_ankle *_foot',
    ),
    center='neck',
    spine=('hip_center', 'spine'),
    shoulders=SHOULDERS,
)

# Kinect v1 joints in the order of the UTD-MHAD files.
UTD_MHAD = SkeletonLayout(
    name='utd_mhad',
    joints=(
        *('head', 'shoulder_center', 'spine', 'hip_center'),
        *both_sides(*ARM),
        *both_sides(*LEG),
    ),
    bones=KINECT_V1.bones,
    center='shoulder_center',
    spine=('hip_center', 'spine'),
    shoulders=SHOULDERS,
)

# Azure Kinect body tracking SDK order. The wrist is the parent of both hand and thumb in the SDK.
AZURE_KINECT = SkeletonLayout(
    name='azure_kinect',
    joints=(
        *('pelvis', 'spine_navel', 'spine_chest', 'neck'),
        *both_sides('clavicle', 'shoulder', 'elbow', 'wrist', 'hand', 'hand_tip', 'thumb'),
        *both_sides(*LEG),
        *('head', 'nose', 'left_eye', 'left_ear', 'right_eye', 'right_ear'),
    ),
    bones=limbs(
        'pelvis spine_navel spine_chest neck head nose',
        'spine_chest *_clavicle *_shoulder *_elbow *_wrist *_hand *_hand_tip',
        '*_wrist *_thumb',
        'pelvis *_hip *_knee *_ankle *_foot',
        'head *_eye',
        'head *_ear',
    ),
    center='spine_chest',
    spine=('pelvis', 'spine_navel'),
    shoulders=SHOULDERS,
)
