"""Data files in another layout."""

import json

import numpy as np
import pytest
import torch

from halp_mm.datasets import ClipStorage, ClipWriter, SkeletonDataset
from halp_mm.datasets.layout_conversion import convert_data_file
from halp_mm.skeletons import convert_joints, describe_conversion, get_layout
from tests.conftest import write_random_clips
from tests.runs import ROOT, run_tool

MSR_ACTION3D = ROOT / 'data' / 'msr_action3d.safetensors'


def check_converted(before: ClipStorage, after: ClipStorage, layout: str) -> None:
    """Everything but the joints is as before."""
    assert after.layout == get_layout(layout)
    assert (after.names, after.class_names) == (before.names, before.class_names)
    assert after.dataset == before.dataset
    assert torch.equal(after.labels, before.labels)
    for ours, theirs in ((after.columns, before.columns), (after.splits, before.splits)):
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(value, theirs[key]) for key, value in ours.items())
    for position in range(len(before)):
        expected = convert_joints(before.clip(position), before.layout, layout)
        assert torch.equal(after.clip(position), expected)


def test_everything_but_the_joints_stays(tmp_path):
    source = write_random_clips(tmp_path / 'msr', layout='msr_action3d')
    done = convert_data_file(source, 'kinect_v2', tmp_path / 'new' / 'kinect')
    before, after = ClipStorage(source), ClipStorage(tmp_path / 'new' / 'kinect')
    check_converted(before, after, 'kinect_v2')
    assert set(after.columns) == {'subject'}
    assert done == describe_conversion('msr_action3d', 'kinect_v2')
    assert after.notes == {**before.notes, 'layout_conversions': [done]}
    assert done['made']['neck'] == '0.5 neck + 0.5 head'
    assert SkeletonDataset(after.path, 'train')[0]['clip'].shape == (2, 23, 25, 3)


def test_notes_tell_every_conversion_and_keep_the_others(tmp_path):
    with ClipWriter(tmp_path / 'a', 'kinect_v2', ['nod'], 'mine') as writer:
        writer.notes = {'camera': 'left'}
        clip = np.random.default_rng(0).normal(size=(1, 5, 25, 4))
        writer.add('in two splits', clip, 0, ['train', 'all'], subject=3)
        writer.add('in no split', clip + 1, 0, [], subject=-2)
    convert_data_file(tmp_path / 'a', 'kinect_v1', tmp_path / 'b')
    convert_data_file(tmp_path / 'b', 'msr_action3d', tmp_path / 'b')
    notes = ClipStorage(tmp_path / 'b').notes
    assert notes['camera'] == 'left'
    assert [(n['from'], n['to']) for n in notes['layout_conversions']] == [
        ('kinect_v2', 'kinect_v1'),
        ('kinect_v1', 'msr_action3d'),
    ]
    assert notes['layout_conversions'][0]['dropped'][0] == 'neck'
    check_converted(ClipStorage(tmp_path / 'a'), ClipStorage(tmp_path / 'b'), 'msr_action3d')


@pytest.mark.parametrize(
    ('layout', 'message'),
    [
        ('kinect_v2', "clips has layout 'kinect_v2' already; use it as it is"),
        ('coco17', "'kinect_v2' has 3 dimensions and 'coco17' has 2"),
    ],
)
def test_what_cannot_be_converted_writes_nothing(tmp_path, layout, message):
    source = write_random_clips(tmp_path / 'clips')
    with pytest.raises(ValueError, match=message):
        convert_data_file(source, layout, tmp_path / 'out')
    assert list(tmp_path.iterdir()) == [source]


def test_tool_with_a_layout_of_ones_own(tmp_path):
    source = write_random_clips(tmp_path / 'msr', layout='msr_action3d')
    layout = get_layout('kinect_v1').to_dict()
    layout.update(name='headless', joints=[j for j in layout['joints'] if j != 'head'])
    layout['bones'] = [bone for bone in layout['bones'] if 'head' not in bone]
    (tmp_path / 'headless.json').write_text(json.dumps(layout))
    options = ('--to-layout', tmp_path / 'headless.json', '--out', tmp_path / 'out')
    done = run_tool('data/convert_layout.py', source, *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        'msr_action3d to headless; joints of the same name are copied, others are:',
        '  shoulder_center: neck',
        'joints dropped: head',
        f'written: {tmp_path / "out"}',
    ]
    assert '12/12' in done.stderr
    check_converted(ClipStorage(source), ClipStorage(tmp_path / 'out'), layout)
    done = run_tool('data/convert_layout.py', source, '--to-layout', 'coco17', '--out', 'out')
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr.startswith("convert_layout.py: error: layout 'msr_action3d' has 3 dimen")


@pytest.mark.skipif(not MSR_ACTION3D.is_file(), reason=f'there is no {MSR_ACTION3D}')
def test_msr_action3d_as_kinect_v2(tmp_path):
    convert_data_file(MSR_ACTION3D, 'kinect_v2', tmp_path / 'out')
    before, after = ClipStorage(MSR_ACTION3D), ClipStorage(tmp_path / 'out')
    check_converted(before, after, 'kinect_v2')
    assert len(after) == len(before) > 500
