"""The stretch of time and the shear of GL-Transformer, against its release and loops."""

import numpy as np
import pytest
import torch

from halp_mm.skeletons import Clips, get_layout
from halp_mm.testing import check_transform
from halp_mm.transforms import Shear, TemporalStretch
from tests.helpers import assert_relative, generator, random_clips, reference
from tests.test_models.test_no_waiting import RefuseToWait

RELEASED = reference('gltransformer_augment_released')


def in_clip_order(coordinates: torch.Tensor) -> torch.Tensor:
    """``[C, T, V, M]`` to ``[1, M, T, V, C]``."""
    return coordinates.permute(3, 1, 2, 0)[None]


def released_clips() -> Clips:
    coordinates = in_clip_order(RELEASED['input_CTVM'])
    return Clips(coordinates, torch.tensor([coordinates.shape[2]]), get_layout('kinect_v2'))


def test_stretch_equals_the_release():
    clips = released_clips()
    shorter, change = RELEASED['interpolate_draws'].tolist()
    amplitude = float(RELEASED['interpolate_ratio'])
    factor = 1 - amplitude * change if shorter > 0.5 else 1 + amplitude * change
    made = TemporalStretch(amplitude).apply(clips, factor=torch.tensor([factor]))
    expected = in_clip_order(RELEASED['interpolated'])
    assert int(made.num_frames) == expected.shape[2]
    assert_relative(made.coordinates[:, :, : expected.shape[2]], expected, 1e-5)
    assert not made.coordinates[:, :, expected.shape[2] :].any()


def test_shear_equals_the_release():
    draws = RELEASED['shear_draws']
    matrix = torch.eye(3, dtype=draws.dtype)
    # The release's own order of draws: into x from y, y from x, z from x, x from z, ...
    matrix[[1, 0, 0, 2, 2, 1], [0, 1, 2, 0, 1, 2]] = draws
    clips = released_clips()
    made = Shear(0.3, keep_center=True).apply(clips, matrix=matrix[None]).coordinates
    assert_relative(made, in_clip_order(RELEASED['sheared']), 1e-5)
    center = clips.layout.index('spine_shoulder')
    assert torch.equal(made[..., center, :], clips.coordinates[..., center, :])


def test_stretch_equals_a_loop():
    clips = random_clips([9, 20, 1, 14], people=2, dtype=torch.float64)
    transform = TemporalStretch(0.4, max_frames=17)
    draws = transform.draw(clips, generator())
    made = transform.apply(clips, **draws)
    assert made.coordinates.shape[2] == 17
    for i, length in enumerate(clips.num_frames.tolist()):
        stretched = max(1, int(length * float(draws['factor'][i])))
        places = ((np.arange(stretched) + 0.5) * length / stretched - 0.5)[:17]
        assert int(made.num_frames[i]) == len(places)
        numbers = clips.coordinates[i, :, :length].movedim(1, -1).flatten(0, -2).numpy()
        expected = np.stack([np.interp(places, np.arange(length), one) for one in numbers])
        found = made.coordinates[i, :, : len(places)].movedim(1, -1).flatten(0, -2)
        torch.testing.assert_close(found, torch.tensor(expected))
        assert not made.coordinates[i, :, len(places) :].any()


def test_as_many_clips_become_shorter_as_longer():
    clips = random_clips([100] * 400, people=1)
    factor = TemporalStretch(0.2).draw(clips, generator())['factor']
    assert 0.4 < (factor < 1).double().mean() < 0.6
    change = (factor - 1).abs()
    assert 0 <= change.min() < 0.01
    assert 0.19 < change.max() < 0.2


@pytest.mark.parametrize(
    'transform',
    [TemporalStretch(0.3, max_frames=12), Shear(0.3, keep_center=True)],
    ids=lambda transform: type(transform).__name__,
)
def test_promises(transform):
    check_transform(transform)
    clips = random_clips([5, 12])
    with RefuseToWait():
        transform(clips, generator())


def test_arguments_are_checked():
    with pytest.raises(ValueError, match='amplitude'):
        TemporalStretch(1.0)
    with pytest.raises(ValueError, match='max_frames'):
        TemporalStretch(max_frames=0)
    with pytest.raises(ValueError, match='keep_center'):
        Shear(keep_center='yes')
