"""Synthetic clips in other layouts."""

import numpy as np
import pytest

from halp_mm.datasets import ClipStorage
from halp_mm.skeletons import get_layout
from halp_mm.synthetic import clips, write_synthetic
from halp_mm.synthetic.body import LAYOUT
from halp_mm.synthetic.clips import generate_clip
from halp_mm.synthetic.other_layouts import in_image, in_layout


@pytest.fixture(scope='module')
def clip() -> np.ndarray:
    return generate_clip(seed=0, subject=1, label=0, camera=1, repetition=1).coordinates


def test_the_own_layout_stays(clip):
    assert in_layout(clip, LAYOUT) is clip


@pytest.mark.parametrize('name', ['kinect_v1', 'msr_action3d', 'h36m17'])
def test_joints_of_the_same_name_are_copied(clip, name):
    layout = get_layout(name)
    converted = in_layout(clip, layout)
    assert converted.shape == (*clip.shape[:2], layout.num_joints, 3)
    elbow = converted[:, :, layout.index('left_elbow')]
    assert np.array_equal(elbow, clip[:, :, LAYOUT.index('left_elbow')])


def test_poses_stand_upright_in_the_image(clip):
    layout = get_layout('coco17')
    poses = in_layout(clip, layout)[0]
    assert poses.dtype == np.float32
    assert (poses[..., 2] == 1).all()
    assert (poses[..., 0] > 0).all()
    assert (poses[..., 0] < 1920).all()
    assert (poses[..., 1] > -200).all()
    assert (poses[..., 1] < 1280).all()
    nose, ankle = (poses[0, layout.index(joint), 1] for joint in ('nose', 'left_ankle'))
    assert nose < ankle  # y points down
    left, right = (clip[0, 0, LAYOUT.index(f'{side}_shoulder'), 0] for side in ('left', 'right'))
    sides = (poses[0, layout.index(f'{side}_shoulder'), 0] for side in ('left', 'right'))
    assert np.sign(left - right) == -np.sign(next(sides) - next(sides))


def test_projection_and_absent_people():
    joints = np.array([[[0.5, 1.0, 2.0], [0.0, 0.0, 4.0]], [[0, 0, 0], [0, 0, 0]]], np.float32)
    assert in_image(joints).tolist() == [
        [[960 - 265, 540 - 530, 1], [960, 540, 1]],
        [[0, 0, 0], [0, 0, 0]],
    ]


def test_files_of_poses(tmp_path, monkeypatch):
    few = [generate_clip(0, subject, 0, 1, 1) for subject in (1, 2)]
    monkeypatch.setattr(clips, 'generate_synthetic', lambda seed, repeats: iter(few))
    write_synthetic(tmp_path / 'poses.safetensors', layout='coco17')
    storage = ClipStorage(tmp_path / 'poses.safetensors')
    assert storage.layout == get_layout('coco17')
    assert storage.clip(0).shape[2:] == (17, 3)
    assert storage.clip(1)[..., 2].unique().tolist() == [1]
