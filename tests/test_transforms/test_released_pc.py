"""The scaling and the frame skipping of P&C, against its release and loops."""

import pytest
import torch

from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips, get_layout
from tests.helpers import assert_relative, random_clips, reference

RELEASED = reference('pc_view_invariant_released')


def clips_of(name: str) -> Clips:
    coordinates = RELEASED[name].view(1, 1, -1, 25, 3)
    return Clips(coordinates, torch.tensor([coordinates.shape[2]]), get_layout('kinect_v2'))


def test_equal_the_release():
    scaled = TRANSFORMS.build(dict(type='MinMaxNormalize'))(clips_of('transformed'))
    assert_relative(scaled.coordinates[0, 0].flatten(1), RELEASED['normalised'], 1e-12)
    taken = TRANSFORMS.build(dict(type='StrideFrames', num_frames=50))(scaled)
    assert_relative(taken.coordinates[0, 0].flatten(1), RELEASED['downsampled50'], 1e-12)
    assert taken.num_frames.tolist() == [50]


def test_scaling_equals_a_loop():
    clips = random_clips((6, 4, 5), dtype=torch.float64)
    clips.coordinates[2, 0, 1] = 0  # nobody is seen in this frame
    clips.coordinates[1, 0, :4, :, 2] = 3  # an axis without extent
    made = TRANSFORMS.build(dict(type='MinMaxNormalize'))(clips).coordinates
    for n, frames in enumerate(clips.num_frames.tolist()):
        poses = [pose for pose in clips.coordinates[n, :, :frames].flatten(0, 1) if pose.any()]
        joints = torch.stack(poses).flatten(0, 1)
        low, high = joints.amin(0), joints.amax(0)
        for before, after in zip(clips.coordinates[n].flatten(0, 1), made[n].flatten(0, 1)):
            expected = torch.zeros_like(before)
            if before.any():
                for axis in range(3):
                    if high[axis] > low[axis]:
                        share = (before[:, axis] - low[axis]) / (high[axis] - low[axis])
                        expected[:, axis] = 2 * share - 1
            torch.testing.assert_close(after, expected)


@pytest.mark.parametrize('num_frames', [1, 3, 5, 40])
def test_frames_are_skipped_as_in_a_loop(num_frames):
    clips = random_clips((17, 3, 9, 1))
    made = TRANSFORMS.build(dict(type='StrideFrames', num_frames=num_frames))(clips)
    assert made.coordinates.shape[2] == num_frames
    for n, length in enumerate(clips.num_frames.tolist()):
        stride = max(length // num_frames, 1)
        frames = list(range(0, length, stride))[:num_frames]
        assert made.num_frames[n] == len(frames) == min(length, num_frames)
        expected = clips.coordinates[n, :, frames]
        assert torch.equal(made.coordinates[n, :, : len(frames)], expected)
        assert not made.coordinates[n, :, len(frames) :].any()
