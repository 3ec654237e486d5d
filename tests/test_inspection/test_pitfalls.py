"""What makes results wrong is said first."""

import numpy as np
import pytest

from halp_mm.datasets import ClipStorage, ClipWriter
from halp_mm.inspection import inspect_clips, report
from halp_mm.inspection.pitfalls import train_test_pairs
from halp_mm.synthetic.clips import generate_clip


def made(subject: int, label: int) -> np.ndarray:
    return generate_clip(0, subject, label, camera=1, repetition=1).coordinates


def inspect(path, clips, class_names=('a', 'b')):
    """``clips``: coordinates, label and splits of each."""
    with ClipWriter(path, 'kinect_v2', class_names, 'planted') as writer:
        for i, (clip, label, splits) in enumerate(clips):
            writer.add(f'clip{i}', clip, label, splits)
    return inspect_clips(ClipStorage(path))


@pytest.fixture
def clips():
    return [
        (made(subject, label), label, [split])
        for label in (0, 1)
        for subject, split in ((1, 'xview_train'), (2, 'xview_test'), (3, 'xview_train'))
    ]


def test_nothing_wrong(clips, tmp_path):
    inspection = inspect(tmp_path / 'out', clips)
    assert inspection.pitfalls == []
    assert report(inspection).startswith('makes results wrong: nothing found\n')


def test_copies_across_train_and_test(clips, tmp_path):
    again = clips[2][0].copy()
    clips += [
        (again, 0, ['xview_test']),
        (again, 0, ['xview_test', 'xview_clean_test']),
        (clips[0][0], 0, ['xview_train']),  # a copy within the training split does no harm
    ]
    inspection = inspect(tmp_path / 'out', clips)
    assert inspection.pitfalls == [
        '1 of 1 clips of xview_clean_test are copies of clips of xview_train: clip7 of clip2',
        '2 of 4 clips of xview_test are copies of clips of xview_train: clip6 of clip2, '
        'clip7 of clip2',
    ]
    assert report(inspection).splitlines()[1] == f'  {inspection.pitfalls[0]}'


@pytest.mark.parametrize(('factor', 'is_said'), [(1000, True), (0.3, True), (1.5, False)])
def test_another_unit_in_a_split(clips, tmp_path, factor, is_said):
    clips = [
        (clip * factor if splits == ['xview_test'] else clip, label, splits)
        for clip, label, splits in clips
    ]
    texts = inspect(tmp_path / 'out', clips).pitfalls
    assert [text.endswith('in another unit?') for text in texts] == [True] * is_said


def test_one_frame_empty_classes_and_late_people(clips, tmp_path):
    late = np.concatenate([np.zeros_like(clips[1][0]), clips[1][0]])
    clips[1] = (late, 0, ['xview_test'])
    clips[3] = (clips[3][0][:, :1], 2, ['xview_test'])
    inspection = inspect(tmp_path / 'out', clips, ('a', 'b', 'c', 'd'))
    assert inspection.pitfalls == [
        '1 clips have one frame: clip3',
        '1 of 4 classes have no clips: d',
        '1 classes of xview_test have no clip in xview_train: c',
        '1 clips have people in later slots, the first is empty: clip1',
    ]


def test_variants_of_a_test_split():
    assert train_test_pairs(['xview_train', 'xview_test', 'xview_clean_test', 'xsub_test']) == [
        ('xview_train', 'xview_clean_test'),
        ('xview_train', 'xview_test'),
    ]
    names = ['nw_train', 'nw_test', 'nw_b_train', 'nw_b_test', 'train', 'nw_other']
    assert train_test_pairs(names) == [('nw_b_train', 'nw_b_test'), ('nw_train', 'nw_test')]
