"""The preparation, the noise and the known rotation of poses."""

import numpy as np
import pytest
import torch

from halp_mm.transforms import PoseNoise, PoseStandardize, RecordedRotate, Rotate
from tests.helpers import generator, random_clips


def test_poses_are_standardized_as_by_a_loop():
    clips = random_clips()
    result = PoseStandardize()(clips).coordinates.numpy()
    center = clips.layout.index(clips.layout.center)
    for clip, found in zip(clips.coordinates.double().numpy(), result):
        expected = np.zeros_like(clip)
        for place in np.ndindex(clip.shape[:3]):
            if clip[place].any():
                expected[place] = clip[place] - clip[place[:2]][center]
        seen = expected[expected.any(-1)]
        expected /= np.sqrt(np.mean(seen**2))
        assert np.abs(found - expected).max() < 1e-5


def test_every_pose_loses_a_few_joints_of_its_own():
    clips = random_clips()
    noise = PoseNoise((2, 4))
    joints = noise.draw(clips, generator(1))['joints']
    assert joints.shape == clips.coordinates.shape[:-1]
    counts = joints.sum(-1)
    assert counts.unique().tolist() == [2, 3, 4]
    assert len(joints.flatten(0, 2).unique(dim=0)) > 0.9 * counts.numel()
    noisy = noise.apply(clips, joints).coordinates
    assert torch.equal(noisy, clips.coordinates * ~joints[..., None])
    assert (joints.float().mean((0, 1, 2)) > 0).all()


def test_a_known_rotation_is_that_of_rotate():
    clips = random_clips()
    rotated = RecordedRotate((-90, 90), (0, 5))(clips, generator(3))
    expected = Rotate((-90, 90), (0, 5))(clips, generator(3))
    assert torch.equal(rotated.coordinates, expected.coordinates)
    rotation = rotated.draws['rotation']
    again = torch.einsum('nmtvc,ncd->nmtvd', clips.coordinates, rotation)
    assert torch.allclose(rotated.coordinates, again, atol=1e-6)
    assert torch.allclose(rotation @ rotation.mT, torch.eye(3).expand_as(rotation), atol=1e-6)


def test_numbers_of_joints_are_a_range():
    with pytest.raises(ValueError, match='num_joints'):
        PoseNoise((5, 1))
