"""Batched transforms of clips: normalisations and augmentations."""

from halp_mm.transforms.base import BatchTransform, RandomTransform
from halp_mm.transforms.composition import Compose, RandomChoice, build_transform
from halp_mm.transforms.layout_conversion import ConvertLayout
from halp_mm.transforms.normalization import PreNormalize3D, RelativeNormalize3D
from halp_mm.transforms.spatial import JointCorruption, Shear
from halp_mm.transforms.temporal import CenterCropResize, TemporalCropResize, crop_resize

__all__ = [
    'BatchTransform',
    'CenterCropResize',
    'Compose',
    'ConvertLayout',
    'JointCorruption',
    'PreNormalize3D',
    'RandomChoice',
    'RandomTransform',
    'RelativeNormalize3D',
    'Shear',
    'TemporalCropResize',
    'build_transform',
    'crop_resize',
]
