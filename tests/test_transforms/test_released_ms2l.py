"""The cut and the jigsaw of MS2L, against its release and loops."""

import itertools
from collections import Counter

import pytest
import torch

from halp_mm.models import SkeletonPreprocessor
from halp_mm.skeletons import Clips, get_layout
from halp_mm.testing import check_transform
from halp_mm.transforms import Jigsaw, TemporalMask
from tests.helpers import generator, random_clips, reference

RELEASED = reference('ms2l_transforms_released')
NUM_JOINTS = RELEASED['input_NTD'].shape[2] // 3
LAYOUT = dict(
    name='few',
    joints=[f'joint {i}' for i in range(NUM_JOINTS)],
    bones=[('joint 0', f'joint {i}') for i in range(1, NUM_JOINTS)],
    center='joint 0',
)


def released_clips(num_frames: torch.Tensor) -> Clips:
    coordinates = RELEASED['input_NTD'].unflatten(-1, (-1, 3))[:, None]
    return Clips(coordinates, num_frames, get_layout(LAYOUT))


def test_the_cut_equals_the_release():
    cut = TemporalMask(float(RELEASED['mask_ratio']))(released_clips(RELEASED['frames']))
    streams = SkeletonPreprocessor(views=dict(cut=[])).derive_streams(cut)
    assert torch.equal(streams['joint'][:, 0].flatten(2), RELEASED['masked'])
    assert torch.equal(cut.coordinates[:, 0].flatten(2), RELEASED['input_NTD'])


def test_the_jigsaw_equals_the_release():
    # The release overwrites the length of clips that are too short.
    clips = released_clips(RELEASED['frames_after_call'])
    shuffled = Jigsaw(int(RELEASED['seg_num'])).apply(clips, RELEASED['permutation_label'])
    assert torch.equal(shuffled.coordinates[:, 0].flatten(2), RELEASED['jigsawed'])
    assert torch.equal(shuffled.draws['permutation'], RELEASED['permutation_label'])


@pytest.mark.parametrize('num_segments', [2, 3, 4])
def test_the_jigsaw_equals_a_loop(num_segments):
    clips = random_clips((13, 2, 8, 4))
    jigsaw = Jigsaw(num_segments)
    draws = jigsaw.draw(clips, generator())
    shuffled = jigsaw.apply(clips, **draws).coordinates
    orders = list(itertools.permutations(range(num_segments)))
    for n, length in enumerate(clips.num_frames.tolist()):
        size = length // num_segments
        order = orders[draws['permutation'][n]] if size else range(num_segments)
        places = [place * size + i for place in order for i in range(size)]
        places += range(len(places), clips.coordinates.shape[2])
        assert torch.equal(shuffled[n], clips.coordinates[n][:, places])
        assert size or draws['permutation'][n] == 0


def test_orders_are_equally_likely():
    draws = Jigsaw().draw(random_clips((3,) * 6000, people=1), generator())
    counts = Counter(draws['permutation'].tolist())
    assert set(counts) == set(range(6))
    assert all(abs(count - 1000) < 120 for count in counts.values())


@pytest.mark.parametrize('ratio', [0.0, 0.3, 1.0])
def test_the_cut_hides_a_share_of_each_clips_own_frames(ratio):
    clips = random_clips((10, 7, 1))
    mask = TemporalMask(ratio)(clips).draws['mask']
    assert mask.shape == clips.coordinates.shape[:-1]
    hidden = [int(ratio * length + 1e-6) for length in (10, 7, 1)]
    for of_clip, length, count in zip(mask, (10, 7, 1), hidden):
        assert of_clip[:, length - count : length].all()
        assert of_clip.sum() == count * mask.shape[1] * mask.shape[3]


def test_the_cut_keeps_its_promises():
    check_transform(TemporalMask())
    check_transform(Jigsaw())
