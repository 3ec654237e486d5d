"""Compose, RandomChoice, and what every transform promises."""

from dataclasses import replace

import pytest
import torch
from scipy import stats

from halp_mm import waiting
from halp_mm.clip_draws import ClipGenerator
from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips
from halp_mm.testing import check_transform
from halp_mm.transforms import (
    AxisMask,
    BatchTransform,
    CenterCropResize,
    Compose,
    GaussianBlur,
    GaussianNoise,
    JointCorruption,
    JointFrameMask,
    LimbScaling,
    RandomChoice,
    RandomMove,
    RandomTransform,
    Rotate,
    Shear,
    SpatioTemporalMask,
    TemporalCropResize,
    TemporalCropSample,
    TemporalShiftCrop,
    build_transform,
)
from tests.helpers import DTYPES, clip_of, generator, random_clips
from tests.test_models.test_no_waiting import RefuseToWait

CONFIGS = [
    dict(type='TemporalCropResize', ratio=(0.3, 1.0), num_frames=8, min_frames=2),
    dict(type='CenterCropResize', ratio=0.8, num_frames=8),
    dict(type='Shear', amplitude=0.7),
    dict(type='JointCorruption', joint_ratio=0.4),
    dict(type='TemporalShiftCrop', padding_ratio=3),
    dict(type='TemporalFlip'),
    dict(type='SpatialFlip'),
    dict(type='Rotate', main_degrees=(10, 80), other_degrees=(0, 5)),
    dict(type='RecordedRotate', main_degrees=(10, 80)),
    dict(type='GaussianNoise', std=0.1),
    dict(type='GaussianBlur', kernel_size=5, sigma=(0.5, 2.0)),
    dict(type='AxisMask'),
    dict(type='PreNormalize3D'),
    dict(type='ViewInvariantNormalize3D'),
    dict(type='RelativeNormalize3D', num_frames=8),
    dict(type='ConvertLayout', layout='kinect_v2'),
    dict(type='RandomChoice', transforms=[dict(type='Shear'), dict(type='JointCorruption')]),
    dict(type='Compose', transforms=[dict(type='Shear'), dict(type='JointCorruption')]),
    dict(type='SameDraws', transforms=[dict(type='Shear'), dict(type='JointCorruption')]),
    dict(type='SubtractJoint', joint='left_hip'),
    dict(type='RandomMove'),
    dict(type='JointOffset', std=0.1),
    dict(type='PoseNoise', num_joints=(2, 4)),
    dict(type='PoseStandardize'),
    dict(type='LimbScaling'),
    dict(type='Jigsaw'),
    dict(type='JointFrameMask', num_joints=(5, 15), num_frames_of_short_clips=(3, 6)),
]
#: What needs another layout, leaves coordinates alone, or changes lengths, is tested in files of
#: its own.
ELSEWHERE = {'PreNormalize2D', 'SpatioTemporalMask', 'FixedLength', 'MotionFrameDrop'}
ELSEWHERE |= {'NeighbourWeightedJointMask', 'FirstFrameNormalize', 'MotionAwareMask'}
ELSEWHERE |= {'MinMaxNormalize', 'StrideFrames', 'CenterTrajectory', 'TemporalMask'}
ELSEWHERE |= {'RandomPerson', 'SemanticTubeMask', 'TemporalCrop', 'TemporalCropSample'}
ELSEWHERE |= {'MirroredRepeat', 'FrameChoice', 'TemporalStretch'}
RANDOM = [
    TemporalCropResize((0.3, 1.0), 8, 2),
    Shear(),
    JointCorruption(0.6),
    TemporalShiftCrop(3),
    Rotate(),
    GaussianNoise(),
    GaussianBlur(),
    GaussianBlur(normalize=True),
    AxisMask(),
    JointFrameMask((2, 6), (8, 12), (3, 6)),
    RandomMove(),
    LimbScaling(),
    TemporalCropSample((0.3, 1.0), 4, 2),
]
NORMALIZATIONS = ('PreNormalize3D', 'ViewInvariantNormalize3D', 'RelativeNormalize3D')
DETERMINISTIC = (
    'CenterCropResize',
    'TemporalFlip',
    'SpatialFlip',
    'SubtractJoint',
    'PoseStandardize',
)
MOVE_FRAMES = ('TemporalShiftCrop', 'TemporalFlip', 'Jigsaw')
FLAT = [
    c
    for c in CONFIGS
    if c['type'] not in ('ConvertLayout', 'Rotate', 'RecordedRotate', *NORMALIZATIONS)
]
SAME_SHAPE = [c for c in FLAT if not c['type'].endswith('CropResize')]
HALF_THE_TIME = [
    c
    for c in CONFIGS
    if c['type'] in ('TemporalFlip', 'SpatialFlip', 'GaussianNoise', 'GaussianBlur', 'AxisMask')
]


