"""Masks of joints, against the release of PSTL, counts and distributions."""

from collections import Counter

import pytest
import torch

from halp_mm.models import SkeletonPreprocessor
from halp_mm.skeletons import LAYOUTS, Clips, get_layout
from halp_mm.transforms import JointFrameMask, NeighbourWeightedJointMask
from halp_mm.transforms.joint_masking import neighbour_pool
from tests.helpers import generator, random_clips, reference

ARRAYS = reference('pstl_masks_released')


def masked_by_pstl(clips: Clips, positions: torch.Tensor) -> torch.Tensor:
    return NeighbourWeightedJointMask().apply(clips, positions=positions).draws['mask']


def test_joint_mask_equals_the_release():
    assert torch.equal(neighbour_pool(get_layout('kinect_v2'), 'cpu'), ARRAYS['joint_pool'])
    clips = random_clips()
    mask = masked_by_pstl(clips, ARRAYS['pool_positions'].expand(len(clips), -1))
    hidden = sorted(set(ARRAYS['masked_joints'].tolist()))
    assert mask.shape == clips.coordinates.shape[:-1]
    assert (mask == mask[:1, :1, :1]).all()
    assert mask[0, 0, 0].nonzero().flatten().tolist() == hidden


@pytest.mark.parametrize('layout', LAYOUTS)
def test_pool_has_a_joint_once_for_each_neighbour(layout):
    layout = get_layout(layout)
    count = Counter(joint for bone in layout.bones for joint in bone)
    expected = [joint for joint in layout.joints for _ in range(count[joint])]
    pool = neighbour_pool(layout, torch.device('cpu')).tolist()
    assert [layout.joints[joint] for joint in pool] == expected


def test_joints_are_drawn_for_each_clip_by_their_neighbours():
    clips = random_clips([2] * 4000, people=1)
    positions = NeighbourWeightedJointMask(8).draw(clips, generator())['positions']
    assert positions.shape == (4000, 8)
    ordered = positions.sort(1).values
    assert (ordered.diff(dim=1) > 0).all()  # without replacement
    shares = positions.flatten().bincount(minlength=48) / 4000
    deviation = (8 / 48 * (1 - 8 / 48) / 4000) ** 0.5
    assert (shares - 8 / 48).abs().max() < 4.5 * deviation
    hidden = masked_by_pstl(clips, positions)[:, 0, 0].sum(1)
    assert set(hidden.tolist()) <= set(range(2, 9))
    assert len(set(hidden.tolist())) > 2


def test_the_encoder_sees_zeros_where_joints_are_hidden():
    transform = NeighbourWeightedJointMask(4)
    preprocessor = SkeletonPreprocessor(streams=['joint', 'bone'])
    clips = transform(random_clips([5, 4]), generator())
    streams = preprocessor.derive_streams(clips)
    hidden = clips.draws['mask']
    for stream in streams.values():
        assert not stream[hidden].any()
    assert torch.equal(streams['joint'][~hidden], clips.coordinates[~hidden])
    assert not torch.equal(hidden[0, 0], hidden[1, 0])


@pytest.mark.parametrize(('length', 'low', 'high'), [(150, 50, 100), (100, 50, 100), (99, 20, 50)])
def test_counts_of_masked_joints_and_frames(length, low, high):
    clips = random_clips([length] * 600, layout='msr_action3d', people=1, channels=1)
    draws = JointFrameMask().draw(clips, generator())
    joints, frames = draws['joints'].sum(1), draws['frames'].sum(1)
    for counts, least, most in ((joints, 5, 15), (frames, low, high)):
        assert counts.min() >= least
        assert counts.max() <= most
        middle = (least + most) / 2
        deviation = ((most - least + 1) ** 2 / 12 / 600) ** 0.5
        assert abs(counts.double().mean() - middle) < 4.5 * deviation
    assert set(joints.tolist()) == set(range(5, 16))
    assert (draws['joints'][0] != draws['joints'][1]).any()


def test_only_frames_of_the_clip_are_drawn():
    clips = random_clips([130, 30, 10], people=1)
    draws = JointFrameMask().draw(clips, generator())
    assert not draws['frames'][1, 30:].any()
    assert 20 <= draws['frames'][1].sum() <= 30
    assert draws['frames'][2, :10].all()
    masked = JointFrameMask().apply(clips, **draws).coordinates
    changed = (masked != clips.coordinates).any(-1)
    expected = draws['frames'][:, None, :, None] & draws['joints'][:, None, None]
    assert torch.equal(changed, expected & clips.coordinates.any(-1))


def test_wrong_options():
    with pytest.raises(ValueError, match='num_joints must be a range of two finite numbers'):
        JointFrameMask(num_joints=(5, 3))
    with pytest.raises(ValueError, match='num_draws must be a whole number of at least 1, got 0'):
        NeighbourWeightedJointMask(0)
