"""Rotation and crops against the release of MAMP."""

import torch

from halp_mm.skeletons import Clips, get_layout
from halp_mm.transforms import CenterCropResize, TemporalCropResize
from halp_mm.transforms.spatial import map_coordinates, rotations
from tests.helpers import assert_relative, reference

RELEASED = reference('mamp_augment_released')


def in_clip_order(coordinates: torch.Tensor) -> torch.Tensor:
    """``[C, T, V, M]`` to ``[1, M, T, V, C]``."""
    return coordinates.permute(3, 1, 2, 0)[None]


def released_clips() -> Clips:
    coordinates = in_clip_order(RELEASED['input_CTVM'])
    frames = int(RELEASED['valid_frames'])
    # Crops look only at the frames; the release's file has every fourth joint.
    joints = [f'joint {i}' for i in range(coordinates.shape[3])]
    bones = [(joints[0], joint) for joint in joints[1:]]
    layout = get_layout(dict(name='some', joints=joints, bones=bones, center=joints[0]))
    return Clips(coordinates, torch.tensor([frames]), layout)


def test_rotation_equals_the_release():
    rotated = in_clip_order(RELEASED['rotated_first10'])
    clips = in_clip_order(RELEASED['input_CTVM'])[:, :, : rotated.shape[2]]
    assert_relative(map_coordinates(clips, rotations(RELEASED['angles'][None])), rotated, 1e-5)


def test_center_crop_equals_the_release():
    made = CenterCropResize(0.95, num_frames=120)(released_clips()).coordinates
    assert_relative(made, in_clip_order(RELEASED['centre_crop95_to120']), 1e-5)


def test_random_crop_equals_the_release():
    clips = released_clips()
    frames = int(clips.num_frames[0])
    ratio = 0.5 + 0.5 * float(RELEASED['crop_draw'])
    length = torch.tensor([min(max(int(frames * ratio), 64), frames)])
    crop = TemporalCropResize((0.5, 1.0), num_frames=120, min_frames=64)
    made = crop.apply(clips, start=RELEASED['crop_start'].view(1), length=length).coordinates
    assert_relative(made, in_clip_order(RELEASED['random_crop_to120']), 1e-5)
