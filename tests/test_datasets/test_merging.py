"""Several data files as one: merged into a file, or named together in a config."""

import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from halp_mm.datasets import ClipStorage, ClipWriter, SkeletonDataset, pad_clips
from halp_mm.datasets.merging import merge_data_files
from halp_mm.datasets.split_comparison import compare_clips
from halp_mm.skeletons import convert_joints, get_layout
from tests.runs import run_tool


def write(path, clips, layout='kinect_v1', classes=('wave', 'sit down'), channels=3, unit=1.0):
    """A data file of clips, each ``(name, people, frames, label, splits, columns)``."""
    layout = get_layout(layout)
    generator = np.random.default_rng(sum(map(ord, path.stem)))
    body = generator.normal(size=(layout.num_joints, channels))
    with ClipWriter(path, layout, list(classes), path.stem) as writer:
        for name, people, frames, label, splits, columns in clips:
            clip = body + 0.1 * generator.normal(size=(people, frames, *body.shape))
            clip[..., :3] *= unit
            writer.add(name, clip, label, splits, **columns)
    return path


@pytest.fixture
def lab(tmp_path):
    return write(
        tmp_path / 'lab',
        [
            ('a', 1, 5, 0, ['train'], {'subject': 7}),
            ('b', 2, 3, 1, ['test'], {'subject': 2}),
            ('c', 1, 4, 0, ['train', 'extra_test'], {'subject': 7}),
        ],
    )


@pytest.fixture
def home(tmp_path):
    return write(
        tmp_path / 'home',
        [
            ('a', 1, 6, 2, ['xsub_train', 'xview_test'], {'subject': 7, 'camera': 1}),
            ('z', 1, 2, 0, ['xsub_test', 'xview_train'], {'subject': 1, 'camera': 2}),
            ('y', 3, 2, None, [], {'subject': 1, 'camera': 3}),
        ],
        layout='msr_action3d',
        classes=('nod', 'idle', 'Sit_Down'),
    )


def members(storage, split):
    return [storage.names[position] for position in storage.split(split).tolist()]


def test_a_merged_file_holds_all_clips_in_one_layout(tmp_path, lab, home):
    merge_data_files([lab, home], to_layout='kinect_v2', out=tmp_path / 'new' / 'pool')
    merged = ClipStorage(tmp_path / 'new' / 'pool')
    assert merged.dataset == 'pool'
    assert merged.layout == get_layout('kinect_v2')
    assert merged.names == ['lab/a', 'lab/b', 'lab/c', 'home/a', 'home/z', 'home/y']
    assert merged.class_names == ['wave', 'sit down', 'nod', 'idle']
    assert merged.labels.tolist() == [0, 1, 0, 1, 2, -1]
    position = 0
    for source in map(ClipStorage, (lab, home)):
        for own in range(len(source)):
            expected = convert_joints(source.clip(own), source.layout, 'kinect_v2')
            assert torch.equal(merged.clip(position), expected)
            position += 1


def test_splits_of_each_source_and_of_all(tmp_path, lab, home):
    merge_data_files([lab, home], to_layout='kinect_v1', out=tmp_path / 'pool')
    merged = ClipStorage(tmp_path / 'pool')
    assert set(merged.splits) == {
        *('train', 'test', 'lab_train', 'lab_test', 'lab_extra_test'),
        *('home_xsub_train', 'home_xsub_test', 'home_xview_train', 'home_xview_test'),
    }
    assert members(merged, 'train') == ['lab/a', 'lab/c', 'home/a']
    assert members(merged, 'test') == ['lab/b', 'home/z']
    assert members(merged, 'lab_extra_test') == ['lab/c']
    assert members(merged, 'home_xview_train') == ['home/z']
    options = {'to_layout': 'kinect_v1', 'protocols': {'home': 'xview'}}
    merge_data_files([lab, home], out=tmp_path / 'pool', **options)
    assert members(ClipStorage(tmp_path / 'pool'), 'train') == ['lab/a', 'lab/c', 'home/z']


