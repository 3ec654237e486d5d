"""Clips of one length, against a loop."""

import pytest
import torch

from halp_mm.transforms import FixedLength, SubtractJoint, TemporalFlip
from tests.helpers import clip_of, random_clips

LENGTHS = [7, 1, 4, 12]


@pytest.mark.parametrize('num_frames', [3, 9, 12, 30])
def test_first_frames_and_zeros(num_frames):
    clips = random_clips(LENGTHS)
    fixed = FixedLength(num_frames)(clips)
    assert fixed.coordinates.shape[2] == num_frames
    for i, length in enumerate(LENGTHS):
        own = min(length, num_frames)
        assert fixed.num_frames[i] == own
        expected = clip_of(clips, i).coordinates[0][:, :own]
        assert torch.equal(fixed.coordinates[i, :, :own], expected)
        assert not fixed.coordinates[i, :, own:].any()


@pytest.mark.parametrize('num_frames', [3, 9, 30])
def test_repeated_clips(num_frames):
    clips = random_clips(LENGTHS)
    fixed = FixedLength(num_frames, fill='repeat')(clips)
    assert fixed.coordinates.shape[2] == num_frames
    assert (fixed.num_frames == num_frames).all()
    for i, length in enumerate(LENGTHS):
        for t in range(num_frames):
            assert torch.equal(fixed.coordinates[i, :, t], clips.coordinates[i, :, t % length])


def test_a_filled_clip_is_reversed_within_its_own_frames():
    clips = random_clips(LENGTHS)
    flipped = TemporalFlip()(FixedLength(20)(clips))
    assert torch.equal(flipped.coordinates[2, :, :4], clips.coordinates[2, :, :4].flip(1))


@pytest.mark.parametrize(
    ('layout', 'joint'), [('kinect_v2', None), ('coco17', None), ('kinect_v1', 'head')]
)
def test_joint_is_subtracted_from_its_person_in_its_frame(layout, joint):
    clips = random_clips(layout=layout, channels=3)
    layout = clips.layout
    origin = layout.index(joint or (layout.spine[1] if layout.spine else layout.center))
    found = SubtractJoint(joint)(clips).coordinates
    for i in range(len(clips)):
        for person in range(2):
            for t in range(clips.coordinates.shape[2]):
                frame = clips.coordinates[i, person, t]
                expected = frame - frame[origin] if frame.any() else frame
                size = layout.dimensions
                torch.testing.assert_close(found[i, person, t, :, :size], expected[:, :size])
                assert torch.equal(found[i, person, t, :, size:], frame[:, size:])


def test_wrong_options():
    with pytest.raises(ValueError, match="fill must be 'zeros' or 'repeat', got 'loop'"):
        FixedLength(3, fill='loop')
    with pytest.raises(ValueError, match="layout 'kinect_v2' has no joint 'nose', only"):
        SubtractJoint('nose')(random_clips())
