"""A long clip in a batch is padded apart from the others, and changes nothing else."""

import tracemalloc

import numpy as np
import pytest
import torch

from halp_mm.clip_draws import PartGenerator, randn_of_frames
from halp_mm.datasets import ClipWriter, SkeletonDataset, pad_clips, padded_clips
from halp_mm.models import SkeletonPreprocessor
from halp_mm.training_progress import TrainingProgress

LENGTHS = [30, 700, 20, 2500, 41, 25, 33, 28]
VIEWS = {
    'crop': [
        dict(type='GaussianNoise', std=0.1),
        dict(type='Shear', amplitude=0.5),
        dict(type='TemporalCropResize', num_frames=16),
        dict(type='JointOffset'),
    ],
    'hidden': [
        dict(type='TemporalCropResize', num_frames=16),
        dict(type='MotionAwareMask', ratio=0.5, cell_frames=4),
    ],
    'same': [
        dict(type='SameDraws', transforms=[dict(type='Rotate'), dict(type='GaussianNoise')]),
        dict(type='CenterCropResize', num_frames=16),
    ],
    'chosen': dict(
        base='crop',
        transforms=[
            dict(type='RandomChoice', transforms=[dict(type='Shear'), dict(type='GaussianBlur')])
        ],
    ),
    'whole': [dict(type='Shear', amplitude=0.5)],
}


@pytest.fixture
def clips(tmp_path):
    draw = np.random.default_rng(0)
    with ClipWriter(tmp_path / 'clips', 'kinect_v2', ['nod'], 'random') as writer:
        for i, frames in enumerate(LENGTHS):
            clip = draw.normal(size=(1 + i % 2, frames, 25, 3))
            writer.add(f'c{i}', clip, 0, ['train'])
    return SkeletonDataset(tmp_path / 'clips', 'train')


def together(batch):
    """The same batch, padded to the longest."""
    return {**batch, 'clips': padded_clips(batch).coordinates, 'groups': None}


def test_groups(clips):
    batch = clips.batch(range(8))
    assert sorted(torch.cat(batch['groups']).tolist()) == list(range(8))
    assert sum(part[:, 0, :, 0, 0].numel() for part in batch['clips']) < 2 * sum(LENGTHS)
    assert {3} in [set(rows.tolist()) for rows in batch['groups']]
    other = pad_clips([clips[i] for i in range(8)])
    for ours, theirs in zip(batch['clips'], other['clips'], strict=True):
        assert torch.equal(ours, theirs)
    whole = padded_clips(batch)
    assert whole.coordinates.shape == (8, 2, 2500, 25, 3)
    assert whole.num_frames.tolist() == LENGTHS
    for i in range(8):
        assert torch.equal(whole.coordinates[i, :, : LENGTHS[i]], clips[i]['clip'])
        assert not whole.coordinates[i, :, LENGTHS[i] :].any()
    assert 'groups' not in clips.batch([0, 2, 4, 5])


@pytest.mark.parametrize('place', [(0, 1, None), (1, 2, 16), (0, 2, 15)])
def test_views_are_the_same(clips, place):
    preprocessor = SkeletonPreprocessor(
        [dict(type='PreNormalize3D')], VIEWS, streams=('joint', 'motion')
    )
    rank, world_size, num_clips = place
    progress = TrainingProgress(
        3, 7, 2, seed=5, rank=rank, world_size=world_size, num_clips=num_clips
    )
    batch = {**clips.batch(range(8)), 'progress': progress}
    whole = together(batch)
    whole.pop('groups')
    ours, theirs = (preprocessor(data, training=True) for data in (batch, whole))
    for name in VIEWS:
        for stream in ('joint', 'motion'):
            torch.testing.assert_close(ours['views'][name][stream], theirs['views'][name][stream])
        assert ours['draws'][name].keys() == theirs['draws'][name].keys()
        for key, draw in ours['draws'][name].items():
            torch.testing.assert_close(draw, theirs['draws'][name][key])
    assert 'mask' in ours['draws']['hidden']
    assert ours['views']['crop']['joint'].shape == (8, 2, 16, 25, 3)
    ours, theirs = (preprocessor(data) for data in (batch, whole))
    torch.testing.assert_close(ours['views']['clip']['joint'], theirs['views']['clip']['joint'])


def test_numbers_of_frames_in_a_part():
    rows = torch.tensor([4, 1])
    generators = [torch.Generator().manual_seed(3) for _ in range(2)]
    whole = randn_of_frames(6, 200, 2, generator=generators[0], device='cpu', frame_dim=1)
    part = PartGenerator(generators[1], rows, 6)
    drawn = randn_of_frames(2, 70, 2, generator=part, device='cpu', frame_dim=1)
    assert torch.equal(drawn, whole[rows, :70])


def test_memory(tmp_path):
    """One clip of 9,000 frames, and without it."""
    peaks = []
    for longest in (60, 9000):
        with ClipWriter(tmp_path / f'{longest}', 'kinect_v2', ['nod'], 'random') as writer:
            for i in range(64):
                frames = longest if i == 9 else 60
                writer.add(f'c{i}', np.ones((2, frames, 25, 3), np.float32), 0, ['train'])
        dataset = SkeletonDataset(tmp_path / f'{longest}', 'train')
        tracemalloc.start()
        batch = dataset.batch(range(64))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    stored = 2 * 9000 * 25 * 3 * 4
    assert batch['clips'][-1].shape[2] == 9000
    assert peaks[1] < peaks[0] + 1.2 * stored
