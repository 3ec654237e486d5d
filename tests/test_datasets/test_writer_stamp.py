"""Coordinates are looked at when a file is made, and again if it is not as it was made."""

import os
import shutil

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from halp_mm.datasets import ClipStorage, ClipWriter, SkeletonDataset, pad_clips
from halp_mm.datasets.coordinate_checks import describe_bad_coordinates
from tests.conftest import write_random_clips


@pytest.fixture
def looked_at(monkeypatch):
    """How many clips the data set has looked at."""
    clips = []

    def look(clip):
        clips.append(clip)
        return describe_bad_coordinates(clip)

    monkeypatch.setattr('halp_mm.datasets.skeleton_dataset.describe_bad_coordinates', look)
    return clips


def read_all(path):
    dataset = SkeletonDataset(path, 'train')
    return [dataset.batch(range(8)), *dataset]


def test_a_file_as_it_was_made_is_not_looked_at_again(random_clips, tmp_path, looked_at):
    before = os.stat(random_clips).st_mtime
    read_all(random_clips)
    random_clips.rename(tmp_path / 'renamed')
    shutil.copy2(tmp_path / 'renamed', tmp_path / 'copy with times')
    for name in ('renamed', 'copy with times'):
        assert ClipStorage(tmp_path / name).is_checked
        read_all([tmp_path / name])
    assert looked_at == []
    assert 0 < os.stat(tmp_path / 'renamed').st_ctime - before < 60


def test_the_stamp_is_not_in_the_content(tmp_path):
    files = [write_random_clips(tmp_path / name) for name in 'ab']
    assert files[0].read_bytes() == files[1].read_bytes()
    times = [os.stat(file).st_mtime_ns % 10**9 for file in files]
    assert times[0] == times[1] > 0
    other = write_random_clips(tmp_path / 'c', num_clips=11)
    assert os.stat(other).st_mtime_ns % 10**9 != times[0]


@pytest.mark.parametrize('change', ['copied', 'written to', 'saved by another', 'put in its place'])
def test_any_other_file_is_looked_at(random_clips, tmp_path, looked_at, change):
    if change == 'copied':
        shutil.copy(random_clips, tmp_path / 'copy')
        random_clips = tmp_path / 'copy'
    elif change == 'written to':
        with random_clips.open('r+b') as file:
            head = file.read(8)
            file.seek(0)
            file.write(head)
    elif change == 'saved by another':
        with safe_open(random_clips, framework='pt') as file:
            tensors = {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118
            metadata = file.metadata()
        save_file(tensors, random_clips, metadata)
    else:
        (tmp_path / 'other').write_bytes(random_clips.read_bytes())
        (tmp_path / 'other').replace(random_clips)
    read_all(random_clips)
    assert len(looked_at) == 16
    mixed = [random_clips, write_random_clips(tmp_path / 'good')]
    assert not SkeletonDataset(mixed, 'train')._storage.is_checked


def test_a_batch_names_file_and_clip(random_clips):
    dataset = SkeletonDataset(random_clips, 'train')
    clip = ClipStorage(random_clips).clip(5).numpy()
    content = random_clips.read_bytes()
    bad = np.where(np.arange(clip.size).reshape(clip.shape) == 7, np.nan, clip).astype(np.float32)
    random_clips.write_bytes(content.replace(clip.tobytes(), bad.tobytes()))
    assert dataset.batch([2, 3])['clips'].isfinite().logical_not().sum() == 1  # it was good
    dataset = SkeletonDataset(random_clips, 'train')
    with pytest.raises(ValueError, match=r"random\.safetensors: clip 'clip005' has 1 coordinates"):
        dataset.batch([2, 3])
    for keep in (dataset.keep_on, lambda device: dataset.normalize_once(lambda clips: clips)):
        with pytest.raises(ValueError, match=r"random\.safetensors: clip 'clip005' has 1 coord"):
            keep('cpu')


@pytest.mark.parametrize('kind', ['file', 'without preadv', 'several files', 'on a device'])
@pytest.mark.parametrize('num_people', [1, 2, 4])
def test_a_batch_is_its_samples(tmp_path, kind, num_people, monkeypatch):
    if kind == 'without preadv':
        monkeypatch.delattr(os, 'preadv')
    generator = np.random.default_rng(0)
    files = [str(tmp_path / name) for name in 'ab']
    for file in files:
        with ClipWriter(file, 'coco17', ['nod'], file[-1:]) as writer:
            for i in range(9):
                clip = generator.normal(size=(1 + i % 3, 4 + i, 17, 3))
                if i % 4 == 1:
                    clip[0] = 0  # never seen
                if i % 4 == 2:
                    clip[0, :2], clip[-1, 2:] = 0, 0  # seen later, and seen first
                if i == 8:
                    clip[1, ..., :2] = 0  # a score alone is nobody
                writer.add(f'{i}', clip, 0 if i % 2 else None, ['all'])
    dataset = SkeletonDataset(files if kind == 'several files' else files[0], 'all', num_people)
    if kind == 'on a device':
        dataset.keep_on('cpu')
    for part in (dataset, dataset.labelled()):
        for indices in ([3, 0, 2, 1, 3], list(range(len(part)))):
            ours, theirs = part.batch(indices), pad_clips([part[i] for i in indices])
            assert ours.keys() == theirs.keys()
            for key in ('clips', 'num_frames', 'labels', 'indices'):
                assert torch.equal(ours[key], theirs[key]), key
                assert ours[key].dtype == theirs[key].dtype
            assert (ours['layout'], ours['normalized']) == (theirs['layout'], theirs['normalized'])
    with pytest.raises(IndexError):
        dataset.batch([0, len(dataset)])
