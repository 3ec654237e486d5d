"""Batched transforms of clips: normalisations and augmentations."""

from halp_mm.transforms.base import BatchTransform, RandomTransform
from halp_mm.transforms.composition import Compose, RandomChoice, build_transform
from halp_mm.transforms.convert_layout import ConvertLayout
from halp_mm.transforms.image_pose_normalization import PreNormalize2D
from halp_mm.transforms.masking import SpatioTemporalMask
from halp_mm.transforms.normalization import PreNormalize3D, RelativeNormalize3D
from halp_mm.transforms.spatial import (
    AxisMask,
    JointCorruption,
    JointOffset,
    Rotate,
    Shear,
    SpatialFlip,
)
from halp_mm.transforms.spatio_temporal import GaussianBlur, GaussianNoise
from halp_mm.transforms.temporal import (
    CenterCropResize,
    TemporalCropResize,
    TemporalFlip,
    TemporalShiftCrop,
    crop_resize,
)
from halp_mm.transforms.view_invariant_normalization import ViewInvariantNormalize3D

__all__ = [
    'AxisMask',
    'BatchTransform',
    'CenterCropResize',
    'Compose',
    'ConvertLayout',
    'GaussianBlur',
    'GaussianNoise',
    'JointCorruption',
    'JointOffset',
    'PreNormalize2D',
    'PreNormalize3D',
    'RandomChoice',
    'RandomTransform',
    'RelativeNormalize3D',
    'Rotate',
    'Shear',
    'SpatialFlip',
    'SpatioTemporalMask',
    'TemporalCropResize',
    'TemporalFlip',
    'TemporalShiftCrop',
    'ViewInvariantNormalize3D',
    'build_transform',
    'crop_resize',
]
