"""Synthetic people who improvise."""

import numpy as np
import pytest

from halp_mm.datasets import ClipStorage
from halp_mm.synthetic import write_improvised
from halp_mm.synthetic.body import LAYOUT, SyntheticPerson
from halp_mm.synthetic.improvisation import (
    MAX_FRAMES,
    MIN_FRAMES,
    improvise,
    improvised_clip,
)
from tests.runs import run_tool


def test_the_tool_makes_unlabelled_clips(tmp_path):
    path = tmp_path / 'clips.safetensors'
    run = run_tool(
        *(
            'data/make_synthetic.py',
            '--improvised',
            5,
            '--layout',
            'coco17',
            '--seed',
            3,
            '--out',
            path,
        )
    )
    assert run.returncode == 0, run.stderr
    assert 'classes  0: no labels' in run.stdout
    storage = ClipStorage(path)
    assert (len(storage), storage.layout.name) == (5, 'coco17')
    assert storage.split('train').tolist() == [0, 1, 2, 3, 4]
    assert storage.labels.unique().tolist() == [-1]
    again = tmp_path / 'again.safetensors'
    write_improvised(again, 5, 3, 'coco17')
    assert again.read_bytes() == path.read_bytes()


def test_options_that_go_with_other_clips(tmp_path):
    run = run_tool('data/make_synthetic.py', '--improvised', 5, '--repeats', 2)
    assert run.returncode == 2
    assert '--improvised goes with the format clips, and without --repeats' in run.stderr


@pytest.mark.parametrize(('settings', 'name'), [((0, 0), 'num_clips'), ((1, -1), 'seed')])
def test_numbers_out_of_range(settings, name, tmp_path):
    with pytest.raises(ValueError, match=name):
        write_improvised(tmp_path / 'clips.safetensors', *settings)


def test_clips_are_of_different_people_and_movements():
    clips = [improvised_clip(0, number) for number in range(30)]
    lengths = [clip.shape[1] for clip in clips]
    assert MIN_FRAMES <= min(lengths) < max(lengths) <= MAX_FRAMES
    assert np.array_equal(improvised_clip(0, 7), clips[7])
    assert not np.array_equal(improvised_clip(1, 7)[:, :30], clips[7][:, :30])
    hand = LAYOUT.index('right_hand')
    heights = [np.ptp(clip[0, :, hand, 1]) for clip in clips]
    assert min(heights) < 0.2
    assert max(heights) > 0.8


def test_bones_keep_their_length():
    first, second = np.array(LAYOUT.bone_indices).T
    for seed in range(20):
        generator = np.random.default_rng(seed)
        places = improvise(SyntheticPerson.draw(generator), generator)
        lengths = np.linalg.norm(places[..., first, :] - places[..., second, :], axis=-1)
        np.testing.assert_allclose(lengths, lengths[:, :1].repeat(places.shape[1], 1), rtol=1e-6)