def name_of(value) -> str:
    return value['type'] if isinstance(value, dict) else type(value).__name__


class Add(BatchTransform):
    """Adds a number."""

    def __init__(self, number: float) -> None:
        self.number = number

    def __call__(self, clips, generator=None):
        return clips.with_coordinates(clips.coordinates + self.number)


class Double(BatchTransform):
    """Doubles everything."""

    def __call__(self, clips, generator=None):
        return clips.with_coordinates(clips.coordinates * 2)


@pytest.mark.parametrize('config', CONFIGS, ids=name_of)
def test_every_transform_is_built_from_its_config(config):
    transform = build_transform(config)
    assert type(transform).__name__ == config['type']
    assert type(TRANSFORMS.build(config)) is type(transform)
    assert build_transform(transform) is transform
    random = config['type'] not in ('ConvertLayout', *DETERMINISTIC, *NORMALIZATIONS)
    assert transform.is_random == random


def test_every_transform_is_listed_here():
    import halp_mm.transforms as package

    classes = {
        name
        for name in package.__all__
        if isinstance(getattr(package, name), type) and name in TRANSFORMS.module_dict
    }
    concrete = {
        name
        for name in package.__all__
        if isinstance(getattr(package, name), type)
        and name not in ('BatchTransform', 'RandomTransform', 'CellMask')
    }
    assert classes == concrete == {config['type'] for config in CONFIGS} | ELSEWHERE


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('config', CONFIGS, ids=name_of)
def test_shape_dtype_zeros_and_untouched_input(config, dtype):
    clips = random_clips((12, 1, 7), dtype=dtype)
    clips.coordinates[0, :, 4] = 0  # nobody was seen in this frame
    before = clips.coordinates.clone()
    result = build_transform(config)(clips, generator())
    assert torch.equal(clips.coordinates, before)
    resized = 'num_frames' in config
    assert result.coordinates.shape == (3, 2, 8 if resized else 12, 25, 3)
    assert result.coordinates.dtype == dtype
    assert result.num_frames.tolist() == ([8, 8, 8] if resized else [12, 1, 7])
    assert not result.coordinates[1:, 1].any()
    assert not (result.coordinates * ~result.valid_frames()[:, None, :, None, None]).any()
    assert result.coordinates[0].any()
    if not resized and config['type'] not in (*MOVE_FRAMES, *NORMALIZATIONS):
        assert not result.coordinates[0, :, 4].any()


@pytest.mark.parametrize('config', CONFIGS, ids=name_of)
def test_contract(config):
    check_transform(build_transform(config))


@pytest.mark.parametrize('config', CONFIGS, ids=name_of)
def test_without_a_generator_pytorchs_own_is_used(config):
    clips = random_clips((12, 1, 7, 9, 10))
    transform = build_transform(config)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        first = transform(clips).coordinates
        torch.manual_seed(3)
        assert torch.equal(transform(clips).coordinates, first)


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('transform', RANDOM, ids=name_of)
def test_a_clip_is_treated_alone_as_in_a_batch(transform, dtype):
    assert isinstance(transform, RandomTransform)
    clips = random_clips((12, 1, 7, 9), dtype=dtype)
    draws = transform.draw(clips, generator())
    together = transform.apply(clips, **draws)
    assert torch.equal(together.coordinates, transform(clips, generator()).coordinates)
    for i in range(len(clips)):
        alone = transform.apply(clip_of(clips, i), **{k: v[i : i + 1] for k, v in draws.items()})
        frames = int(alone.num_frames[0])
        assert frames == together.num_frames[i]
        torch.testing.assert_close(
            alone.coordinates[0], together.coordinates[i, :, :frames], rtol=0, atol=1e-6
        )


