"""People who are seen nowhere do not take the place of those who are, on every road in."""

import pickle

import numpy as np
import pytest
import torch

from halp_mm.datasets import (
    ClipStorage,
    ClipWriter,
    SkeletonDataset,
    pad_clips,
    seen_people,
    with_people,
)
from halp_mm.datasets.layout_conversion import convert_data_file
from halp_mm.preparation import prepare_annotations
from halp_mm.skeletons import Clips, convert_joints


def late_clip(seed: int = 0, channels: int = 3) -> np.ndarray:
    """``[4, 6, 25, C]``: nobody in slots 0 and 2."""
    clip = np.random.default_rng(seed).normal(size=(4, 6, 25, channels)).astype(np.float32)
    clip[[0, 2], ..., :3] = 0
    return clip


@pytest.fixture
def data_file(tmp_path):
    path = tmp_path / 'late.safetensors'
    with ClipWriter(path, 'kinect_v2', ['wave'], 'late') as writer:
        for i in range(3):
            writer.add(f'c{i}', late_clip(i), 0, ['train'])
        writer.add('nobody', np.zeros((2, 6, 25, 3)), 0, ['train'])
    return path


@pytest.mark.parametrize('kind', [np.asarray, torch.from_numpy])
@pytest.mark.parametrize('channels', [3, 4])
def test_people_who_are_seen_keep_their_order(kind, channels):
    clip = late_clip(channels=channels)  # a score alone is nobody
    assert np.array_equal(seen_people(kind(clip)), clip[[1, 3]])
    everybody = kind(clip[[1, 3]])
    assert seen_people(everybody) is everybody
    assert seen_people(kind(clip[[0, 2]])).shape == (0, 6, 25, channels)
    assert seen_people(kind(clip[:0])).shape == (0, 6, 25, channels)


@pytest.mark.parametrize(('num_people', 'slots'), [(1, [1]), (2, [1, 3]), (3, [1, 3, None])])
def test_first_people_are_those_who_are_seen(num_people, slots):
    clip = late_clip()
    expected = np.stack([np.zeros((6, 25, 3)) if slot is None else clip[slot] for slot in slots])
    assert np.array_equal(with_people(torch.from_numpy(clip), num_people), expected)


def test_data_file(data_file):
    dataset = SkeletonDataset(data_file, 'train', num_people=1)
    for i in range(3):
        assert np.array_equal(dataset[i]['clip'], late_clip(i)[[1]])
    assert not dataset[3]['clip'].any()
    assert dataset[3]['clip'].shape == (1, 6, 25, 3)


def test_data_file_normalized_once(data_file):
    dataset = SkeletonDataset(data_file, 'train', num_people=1)
    dataset.normalize_once(
        lambda clips: Clips(clips.coordinates + 1, clips.num_frames, clips.layout)
    )
    batch = pad_clips([dataset[i] for i in range(3)])
    assert np.array_equal(batch['clips'], np.stack([late_clip(i)[[1]] + 1 for i in range(3)]))


def test_layout_conversion(data_file, tmp_path):
    convert_data_file(data_file, 'kinect_v1', tmp_path / 'out')
    storage = ClipStorage(tmp_path / 'out')
    assert storage.block.num_people.tolist() == [2, 2, 2, 1]
    for i in range(3):
        people = torch.from_numpy(late_clip(i)[[1, 3]])
        assert torch.equal(storage.clip(i), convert_joints(people, 'kinect_v2', 'kinect_v1'))


def test_pickle(tmp_path, capsys):
    annotations = [
        {'frame_dir': f'c{i}', 'label': 0, 'total_frames': 6, 'keypoint': late_clip(i)}
        for i in range(3)
    ]
    nobody = {**annotations[0], 'frame_dir': 'nobody', 'keypoint': np.zeros((2, 6, 25, 3))}
    content = {
        'split': {'train': ['c0', 'c1', 'nobody', 'c2']},
        'annotations': [annotations[0], nobody, *annotations[1:]],
    }
    path = tmp_path / 'late.pkl'
    path.write_bytes(pickle.dumps(content))
    summary = prepare_annotations(path, tmp_path / 'out', 'kinect_v2')
    assert summary.left_out == {'nobody is seen in any frame': ['nobody']}
    for data_file, layout in ((tmp_path / 'out', None), (path, 'kinect_v2')):
        dataset = SkeletonDataset(data_file, 'train', num_people=1, layout=layout)
        assert dataset.names == ['c0', 'c1', 'c2']
        for i in range(3):
            assert np.array_equal(dataset[i]['clip'], late_clip(i)[[1]])
