"""Masks of joints over a few frames."""

import pytest
import torch

from halp_mm.models import SkeletonPreprocessor
from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import derive_stream
from halp_mm.training_progress import TrainingProgress
from halp_mm.transforms import SpatioTemporalMask, build_transform
from tests.helpers import generator, random_clips


@pytest.mark.parametrize('ratio', [0.0, 0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize(('frames', 'cell_frames'), [(8, 4), (10, 4), (7, 1), (3, 5)])
def test_every_person_has_as_many_cells_hidden(ratio, frames, cell_frames):
    clips = random_clips((frames,) * 4)
    transform = TRANSFORMS.build(
        dict(type='SpatioTemporalMask', ratio=ratio, cell_frames=cell_frames)
    )
    mask = transform(clips, generator()).draws['mask']
    assert mask.shape == (4, 2, frames, 25)
    assert mask.dtype == torch.bool
    starts = range(0, frames, cell_frames)
    num_cells = 25 * len(starts)
    for person in mask.flatten(0, 1):
        cells = [person[start : start + cell_frames] for start in starts]  # the last is shorter
        for cell in cells:
            assert torch.equal(cell.all(0), cell.any(0)), 'a cell is hidden as a whole'
        assert sum(int(cell[0].sum()) for cell in cells) == num_cells - int(num_cells * (1 - ratio))


def test_draws_are_the_generators_and_each_persons_own():
    clips = random_clips((8,) * 4)
    masks = [
        SpatioTemporalMask()(clips, generator(seed)).draws['mask'].flatten(0, 1)
        for seed in (0, 0, 1)
    ]
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])
    assert len({tuple(mask.flatten().tolist()) for mask in masks[0]}) == 8


def test_all_cells_are_hidden_as_often():
    mask = SpatioTemporalMask(0.3, 2)(random_clips((6,) * 400), generator()).draws['mask']
    shares = mask.float().mean((0, 1))
    assert (shares - 0.3).abs().max() < 0.3 * 0.25


def test_coordinates_stay():
    clips = random_clips((8, 6))
    made = SpatioTemporalMask()(clips, generator())
    assert torch.equal(made.coordinates, clips.coordinates)
    assert clips.draws == {}


@pytest.mark.parametrize(
    ('options', 'message'),
    [(dict(ratio=1.5), r'ratio must be a number within \[0, 1\]'), (dict(cell_frames=0), 'cell_')],
)
def test_wrong_settings(options, message):
    with pytest.raises(ValueError, match=message):
        SpatioTemporalMask(**options)


CROP = [dict(type='TemporalCropResize', min_frames=4, num_frames=8), dict(type='Shear')]
MASK = dict(type='SpatioTemporalMask', ratio=0.5)


def batch_of(**others) -> dict:
    clips = random_clips((12, 5, 9, 10))
    return dict(
        clips=clips.coordinates,
        num_frames=clips.num_frames,
        labels=torch.zeros(4, dtype=torch.long),
        layout=clips.layout,
        normalized=True,
        **others,
    )


def test_streams_are_zero_where_masked_and_start_from_the_draws_of_their_base():
    streams = ['joint', 'bone', 'motion']
    progress = TrainingProgress(2, 9, 4, seed=5)
    preprocessor = SkeletonPreprocessor(
        views=dict(
            clean=CROP, masked=dict(base='clean', transforms=[MASK]), key=CROP, dropped=None
        ),
        streams=streams,
    )
    result = preprocessor(batch_of(progress=progress), training=True)
    views, mask = result['views'], result['draws']['masked']['mask']
    assert list(views) == ['clean', 'masked', 'key']
    assert 'mask' not in result['draws']['clean']
    base = build_transform(CROP)(
        random_clips((12, 5, 9, 10)), progress.generator('cpu', 'view clean')
    )
    for stream in streams:
        assert torch.equal(views['clean'][stream], derive_stream(base, stream))
        hidden = views['masked'][stream][mask]
        assert not hidden.any()
        # What is seen is of the whole clip: motion and bones of shown joints stay as they were.
        assert torch.equal(views['masked'][stream][~mask], views['clean'][stream][~mask])
        assert views['clean'][stream][mask].any()
        assert not torch.equal(views['key'][stream], views['clean'][stream])
    again = preprocessor(batch_of(progress=progress), training=True)['draws']['masked']['mask']
    assert torch.equal(again, mask)


@pytest.mark.parametrize(
    ('view', 'message'),
    [
        (dict(base='clear', transforms=[]), r"'masked' starts from view 'clear'; .* \['clean'\]"),
        (dict(base='clean'), r"view 'masked' has the keys \['base'\]; expected a list of trans"),
        (dict(base='masked', transforms=[]), r"starts from view 'masked'; the views before it"),
    ],
)
def test_wrong_bases(view, message):
    with pytest.raises(ValueError, match=message):
        SkeletonPreprocessor(views=dict(clean=CROP, masked=view))
