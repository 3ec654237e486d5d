"""SLiM's augmentations of bodies, against its release's formulas."""

import pytest
import torch

from halp_mm.skeletons import Clips, get_layout
from halp_mm.skeletons.body_parts import body_parts
from halp_mm.testing import check_transform
from halp_mm.transforms import LimbScaling, Rotate, SpatialFlip
from tests.helpers import assert_relative, generator, random_clips, reference

VECTORS = reference('slim_augment_own_rendering')


def given() -> Clips:
    return Clips(in_clip_order(VECTORS['input_CTVM']), torch.tensor([6]), get_layout('kinect_v2'))


def in_clip_order(coordinates: torch.Tensor) -> torch.Tensor:
    return coordinates.permute(3, 1, 2, 0)[None]


@pytest.mark.parametrize(
    ('order', 'name'), [('tree', 'tree_order'), ('index', 'index_order_as_released')]
)
def test_scaling_equals_the_release(order, name):
    factors = VECTORS['scales_torso_arm_leg'][None]
    found = LimbScaling(order=order).apply(given(), factors).coordinates
    assert_relative(found, in_clip_order(VECTORS[f'scaled_{name}']), 1e-12)


def test_rotation_and_mirror_equal_the_release():
    # The release turns counter-clockwise; the range of angles is symmetric.
    rotated = Rotate().apply(given(), -VECTORS['angles_x_y_z'][None]).coordinates
    assert_relative(rotated, in_clip_order(VECTORS['rotated']), 1e-12)
    mirrored = SpatialFlip(mirror=True)(given()).coordinates
    assert torch.equal(mirrored, in_clip_order(VECTORS['mirrored']))


@pytest.mark.parametrize('layout', ['kinect_v2', 'msr_action3d', 'openpose25'])
def test_bones_change_their_lengths_and_nothing_else(layout):
    clips = random_clips((5, 3), layout=layout, channels=2, dtype=torch.float64)
    transform = LimbScaling()
    factors = transform.draw(clips, generator())['factors']
    assert ((factors - 1).abs() <= 0.15).all()
    scaled = transform.apply(clips, factors).coordinates
    parts = body_parts(clips.layout)
    kind_of = {j: part.rpartition('_')[2] for part, joints in parts.items() for j in joints}
    for a, b in clips.layout.bone_indices:
        outer = max(a, b, key=lambda j: clips.layout.distances_to_center[j])
        if kind_of[a] == kind_of[b]:
            kind = kind_of[outer]
            factor = factors[:, ('trunk', 'arm', 'leg').index(kind), None, None, None]
            before = clips.coordinates[..., a, :] - clips.coordinates[..., b, :]
            after = scaled[..., a, :] - scaled[..., b, :]
            torch.testing.assert_close(after, before * factor)


def test_missing_joints_stay_zero():
    clips = random_clips((5,))
    clips.coordinates[:, :, :, 7] = 0
    scaled = LimbScaling()(clips, generator()).coordinates
    assert not scaled[:, :, :, 7].any()
    assert scaled[:, :, :, 8].any()


@pytest.mark.parametrize('transform', [LimbScaling(), LimbScaling(order='index')])
def test_what_transforms_promise(transform):
    check_transform(transform)
    check_transform(transform, 'coco17', 2)


def test_a_chosen_axis_is_turned_most():
    clips = random_clips([4] * 500)
    angles = Rotate((90, 180), (0, 1), axis='y').draw(clips, generator())['angles']
    assert (angles[:, 1] > 1.57).all()
    assert (angles[:, ::2] < 0.02).all()
    with pytest.raises(ValueError, match="axis must be 'x' or 'y' or 'z' or None, got 'w'"):
        Rotate(axis='w')
