"""The views of SkeletonCLR and AimCLR, from a data file to what an encoder takes."""

import torch
from mmengine.config import Config

from halp_mm.datasets import SkeletonDataset, pad_clips
from halp_mm.registry import MODELS
from tests.runs import ROOT

METHODS = ROOT / 'configs/_base_/methods'
NORMAL = [dict(type='TemporalShiftCrop', padding_ratio=6), dict(type='Shear', amplitude=0.5)]


def views_of(name: str, data_file, training: bool) -> dict:
    config = Config.fromfile(METHODS / f'{name}.py')
    preprocessor = MODELS.build(config.data_preprocessor)
    dataset = SkeletonDataset(data_file, 'train')
    return preprocessor(pad_clips([dataset[i] for i in range(5)]), training=training)['views']


def test_views_of_the_papers():
    skeletonclr, aimclr = (
        Config.fromfile(METHODS / f'{name}.py').data_preprocessor.to_dict()
        for name in ('skeletonclr', 'aimclr')
    )
    assert skeletonclr['views'] == dict(query=NORMAL, key=NORMAL)
    extreme = aimclr['views'].pop('extreme')
    assert aimclr == skeletonclr
    assert extreme[:2] == NORMAL
    half = [t for t in extreme[2:] if t['type'] == 'RandomChoice']
    always = [t for t in extreme[2:] if t['type'] != 'RandomChoice']
    assert always == [dict(type='Rotate', main_degrees=(0, 30), other_degrees=(0, 1))]
    assert all(t['probabilities'] == [0.5] for t in half)
    assert [t['transforms'] for t in half] == [
        [dict(type='SpatialFlip')],
        [dict(type='GaussianNoise', std=0.01)],
        [dict(type='GaussianBlur', kernel_size=15, sigma=(0.1, 2.0))],
        [dict(type='AxisMask')],
        [dict(type='TemporalFlip')],
    ]


def test_aimclr_makes_three_views(random_clips):
    views = views_of('aimclr', random_clips, training=True)
    assert set(views) == {'query', 'key', 'extreme'}
    clips = [streams['joint'] for streams in views.values()]
    for view in clips:
        assert view.shape == (5, 2, 50, 25, 3)
        assert view.isfinite().all()
    for i, view in enumerate(clips):
        for other in clips[:i]:
            assert not torch.equal(view, other)
    # Who is absent from one view is absent from all.
    people = [view.flatten(2).any(-1) for view in clips]
    assert torch.equal(people[0], people[1])
    assert torch.equal(people[0], people[2])
    assert not people[0].all()


def test_evaluation_sees_the_normalized_clips(random_clips):
    first, second = (
        views_of(name, random_clips, training=False)['clip']['joint']
        for name in ('skeletonclr', 'aimclr')
    )
    assert first.shape == (5, 2, 50, 25, 3)
    assert torch.equal(first, second)
    center = 20
    assert not first[..., center, :].any()
