"""Batched transforms of clips: normalisations and augmentations."""

from halp_mm.transforms.base import BatchTransform, RandomTransform
from halp_mm.transforms.center_trajectory import CenterTrajectory
from halp_mm.transforms.composition import Compose, RandomChoice, SameDraws, build_transform
from halp_mm.transforms.convert_layout import ConvertLayout
from halp_mm.transforms.first_frame_normalization import FirstFrameNormalize
from halp_mm.transforms.fixed_length import FixedLength
from halp_mm.transforms.frame_choice import FrameChoice
from halp_mm.transforms.image_pose_normalization import PreNormalize2D
from halp_mm.transforms.jigsaw import Jigsaw
from halp_mm.transforms.joint_masking import JointFrameMask, NeighbourWeightedJointMask
from halp_mm.transforms.limb_scaling import LimbScaling
from halp_mm.transforms.masking import CellMask, MotionAwareMask, SpatioTemporalMask
from halp_mm.transforms.min_max_normalization import MinMaxNormalize
from halp_mm.transforms.mirrored_repeat import MirroredRepeat
from halp_mm.transforms.motion_frame_drop import MotionFrameDrop
from halp_mm.transforms.normalization import PreNormalize3D, RelativeNormalize3D
from halp_mm.transforms.pose_noise import PoseNoise
from halp_mm.transforms.pose_standardization import PoseStandardize
from halp_mm.transforms.random_move import RandomMove
from halp_mm.transforms.random_person import RandomPerson
from halp_mm.transforms.spatial import (
    AxisMask,
    JointCorruption,
    JointOffset,
    RecordedRotate,
    Rotate,
    Shear,
    SpatialFlip,
)
from halp_mm.transforms.spatio_temporal import GaussianBlur, GaussianNoise
from halp_mm.transforms.stride_frames import StrideFrames
from halp_mm.transforms.subtract_joint import SubtractJoint
from halp_mm.transforms.temporal import (
    CenterCropResize,
    TemporalCrop,
    TemporalCropResize,
    TemporalCropSample,
    TemporalFlip,
    TemporalShiftCrop,
    TemporalStretch,
    crop_resize,
)
from halp_mm.transforms.temporal_mask import TemporalMask
from halp_mm.transforms.tube_masking import SemanticTubeMask
from halp_mm.transforms.view_invariant_normalization import ViewInvariantNormalize3D

__all__ = [
    'AxisMask',
    'BatchTransform',
    'CellMask',
    'CenterCropResize',
    'CenterTrajectory',
    'Compose',
    'ConvertLayout',
    'FirstFrameNormalize',
    'FixedLength',
    'FrameChoice',
    'GaussianBlur',
    'GaussianNoise',
    'Jigsaw',
    'JointCorruption',
    'JointFrameMask',
    'JointOffset',
    'LimbScaling',
    'MinMaxNormalize',
    'MirroredRepeat',
    'MotionAwareMask',
    'MotionFrameDrop',
    'NeighbourWeightedJointMask',
    'PoseNoise',
    'PoseStandardize',
    'PreNormalize2D',
    'PreNormalize3D',
    'RandomChoice',
    'RandomMove',
    'RandomPerson',
    'RandomTransform',
    'RecordedRotate',
    'RelativeNormalize3D',
    'Rotate',
    'SameDraws',
    'SemanticTubeMask',
    'Shear',
    'SpatialFlip',
    'SpatioTemporalMask',
    'StrideFrames',
    'SubtractJoint',
    'TemporalCrop',
    'TemporalCropResize',
    'TemporalCropSample',
    'TemporalFlip',
    'TemporalMask',
    'TemporalShiftCrop',
    'TemporalStretch',
    'ViewInvariantNormalize3D',
    'build_transform',
    'crop_resize',
]
