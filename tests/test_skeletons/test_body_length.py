"""Body lengths against a plain loop, and what is said of their ratios."""

import numpy as np
import pytest

from halp_mm.skeletons import describe_units, get_layout, median_body_length


def by_loops(frames, layout):
    """The length of each skeleton's bones, one by one."""
    of_clips = []
    for clip in frames:
        lengths = []
        for skeleton in clip:
            bones = [
                float(np.sqrt(((skeleton[a, :3] - skeleton[b, :3]) ** 2).sum()))
                for a, b in layout.bone_indices
                if skeleton[a, :3].any() and skeleton[b, :3].any()
            ]
            if bones:
                lengths.append(sum(bones) / len(bones) * len(layout.bones))
        if lengths:
            of_clips.append(np.median(lengths))
    return np.median(of_clips)


def test_a_loop_finds_the_same():
    layout = get_layout('kinect_v1')
    frames = np.random.default_rng(0).normal(size=(6, 5, 20, 4))  # with a score
    frames[0, 1] = frames[3] = 0  # nobody
    frames[1, :, :4, :3] = 0
    frames[4, :, 5, 0] = 0  # a joint that is seen
    assert median_body_length(frames, layout) == pytest.approx(by_loops(frames, layout))
    for clip in frames[[0, 1, 2, 4, 5]]:
        assert median_body_length(clip[None], layout) == pytest.approx(by_loops([clip], layout))
    frames[2, :, 7, :3] = 0
    expected = by_loops(frames[2:3], layout)
    for number in (np.nan, np.inf):
        frames[2, :, 7, 1] = number
        assert median_body_length(frames[2:3], layout) == pytest.approx(expected)


def test_no_length_of_nobody_and_of_poses_in_an_image():
    assert median_body_length(np.zeros((2, 3, 20, 3)), get_layout('kinect_v1')) is None
    poses = np.random.default_rng(0).normal(size=(2, 3, 20, 3))
    assert median_body_length(poses[:, :, :17], get_layout('coco17')) is None
    assert median_body_length(np.ones((2, 3, 20, 3)), get_layout('kinect_v1')) is None
    dot = get_layout(dict(name='dot', joints=['dot'], bones=[], center='dot'))
    assert median_body_length(poses[:, :, :1], dot) is None


@pytest.mark.parametrize(
    ('ratio', 'units'),
    [
        (1000, 'likely metres and millimetres'),
        (100, 'likely metres and centimetres'),
        (10, 'likely centimetres and millimetres'),
        (1 / 900, 'likely metres and millimetres'),
        (51, 'likely metres and centimetres'),  # by their quotients, not their differences
        (4, 'which is no ratio of metres'),
    ],
)
def test_units_by_the_ratio(ratio, units):
    assert units in describe_units({'train': 5.0, 'test': 5.0 * ratio})


def test_alike_or_not_known():
    assert describe_units({'train': 5.0, 'test': 2.0}) is None
    assert describe_units({'train': 6.0, 'test': 2.0}) is None
    assert describe_units({'train': 5.0, 'test': None}) is None
