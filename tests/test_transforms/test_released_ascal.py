"""The seven augmentations of AS-CAL and its subtraction, against the release."""

import math

import pytest
import torch
from torch import Tensor

from halp_mm.skeletons import Clips, get_layout
from halp_mm.transforms import (
    AxisMask,
    GaussianBlur,
    JointFrameMask,
    Rotate,
    Shear,
    SubtractJoint,
    TemporalFlip,
)
from tests.helpers import DTYPES, assert_relative, reference

ARRAYS = reference('ascal_augmentations_released')


def clips_of(dtype: torch.dtype) -> Clips:
    coordinates = ARRAYS['input_CTVM'].permute(3, 1, 2, 0)[None].to(dtype)
    return Clips(coordinates, torch.tensor([coordinates.shape[2]]), get_layout('kinect_v2'))


def some_frames(clips: Clips) -> Tensor:
    """Those frames that the reference has, as ``[C, T, V, M]``."""
    return clips.coordinates[0][:, ARRAYS['frames_kept']].permute(3, 1, 2, 0)


def chosen(places: Tensor, count: int) -> Tensor:
    return torch.zeros(1, count, dtype=torch.bool).index_fill_(1, places, True)


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('axis', range(3))
def test_rotation(axis, dtype):
    angles = torch.zeros(1, 3, dtype=torch.float64)
    angles[0, axis] = ARRAYS['angle_degrees'] * math.pi / 180
    rotated = Rotate().apply(clips_of(dtype), angles=angles)
    assert_relative(some_frames(rotated), ARRAYS[f'rotate_axis{axis}'], 1e-6)


@pytest.mark.parametrize('dtype', DTYPES)
def test_shear(dtype):
    first, second = ARRAYS['shear_s1'], ARRAYS['shear_s2']
    matrix = torch.eye(3, dtype=torch.float64)
    matrix[[1, 0, 0], [0, 1, 2]] = first
    matrix[[2, 2, 1], [0, 1, 2]] = second
    sheared = Shear().apply(clips_of(dtype), matrix=matrix[None])
    assert_relative(some_frames(sheared), ARRAYS['shear'], 1e-6)


@pytest.mark.parametrize('dtype', DTYPES)
def test_blur_with_a_kernel_that_is_not_normalized(dtype):
    blur = GaussianBlur(kernel_size=int(ARRAYS['blur_kernel']))
    blurred = blur.apply(clips_of(dtype), sigma=ARRAYS['blur_sigma'][None])
    assert_relative(some_frames(blurred), ARRAYS['blur'], 1e-6)


@pytest.mark.parametrize('dtype', DTYPES)
def test_reverse_axis_mask_joint_mask_and_subtraction(dtype):
    clips = clips_of(dtype)
    assert torch.equal(some_frames(TemporalFlip()(clips)).float(), ARRAYS['reversed'])
    masked = AxisMask().apply(clips, axis=torch.tensor([1]))
    assert torch.equal(some_frames(masked).float(), ARRAYS['zero_axis1'])
    joints = chosen(ARRAYS['masked_joints'], clips.layout.num_joints)
    frames = chosen(ARRAYS['masked_frames'], int(clips.num_frames))
    masked = JointFrameMask().apply(clips, joints=joints, frames=frames)
    assert torch.equal(some_frames(masked).float(), ARRAYS['zero_joints'])
    assert_relative(some_frames(SubtractJoint()(clips)), ARRAYS['subtract_joint1'], 1e-6)