def test_splits_that_all_sources_have_are_joined(tmp_path, home):
    facts = {'subject': 1, 'camera': 1}
    other = write(tmp_path / 'other', [('a', 1, 4, 0, ['xview_test', 'xset_test'], facts)])
    merge_data_files([home, other], to_layout='kinect_v1', out=tmp_path / 'pool')
    merged = ClipStorage(tmp_path / 'pool')
    assert members(merged, 'xview_test') == ['home/a', 'other/a']
    assert 'xset_test' not in merged.splits
    # Of several protocols, none of them usual, none is chosen.
    assert (members(merged, 'train'), members(merged, 'test')) == (['home/a'], ['home/z'])


def test_subjects_are_kept_apart_and_missing_columns_are_marked(tmp_path, lab, home):
    merge_data_files([lab, home], to_layout='kinect_v1', out=tmp_path / 'pool')
    merged = ClipStorage(tmp_path / 'pool')
    assert merged.columns['subject'].tolist() == [2, 1, 2, 4, 3, 3]
    assert merged.notes['subjects'] == ['lab/2', 'lab/7', 'home/1', 'home/7']
    assert merged.columns['camera'].tolist() == [-1, -1, -1, 1, 2, 3]
    assert merged.columns['source'].tolist() == [0, 0, 0, 1, 1, 1]


def test_classes_are_kept_apart_on_demand(tmp_path, lab, home):
    options = {'to_layout': 'kinect_v1', 'classes': 'apart', 'names': ['one', 'two']}
    merge_data_files([lab, home], out=tmp_path / 'pool', **options)
    merged = ClipStorage(tmp_path / 'pool')
    assert merged.class_names == [
        *('one/wave', 'one/sit down', 'two/nod', 'two/idle', 'two/Sit_Down'),
    ]
    assert merged.labels.tolist() == [0, 1, 0, 4, 2, -1]
    assert merged.names[0] == 'one/a'


def test_classes_that_a_source_tells_apart_by_case_stay_apart(tmp_path):
    one = write(tmp_path / 'one', [('a', 1, 4, 1, [], {})], classes=('Left', 'left'))
    two = write(tmp_path / 'two', [('a', 1, 4, 0, [], {})], classes=('left',))
    merge_data_files([one, two], out=tmp_path / 'pool')
    merged = ClipStorage(tmp_path / 'pool')
    assert merged.class_names == ['Left', 'left']
    assert merged.labels.tolist() == [1, 1]


def test_sources_without_labels_and_scores(tmp_path, lab):
    bare = write(tmp_path / 'bare', [('a', 1, 4, None, ['train'], {})], classes=(), channels=4)
    summary = str(merge_data_files([bare, lab], out=tmp_path / 'pool'))
    assert 'scores dropped, as not all sources have them' in summary
    assert '1 clips without a label' in summary
    merged = ClipStorage(tmp_path / 'pool')
    assert torch.equal(merged.clip(0), ClipStorage(bare).clip(0)[..., :3])
    assert members(merged, 'train') == ['bare/a', 'lab/a', 'lab/c']
    assert merged.columns['subject'].tolist() == [-1, 2, 1, 2]


def test_other_units_are_refused_or_converted(tmp_path, lab):
    clips = [('a', 2, 4, 0, ['train'], {'subject': 1})]
    other = write(tmp_path / 'lba', clips, unit=1000.0)
    with pytest.raises(ValueError, match=r'likely metres and millimetres.*--scale lba=FACTOR'):
        merge_data_files([lab, other], out=tmp_path / 'pool')
    assert not (tmp_path / 'pool').exists()
    merge_data_files([lab, other], out=tmp_path / 'pool', scale={'lba': 0.001})
    expected = ClipStorage(other).clip(0) * 0.001
    assert torch.equal(ClipStorage(tmp_path / 'pool').clip(3), expected)
    merge_data_files([lab, other], out=tmp_path / 'pool', scale={'lba': 1})
    assert torch.equal(ClipStorage(tmp_path / 'pool').clip(3), ClipStorage(other).clip(0))
    with pytest.raises(ValueError, match='body lengths are 1e'):
        SkeletonDataset([lab, other], 'train')


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({}, "the layouts differ: lab has 'kinect_v1', home has 'msr_action3d'. Say which"),
        ({'to_layout': 'coco17'}, 'has 3 dimensions'),
        ({'names': ['one']}, 'found the names one for 2 data files'),
        ({'names': ['one', 'one']}, 'all different'),
        ({'scale': {'lob': 2}}, "scale names 'lob', which is none of the sources lab, home"),
        ({'to_layout': 'kinect_v1', 'scale': {'lab': 0}}, "scale of 'lab' is 0; expected a pos"),
        ({'to_layout': 'kinect_v1', 'scale': {'lab': 'mm'}}, "scale of 'lab' is 'mm'"),
        (
            {'to_layout': 'kinect_v1', 'protocols': {'home': 'xset'}},
            r"'home' has no protocol 'xset'; it has \['xsub', 'xview'\]",
        ),
    ],
)
def test_what_cannot_be_merged(tmp_path, lab, home, options, message):
    with pytest.raises(ValueError, match=message):
        merge_data_files([lab, home], out=tmp_path / 'pool', **options)
    assert sorted(tmp_path.iterdir()) == sorted([lab, home])


