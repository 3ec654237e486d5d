"""Clips in both splits, and units, on real files."""

import numpy as np
import pytest

from halp_mm.datasets import ClipWriter, SkeletonDataset, split_comparison
from halp_mm.datasets.split_comparison import compare_clips, compare_units, find_shared_clips


def write(path, clips, prefix='clip', layout='kinect_v2', splits=()):
    with ClipWriter(path, layout, ['sit', 'stand'], 'mine') as writer:
        for i, clip in enumerate(clips):
            names = splits[i] if splits else ['train', 'test']
            writer.add(f'{prefix}{i}', clip, label=i % 2, splits=names)
    return path


@pytest.fixture
def clips():
    generator = np.random.default_rng(0)
    return [generator.normal(size=(1 + i % 2, 10 + i, 25, 3)).astype(np.float32) for i in range(8)]


def shared(train, test):
    found = find_shared_clips(SkeletonDataset(*train), SkeletonDataset(*test))
    return found.identical, found.alike, found.num_compared


def test_the_same_clip_under_other_split_names(clips, tmp_path):
    splits = [['train'], ['train', 'probe'], ['probe'], *[['train']] * 5]
    path = write(tmp_path / 'a.safetensors', clips, splits=splits)
    assert shared((path, 'train'), (path, 'probe')) == (['clip1'], [], 2)


def test_the_same_content_under_another_name(clips, tmp_path):
    train = write(tmp_path / 'a.safetensors', clips[:4])
    test = write(tmp_path / 'b.safetensors', [clips[5], clips[2]], prefix='other')
    assert shared((train, 'train'), (test, 'test')) == (['other1'], [], 2)


def test_the_same_name_in_another_file_needs_the_same_length(clips, tmp_path):
    train = write(tmp_path / 'a.safetensors', clips[:4])
    test = write(tmp_path / 'b.safetensors', [clips[0] * 1000, clips[5]])
    assert shared((train, 'train'), (test, 'test')) == ([], ['clip0'], 2)
    pair = SkeletonDataset(train, 'train'), SkeletonDataset(test, 'test')
    (sentence,) = compare_clips(*pair, allowed=False)
    assert '1 of the 2 test clips' in sentence
    assert 'If they are the same, accuracies will be too high' in sentence


def test_of_many_clips_some_lengths_are_compared(clips, tmp_path, monkeypatch):
    monkeypatch.setattr(split_comparison, '_MAX_COMPARED', 4)
    train = write(tmp_path / 'a.safetensors', clips)
    test = write(tmp_path / 'b.safetensors', clips, prefix='other')
    names, _, compared = shared((train, 'train'), (test, 'test'))
    assert (names, compared) == ([f'other{i}' for i in (0, 2, 4, 6)], 4)


@pytest.mark.parametrize('frames', [11, 12])
def test_of_many_clips_of_one_length_some_are_compared(frames, tmp_path, monkeypatch):
    monkeypatch.setattr(split_comparison, '_MAX_COMPARED', 2)
    clips = np.random.default_rng(0).normal(size=(8, 1, frames, 25, 3)).astype(np.float32)
    train = write(tmp_path / 'a.safetensors', clips)
    test = write(tmp_path / 'b.safetensors', clips, prefix='other')
    names, _, compared = shared((train, 'train'), (test, 'test'))
    assert (names, compared) == (['other0', 'other4'], 2)


def test_all_test_clips_are_refused_unless_allowed(clips, tmp_path):
    path = write(tmp_path / 'a.safetensors', clips)
    train, test = SkeletonDataset(path, 'train'), SkeletonDataset(path, 'test')
    with pytest.raises(ValueError, match=r'8 of the 8 test clips .* set train_on_test_clips=True'):
        compare_clips(train, test, allowed=False)
    (sentence,) = compare_clips(train, test, allowed=True)
    assert sentence.endswith('Accuracies will be too high')


def test_nothing_is_said_of_different_clips(clips, tmp_path):
    train = write(tmp_path / 'a.safetensors', clips[:4])
    test = write(tmp_path / 'b.safetensors', clips[4:], prefix='other')
    pair = SkeletonDataset(train, 'train'), SkeletonDataset(test, 'test')
    assert compare_clips(*pair, allowed=False) == []
    assert compare_units(*pair) is None


def test_metres_and_millimetres(clips, tmp_path):
    train = write(tmp_path / 'a.safetensors', clips[:4])
    test = write(tmp_path / 'b.safetensors', [clip * 1000 for clip in clips[4:]], prefix='other')
    pair = SkeletonDataset(train, 'train'), SkeletonDataset(test, 'test')
    pair[0].normalize_once(lambda batch: batch.with_coordinates(batch.coordinates * 1000))
    assert 'likely metres and millimetres' in compare_units(*pair)
