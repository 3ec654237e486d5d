"""From batches to views and streams."""

import re
from dataclasses import replace

import pytest
import torch

from halp_mm.models import SkeletonPreprocessor, build_preprocessor
from halp_mm.registry import MODELS
from halp_mm.skeletons import derive_stream
from halp_mm.training_progress import TrainingProgress
from halp_mm.transforms import CenterCropResize, Compose, PreNormalize3D, build_transform
from tests.helpers import DTYPES, random_clips

VIEW = [
    dict(type='TemporalCropResize', ratio=(0.3, 1.0), min_frames=3, num_frames=8),
    dict(type='RandomChoice', transforms=[dict(type='Shear'), dict(type='JointCorruption')]),
]
CONFIG = dict(
    type='SkeletonPreprocessor',
    normalization=[dict(type='PreNormalize3D')],
    views=dict(query=VIEW, key=VIEW),
    evaluation_view=[dict(type='CenterCropResize', num_frames=8)],
    streams=['joint', 'motion', 'bone'],
)


def build(**kwargs) -> SkeletonPreprocessor:
    return MODELS.build({**CONFIG, **kwargs})


def batch_of(dtype: torch.dtype = torch.float32, normalized: bool = False) -> dict:
    clips = random_clips((12, 5, 9, 10), dtype=dtype)
    return {
        'clips': clips.coordinates,
        'num_frames': clips.num_frames,
        'labels': torch.tensor([3, 1, 0, 1]),
        'indices': torch.arange(4),
        'layout': clips.layout,
        'normalized': normalized,
    }


@pytest.mark.parametrize('dtype', DTYPES)
def test_evaluation_view(dtype):
    result = build()(batch_of(dtype))
    assert set(result) == {'views', 'draws', 'labels', 'progress'}
    assert result['labels'].tolist() == [3, 1, 0, 1]
    assert list(result['views']) == ['clip']
    clips = CenterCropResize(num_frames=8)(
        PreNormalize3D()(random_clips((12, 5, 9, 10), dtype=dtype))
    )
    for stream in ('joint', 'motion', 'bone'):
        made = result['views']['clip'][stream]
        assert made.dtype == dtype
        assert made.shape == (4, 2, 8, 25, 3)
        assert torch.equal(made, derive_stream(clips, stream))


def test_training_views_are_drawn_once_for_all_streams():
    preprocessor = build()
    progress = TrainingProgress(3, 40, 10, seed=2, rank=1)
    result = preprocessor({**batch_of(), 'progress': progress}, training=True)
    assert result['progress'] is progress
    views = result['views']
    assert list(views) == ['query', 'key']
    normalized = PreNormalize3D()(random_clips((12, 5, 9, 10)))
    for name, view in views.items():
        source = progress.generator(torch.device('cpu'), f'view {name}')
        clips = build_transform(VIEW)(normalized, source)
        assert list(view) == ['joint', 'motion', 'bone']
        for stream, made in view.items():
            assert torch.equal(made, derive_stream(clips, stream))
    assert not torch.equal(views['query']['joint'], views['key']['joint'])


def test_draws_belong_to_the_moment():
    preprocessor = build(streams=['joint'])
    base = TrainingProgress(3, 40, 10, seed=2, rank=1)

    def query(progress: TrainingProgress) -> torch.Tensor:
        batch = {**batch_of(), 'progress': progress}
        return preprocessor(batch, training=True)['views']['query']['joint']

    first = query(base)
    torch.rand(7)
    assert torch.equal(first, query(base))
    for change in (dict(epoch=4), dict(iteration=41), dict(seed=3), dict(rank=0)):
        assert not torch.equal(first, query(replace(base, **change)))
    assert torch.equal(first, query(base))


@pytest.mark.parametrize('training', [False, True])
def test_normalised_samples_are_not_normalised_again(training):
    preprocessor = build()
    views = preprocessor(batch_of(), training)['views']
    batch = batch_of(normalized=True)
    raw = preprocessor(batch, training)['views']
    clips = PreNormalize3D()(random_clips((12, 5, 9, 10)))
    done = preprocessor({**batch, 'clips': clips.coordinates}, training)['views']
    for name in views:
        for stream in views[name]:
            assert torch.equal(views[name][stream], done[name][stream])
            assert not torch.equal(views[name][stream], raw[name][stream])


@pytest.mark.parametrize('training', [False, True])
def test_autocast_does_not_lower_precision(training):
    preprocessor = build()
    expected = preprocessor(batch_of(), training)['views']
    with torch.autocast('cpu', torch.bfloat16):
        views = preprocessor(batch_of(), training)['views']
    for name in views:
        for stream, made in views[name].items():
            assert made.dtype == torch.float32
            assert torch.equal(made, expected[name][stream])


def test_batch_is_left_alone():
    batch = batch_of()
    before = batch['clips'].clone()
    build()(batch, training=True)
    assert torch.equal(batch['clips'], before)


def test_other_views():
    preprocessor = build(streams=['joint'])
    result = preprocessor.make_views(batch_of(), {'a': Compose([]), 'b': CenterCropResize(1.0, 4)})
    assert result['views']['a']['joint'].shape == (4, 2, 12, 25, 3)
    assert result['views']['b']['joint'].shape == (4, 2, 4, 25, 3)
    normalized = PreNormalize3D()(random_clips((12, 5, 9, 10)))
    assert torch.equal(result['views']['a']['joint'], normalized.coordinates)


def test_without_options_clips_stay_as_they_are():
    batch = batch_of()
    result = SkeletonPreprocessor()(batch)
    assert torch.equal(result['views']['clip']['joint'], batch['clips'])
    assert SkeletonPreprocessor()(batch, training=True)['views'] == {}


def test_unknown_stream():
    with pytest.raises(ValueError, match="unknown stream 'velocity'"):
        build(streams=['joint', 'velocity'])


@pytest.mark.parametrize('given', [{}, dict(streams=None)])
def test_a_model_lends_its_streams(given):
    config = {key: value for key, value in CONFIG.items() if key != 'streams'}
    preprocessor = build_preprocessor({**config, **given}, ['bone', 'motion'], ['query', 'key'])
    assert preprocessor.streams == ('bone', 'motion')
    made = preprocessor(batch_of(), training=True)['views']
    assert list(made['key']) == ['bone', 'motion']


def test_own_streams_are_kept():
    assert build_preprocessor(CONFIG, ['bone'], ['query', 'key']).streams == (
        'joint',
        'motion',
        'bone',
    )


def test_no_config_makes_a_preprocessor_for_evaluation():
    preprocessor = build_preprocessor(None, ['motion'], ['query', 'key'])
    assert list(preprocessor(batch_of())['views']['clip']) == ['motion']


def test_streams_or_views_that_a_model_lacks():
    with pytest.raises(ValueError, match=r"has streams \['bone'\]; .* has \['joint'\]"):
        build_preprocessor({**CONFIG, 'streams': ['joint']}, ['bone'], ['query'])
    with pytest.raises(ValueError, match=r"has views \['extreme'\]; .* has \['query', 'key'\]"):
        build_preprocessor(CONFIG, ['bone'], ['extreme'])


def test_a_view_that_nothing_looks_at():
    for name, message in (
        ('qurey', "'qurey', which nothing reads; did you mean 'query'? Correct the name"),
        ('unlike', "'unlike', which nothing reads. Correct the name"),
    ):
        views = {name: [], **CONFIG['views']}
        with pytest.raises(ValueError, match=re.escape(message)):
            build_preprocessor({**CONFIG, 'views': views}, ['bone'], ['query', 'key'])