def test_files_that_are_no_sources(tmp_path, lab):
    with pytest.raises(ValueError, match='expected two or more, each once'):
        merge_data_files([lab, tmp_path / '.' / 'lab'], out=tmp_path / 'pool')
    with pytest.raises(ValueError, match='two or more'):
        merge_data_files([lab], out=tmp_path / 'pool')
    with pytest.raises(FileNotFoundError, match=r'no data file .*nothing'):
        merge_data_files([lab, tmp_path / 'nothing'], out=tmp_path / 'pool')
    other = write(tmp_path / 'other', [('a', 1, 4, 0, [], {})])
    with pytest.raises(ValueError, match='is one of the files to merge'):
        merge_data_files([lab, other], out=other)
    with pytest.raises(ValueError, match=r'mine\.pkl is a pickle; make a data file of it'):
        merge_data_files([lab, tmp_path / 'mine.pkl'], out=tmp_path / 'pool')


def test_split_names_that_would_be_the_same(tmp_path):
    one = write(tmp_path / 'one', [('a', 1, 4, 0, ['b_all'], {})])
    two = write(tmp_path / 'two', [('a', 1, 4, 0, ['all'], {})])
    with pytest.raises(ValueError, match=r'two splits .* would be called "one_b_all"'):
        merge_data_files([one, two], out=tmp_path / 'pool', names=['one', 'one_b'])


@pytest.mark.parametrize('classes', [('class 0', 'class 1'), ('0', '1')])
def test_numbered_classes_are_not_joined(tmp_path, classes):
    files = [
        write(tmp_path / name, [('a', 1, 4, 1, ['all'], {})], classes=classes) for name in 'ab'
    ]
    with pytest.raises(ValueError, match='the classes of a and b have numbers for names'):
        merge_data_files(files, out=tmp_path / 'pool')
    with pytest.raises(ValueError, match='--classes apart'):
        SkeletonDataset(files, 'all')
    merge_data_files(files, out=tmp_path / 'pool', classes='apart')
    assert ClipStorage(tmp_path / 'pool').labels.tolist() == [1, 3]


def test_tool_says_what_was_done(tmp_path, lab, home):
    options = ('--to-layout', 'kinect_v1', '--scale', 'lab=1', '--out', 'pool')
    done = run_tool('data/merge_data.py', lab, home, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        'clips: 6 from 2 data files',
        f'  lab 3 ({lab}), coordinates times 1',
        f'  home 3 ({home}), converted from msr_action3d',
        'classes: 4; 1 is in several files, joined by name: sit down',
        '  1 clips without a label',
        'splits: 9',
        '  train 3: lab train 2, home xsub_train 1',
        '  test 2: lab test 1, home xsub_test 1',
        '  of single sources: home_xsub_test 1, home_xsub_train 1, home_xview_test 1, '
        'home_xview_train 1, lab_extra_test 1, lab_test 1, lab_train 2',
        'subjects: 4, numbered anew so that none is in two sources; the notes have their old '
        'numbers',
        'columns that not all sources have, -1 elsewhere: camera',
        'layout: kinect_v1',
        'written: pool',
    ]
    assert '6/6' in done.stderr


@pytest.fixture
def two(tmp_path):
    """Two files that go together."""
    facts = {'subject': 1}
    one = write(
        tmp_path / 'one',
        [('a', 1, 5, 0, ['train'], facts), ('b', 2, 9, 1, ['test'], facts)],
    )
    clips = [
        ('a', 1, 7, 0, ['test', 'own'], facts),
        ('x', 1, 4, None, ['train'], facts),
        ('b', 2, 3, 1, ['train'], facts),
    ]
    return [one, write(tmp_path / 'eno', clips, classes=('Sit down', 'nod'))]