@pytest.mark.parametrize('transform', [*RANDOM, SpatioTemporalMask()], ids=name_of)
def test_two_processes_draw_what_one_would(transform):
    clips = random_clips((12, 1, 7, 9))
    whole = transform.draw(clips, ClipGenerator('cpu', 0, 5, 0, 1))
    for rank in (0, 1):
        own = replace(clips, coordinates=clips.coordinates[rank::2])
        own = replace(own, num_frames=clips.num_frames[rank::2])
        draws = transform.draw(own, ClipGenerator('cpu', 1 + rank, 5, rank, 2))
        assert draws.keys() == whole.keys()
        for name, draw in draws.items():
            assert torch.equal(draw, whole[name][rank::2]), name


@pytest.mark.parametrize('type_', [*DETERMINISTIC, 'PreNormalize3D'])
def test_deterministic_transforms_treat_a_clip_alone_as_in_a_batch(type_):
    transform = build_transform(dict(type=type_))
    clips = random_clips((12, 1, 7, 9), dtype=torch.float64)
    together = transform(clips)
    for i in range(len(clips)):
        alone = transform(clip_of(clips, i))
        frames = int(alone.num_frames[0])
        torch.testing.assert_close(
            alone.coordinates[0], together.coordinates[i, :, :frames], rtol=0, atol=1e-12
        )


