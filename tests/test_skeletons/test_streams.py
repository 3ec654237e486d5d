"""The streams of a clip, against plain loops."""

import pytest
import torch

from halp_mm.skeletons import Clips, check_stream, derive_stream, get_layout

DTYPES = [torch.float32, torch.float64]


def random_batch(dtype: torch.dtype) -> Clips:
    """Three clips of 7, 1 and 4 frames; the second person is absent from the last two."""
    layout = get_layout('kinect_v2')
    num_frames = torch.tensor([7, 1, 4])
    generator = torch.Generator().manual_seed(0)
    coordinates = torch.randn(3, 2, 7, layout.num_joints, 3, generator=generator, dtype=dtype)
    for clip, frames in zip(coordinates, num_frames.tolist()):
        clip[:, frames:] = 0
    coordinates[1:, 1] = 0
    return Clips(coordinates, num_frames, layout)


@pytest.mark.parametrize('dtype', DTYPES)
def test_joint_stream(dtype):
    clips = random_batch(dtype)
    assert torch.equal(derive_stream(clips, 'joint'), clips.coordinates)


@pytest.mark.parametrize('dtype', DTYPES)
def test_bone_stream_equals_a_loop(dtype):
    clips = random_batch(dtype)
    expected = torch.zeros_like(clips.coordinates)
    for joint, parent in enumerate(clips.layout.parents):
        expected[..., joint, :] = clips.coordinates[..., joint, :]
        expected[..., joint, :] -= clips.coordinates[..., parent, :]
    bones = derive_stream(clips, 'bone')
    assert bones.dtype == dtype
    assert torch.equal(bones, expected)
    assert not bones[..., clips.layout.index(clips.layout.center), :].any()


@pytest.mark.parametrize('dtype', DTYPES)
def test_motion_stream_equals_a_loop(dtype):
    clips = random_batch(dtype)
    expected = torch.zeros_like(clips.coordinates)
    for clip, frames in enumerate(clips.num_frames.tolist()):
        for frame in range(frames - 1):
            here, there = clips.coordinates[clip, :, frame], clips.coordinates[clip, :, frame + 1]
            expected[clip, :, frame] = there - here
    motion = derive_stream(clips, 'motion')
    assert motion.dtype == dtype
    assert torch.equal(motion, expected)
    assert motion[0, 0, :6].all()


@pytest.mark.parametrize('stream', ['joint', 'bone', 'motion'])
def test_padding_and_absent_people_stay_zero(stream):
    clips = random_batch(torch.float32)
    values = derive_stream(clips, stream)
    for clip, frames in zip(values, clips.num_frames.tolist()):
        assert not clip[:, frames:].any()
    assert not values[1:, 1].any()
    assert values[0].any()


@pytest.mark.parametrize('stream', ['joint', 'bone', 'motion'])
def test_streams_leave_the_clips_alone(stream):
    clips = random_batch(torch.float32)
    before = clips.coordinates.clone()
    derive_stream(clips, stream)
    assert torch.equal(clips.coordinates, before)


def test_batch_of_single_frames_does_not_move():
    layout = get_layout('coco17')
    clips = Clips(torch.ones(2, 1, 1, 17, 2), torch.tensor([1, 1]), layout)
    motion = derive_stream(clips, 'motion')
    assert motion.shape == (2, 1, 1, 17, 2)
    assert not motion.any()


@pytest.mark.parametrize('stream', ['bone', 'motion'])
def test_gradients_flow_through(stream):
    clips = random_batch(torch.float64)
    coordinates = clips.coordinates.requires_grad_()
    derive_stream(clips.with_coordinates(coordinates), stream).square().sum().backward()
    assert coordinates.grad[0].any()


def test_unknown_stream_lists_the_known_ones():
    message = r"unknown stream 'velocity'; there are \['bone', 'joint', 'motion'\]"
    with pytest.raises(ValueError, match=message):
        derive_stream(random_batch(torch.float32), 'velocity')
    with pytest.raises(ValueError, match=f'^model.streams: {message}'):
        check_stream('velocity', 'model.streams')


def test_present_and_valid_frames():
    clips = random_batch(torch.float32)
    assert clips.present().sum((1, 2)).tolist() == [14, 1, 4]
    assert clips.valid_frames().sum(1).tolist() == [7, 1, 4]
    assert clips.valid_frames()[2].tolist() == [True] * 4 + [False] * 3
    assert len(clips) == 3
    below = clips.with_coordinates(-clips.coordinates.abs())
    assert torch.equal(below.present(), clips.present())


def test_draws_are_added():
    clips = random_batch(torch.float32)
    first, second, third = (torch.full((3,), float(i)) for i in range(3))
    drawn = clips.with_draws(shift=first, angle=second).with_draws(shift=third)
    assert drawn.draws == {'shift': third, 'angle': second}
    assert clips.draws == {}