@pytest.mark.parametrize('split', ['train', 'test'])
def test_a_list_of_files_is_read_like_the_merged_file(tmp_path, two, split):
    merge_data_files(two, out=tmp_path / 'pool')
    merged, listed = SkeletonDataset(tmp_path / 'pool', split), SkeletonDataset(two, split)
    assert listed.names == merged.names
    assert torch.equal(listed.labels, merged.labels)
    assert torch.equal(listed.num_frames, merged.num_frames)
    assert (listed.num_people, listed.num_bytes) == (merged.num_people, merged.num_bytes)
    assert listed.metainfo == {**merged.metainfo, 'dataset': 'one + eno'}
    for ours, theirs in zip(listed, merged, strict=True):
        assert torch.equal(ours['clip'], theirs['clip'])
    ours, theirs = listed.stored_clips, merged.stored_clips
    starts = [block.rows(listed.positions)[0] for block in (ours, theirs)]
    np.testing.assert_array_equal(*starts)
    rows = np.arange(theirs.num_skeletons).reshape(-1, 4)[::-1]
    np.testing.assert_array_equal(ours.skeletons(rows), theirs.skeletons(rows))
    assert ours.num_skeletons == theirs.num_skeletons


def test_a_list_of_files_travels_to_workers_and_is_normalised_once(two):
    dataset = SkeletonDataset([str(path) for path in two], 'train')
    assert torch.equal(pickle.loads(pickle.dumps(dataset))[2]['clip'], dataset[2]['clip'])
    loader = DataLoader(dataset, 2, collate_fn=pad_clips, num_workers=1)
    batches = list(loader)
    assert torch.equal(batches[1]['clips'][0], dataset[2]['clip'])
    assert [len(dataset), len(dataset.labelled())] == [3, 2]
    dataset.normalize_once(lambda clips: clips.with_coordinates(clips.coordinates * 2))
    assert torch.equal(dataset[2]['clip'], pickle.loads(pickle.dumps(dataset))[2]['clip'])
    assert torch.equal(dataset[0]['clip'][:1], ClipStorage(two[0]).clip(0) * 2)


def test_files_in_use_are_opened_once(two):
    train, test = (SkeletonDataset(two, split) for split in ('train', 'test'))
    assert train._storage is test._storage
    assert compare_clips(train, test, allowed=False) == []
    one = SkeletonDataset(two[0], 'train')
    assert len(compare_clips(train, one, allowed=True)) == 1


def test_a_file_that_was_cut_off(two):
    dataset = SkeletonDataset(two, 'train')
    with two[1].open('r+b') as file:
        file.truncate(1000)
    with pytest.raises(ValueError, match=r'was cut off since it was opened'):
        [dataset[i] for i in range(len(dataset))]


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'layout': 'msr_action3d'}, "'msr_action3d', which differ in joints.*--to-layout"),
        ({'channels': 4}, 'has 3 numbers a joint and .* has 4; expected as many'),
    ],
)
def test_files_that_do_not_go_together(tmp_path, two, changes, message):
    other = write(tmp_path / 'other', [('a', 1, 4, 0, ['train'], {})], **changes)
    with pytest.raises(ValueError, match=message):
        SkeletonDataset([two[0], other], 'train')


def test_what_is_no_list_of_files(two):
    with pytest.raises(ValueError, match='is named twice'):
        SkeletonDataset([two[0], two[0]], 'train')
    with pytest.raises(ValueError, match=r"one has no split 'own'; its splits are"):
        SkeletonDataset(two, 'own')
    with pytest.raises(FileNotFoundError, match=r'no data file .*nothing\. Make it with: a tool'):
        SkeletonDataset([two[0], two[0].with_name('nothing')], 'train', prepare_with='a tool')
    with pytest.raises(ValueError, match='data_file is an empty list'):
        SkeletonDataset([], 'train')
    with pytest.raises(ValueError, match='data_file is 3; expected a path, or a list of paths'):
        SkeletonDataset(3, 'train')
