"""Clips moved to the origin of their first frame, against a loop."""

import torch

from halp_mm.registry import TRANSFORMS
from tests.helpers import random_clips


def test_equals_a_loop():
    clips = random_clips((7, 5, 4), dtype=torch.float64)
    clips.coordinates[1, :, :2] = 0  # seen from frame 2 on
    clips.coordinates[0, 1, 3, 4] = 0
    made = TRANSFORMS.build(dict(type='FirstFrameNormalize'))(clips).coordinates
    for n, first in enumerate((0, 2, 0)):
        origin = clips.coordinates[n, 0, first, 1]
        for before, after in zip(clips.coordinates[n].flatten(0, 2), made[n].flatten(0, 2)):
            expected = before - origin if before.any() else before
            torch.testing.assert_close(after, expected)


def test_the_origin_is_the_joint_asked_for_and_a_score_stays():
    clips = random_clips((6, 3), layout='coco17', channels=3)
    made = TRANSFORMS.build(dict(type='FirstFrameNormalize', joint='nose'))(clips)
    nose = clips.layout.index('nose')
    assert not made.coordinates[:, 0, 0, nose, :2].any()
    assert torch.equal(made.coordinates[..., 2], clips.coordinates[..., 2])
    xy = clips.coordinates[..., :2]
    expected = xy[0, 0] - xy[0, 0, 0, nose]
    torch.testing.assert_close(made.coordinates[0, 0, ..., :2], expected)


def test_a_clip_without_the_joint_stays():
    clips = random_clips((4,))
    clips.coordinates[:, 0, :, 1] = 0
    made = TRANSFORMS.build(dict(type='FirstFrameNormalize'))(clips)
    assert torch.equal(made.coordinates, clips.coordinates)