@pytest.mark.parametrize(
    'config',
    [
        *CONFIGS,
        dict(type='FixedLength', num_frames=9),
        dict(type='FixedLength', num_frames=20, fill='repeat'),
        dict(type='MotionFrameDrop', num_frames=3),
        dict(type='NeighbourWeightedJointMask'),
    ],
    ids=name_of,
)
def test_no_transform_waits_for_the_device(config):
    clips = random_clips((12, 1, 7))
    transform = build_transform(config)
    # As on a CPU, up to rounding; what does not change with the clips is made once, here.
    expected = transform(clips, generator()).coordinates
    with RefuseToWait():
        result = transform(clips, generator())
    torch.testing.assert_close(result.coordinates, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize('config', FLAT, ids=name_of)
def test_scores_of_2d_layouts_are_left_alone(config):
    clips = random_clips((8, 8, 8, 8, 8, 8), layout='coco17')
    clips.coordinates[..., 2] = 0.25
    result = build_transform(config)(clips, generator()).coordinates
    assert (result[..., 2] == 0.25).all()
    if config['type'] != 'CenterCropResize':
        assert not torch.equal(result[..., :2], clips.coordinates[..., :2])


@pytest.mark.parametrize('config', FLAT, ids=name_of)
def test_2d_layouts_without_score(config):
    clips = random_clips((8, 3), layout='coco17', channels=2)
    result = build_transform(config)(clips, generator()).coordinates
    assert result.shape == (2, 2, 8, 17, 2)


def test_compose_applies_in_order():
    clips = random_clips(dtype=torch.float64)
    result = Compose([Add(1.0), Double(), Add(-3.0)])(clips).coordinates
    assert torch.equal(result, (clips.coordinates + 1) * 2 - 3)


def test_compose_of_nothing_changes_nothing():
    clips = random_clips()
    compose = build_transform([])
    assert compose(clips) is clips
    assert not compose.is_random


def test_nested_compose_shares_one_generator():
    clips = random_clips((5, 4, 3))
    nested = build_transform([[dict(type='Shear')], [[dict(type='Shear')]]])
    assert nested.is_random
    assert not build_transform([[dict(type='CenterCropResize')]]).is_random
    source, shear = generator(), Shear()
    expected = shear(shear(clips, source), source).coordinates
    assert torch.equal(nested(clips, generator()).coordinates, expected)


@pytest.mark.parametrize('probabilities', [None, (0.5, 0.3, 0.2), (0.1, 0.0, 0.4), (0, 0, 0)])
def test_choice_probabilities_and_no_mixing(probabilities):
    clips = random_clips((4,) * 6000, people=1, channels=3)
    coordinates = clips.coordinates[:, :, :, :2]
    clips = Clips(coordinates, clips.num_frames, clips.layout)
    choice = RandomChoice([Add(10.0), Add(100.0), Double()], probabilities)
    result = choice(clips, generator()).coordinates
    candidates = [coordinates + 10, coordinates + 100, coordinates * 2, coordinates]
    # Every clip is one transform's result as a whole, never a mixture.
    which = torch.stack([(result == c).flatten(1).all(1) for c in candidates])
    assert (which.sum(0) == 1).all()
    expected = list(probabilities or [1 / 3] * 3)
    expected.append(max(0.0, 1 - sum(expected)))
    counts = which.sum(1).tolist()
    for count, probability in zip(counts, expected):
        if probability < 1e-9:
            assert count == 0
        else:
            assert stats.binomtest(count, 6000, min(probability, 1.0)).pvalue > 1e-3


@pytest.mark.parametrize('config', HALF_THE_TIME, ids=name_of)
def test_a_choice_of_one_transform_applies_it_half_of_the_time(config):
    clips = random_clips((6, 4) * 200)
    choice = RandomChoice([config], [0.5])
    result = choice(clips, generator(4))
    assert torch.equal(result.num_frames, clips.num_frames)
    source = generator(4)
    torch.rand(400, generator=source)  # the choices
    applied = build_transform(config)(clips, source).coordinates
    which = torch.stack(
        [(result.coordinates == c).flatten(1).all(1) for c in (applied, clips.coordinates)]
    )
    assert (which.sum(0) == 1).all()
    assert stats.binomtest(int(which[0].sum()), 400, 0.5).pvalue > 1e-3


def test_choice_of_nothing_changes_nothing():
    clips = random_clips()
    assert torch.equal(RandomChoice([])(clips, generator()).coordinates, clips.coordinates)


def test_choice_hands_the_generator_on():
    clips = random_clips((5,) * 50)
    result = RandomChoice([Shear()], [1.0])(clips, generator(4)).coordinates
    source = generator(4)
    torch.rand(50, 1, 1, 1, 1, generator=source)
    assert torch.equal(result, Shear()(clips, source).coordinates)


@pytest.mark.parametrize(
    ('probabilities', 'message'),
    [
        ((0.5,), 'probabilities must be 2'),
        ((0.5, -0.1), 'probabilities must be a finite number of at least 0'),
        ((0.6, 0.6), 'add up to more than 1'),
    ],
)
def test_choice_errors(probabilities, message):
    with pytest.raises(ValueError, match=message):
        RandomChoice([Shear(), JointCorruption()], probabilities)


def test_views_of_the_method_resize_to_64_frames():
    view = build_transform(
        [
            dict(type='TemporalCropResize'),
            dict(
                type='RandomChoice', transforms=[dict(type='Shear'), dict(type='JointCorruption')]
            ),
        ]
    )
    result = view(random_clips((80, 3, 64)), generator())
    assert result.coordinates.shape == (3, 2, 64, 25, 3)
    center = CenterCropResize()(random_clips((80, 3, 64)))
    assert center.coordinates.shape == (3, 2, 64, 25, 3)


def test_same_draws_for_all_clips_of_a_batch():
    one = random_clips([20], people=1)
    clips = Clips(one.coordinates.expand(6, -1, -1, -1, -1), one.num_frames.expand(6), one.layout)
    transforms = [
        dict(type='TemporalCropResize', min_frames=4, num_frames=8),
        dict(type='GaussianNoise', std=0.1),
        dict(type='RandomChoice', transforms=[dict(type='Shear')], probabilities=[0.5]),
    ]
    own = build_transform(transforms)(clips, generator()).coordinates
    assert not torch.equal(own[0], own[1])
    together = build_transform(dict(type='SameDraws', transforms=transforms))
    assert together.is_random
    shared = together(clips, generator()).coordinates
    assert all(torch.equal(shared[0], other) for other in shared)
    assert torch.equal(together(clips, generator()).coordinates, shared)
    assert not torch.equal(together(clips, generator(1)).coordinates, shared)
    # Two processes share them as well.
    sources = [ClipGenerator('cpu', rank, 3, rank, 2) for rank in range(2)]
    first, second = (together(clips, source).coordinates for source in sources)
    assert torch.equal(first, second)


@pytest.mark.parametrize('probability', [0.0, 0.4, 1.0])
@pytest.mark.parametrize('config', SAME_SHAPE, ids=name_of)
def test_choice_on_a_cpu_is_that_on_a_gpu(config, probability, monkeypatch):
    """Same draws, same results, also for what is drawn afterwards."""
    results = []
    for may_ask in (True, False):
        monkeypatch.setattr(waiting, 'may_ask', lambda device, may_ask=may_ask: may_ask)
        source = generator(4)
        choice = RandomChoice([config, dict(type='Shear')], [probability, (1 - probability) / 2])
        chosen = choice(random_clips((5, 9, 12, 12, 7)), source).coordinates
        results.append((chosen, torch.rand(3, generator=source)))
    torch.testing.assert_close(*results, rtol=1e-5, atol=1e-6)
