"""The drop of frames by their motion, against the release of PSTL and a loop."""

import pytest
import torch

from halp_mm.skeletons import Clips, get_layout
from halp_mm.transforms import MotionFrameDrop
from tests.helpers import generator, random_clips, reference


def test_equals_the_release():
    arrays = reference('pstl_masks_released')
    coordinates = arrays['input_NCTVM'].permute(0, 4, 2, 3, 1)
    count, frames = len(coordinates), coordinates.shape[2]
    clips = Clips(coordinates, torch.full((count,), frames), get_layout('kinect_v2'))
    drop = MotionFrameDrop(int(arrays['mask_frames']))
    dropped = drop.apply(clips, kept=arrays['kept_positions'].expand(count, -1))
    expected = arrays['motion_masked_NCTVM'].permute(0, 4, 2, 3, 1)
    assert torch.equal(dropped.coordinates, expected)
    assert (dropped.num_frames == expected.shape[2]).all()


def test_equals_a_loop():
    clips = random_clips([12] * 5)
    drop = MotionFrameDrop(4)
    kept = drop.draw(clips, generator())['kept']
    assert kept.shape == (5, 4)
    dropped = drop.apply(clips, kept=kept)
    for before, after, places in zip(clips.coordinates, dropped.coordinates, kept):
        motion = [float((before[:, t + 1] - before[:, t]).square().mean()) for t in range(11)]
        by_motion = sorted(range(12), key=[*motion, 0.0].__getitem__)
        least = sorted(by_motion[:8])
        assert 11 in least
        expected = torch.stack([before[:, least[place]] for place in places], 1)
        assert torch.equal(after, expected)


def test_draws_are_ascending_and_each_clips_own():
    clips = random_clips([10] * 2000, people=1, channels=1)
    kept = MotionFrameDrop(2).draw(clips, generator())['kept']
    assert kept.shape == (2000, 6)
    assert (kept.diff(dim=1) > 0).all()
    shares = kept.flatten().bincount(minlength=8) / 2000
    assert (shares - 6 / 8).abs().max() < 4.5 * (6 / 8 * 2 / 8 / 2000) ** 0.5


def test_too_few_frames():
    with pytest.raises(ValueError, match='drops 2 x 10 frames, found clips of 20; expected more'):
        MotionFrameDrop()(random_clips([20]), generator())
