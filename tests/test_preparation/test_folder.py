"""One's own clips: from a folder to a data file."""

import json
import os

import numpy as np
import pytest
import torch

from halp_mm.datasets import ClipStorage, SkeletonDataset
from halp_mm.preparation import BadDataError, Problem, prepare_folder
from halp_mm.skeletons import convert_joints, describe_conversion, get_layout
from tests.runs import run_tool

ROWS = {
    'a': 'a,wave,train,3',
    'b': 'b,nod,train;all,1',
    'sub/c': 'sub/c,wave,test,4',
    'sub/d': 'sub/d,nod,,1',
}


def write_clip(path, clip):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == '.csv':
        np.savetxt(path, clip.reshape(len(clip), -1), delimiter=',', fmt='%.9g')
    elif path.suffix == '.npz':
        np.savez(path, keypoint=clip, names=np.arange(3))
    else:
        np.save(path, clip)


def write_labels(folder, rows):
    (folder / 'labels.csv').write_text('\n'.join(['name,label,split,subject', *rows, '']))


def four_clips(folder, joints=25, channels=3):
    """One clip of each kind of file, and of two people; their labels."""
    generator = np.random.default_rng(0)
    shapes = {'a.npy': (12,), 'b.npz': (2, 9), 'sub/c.csv': (7,), 'sub/d.npy': (1, 10)}
    clips = {}
    for name, shape in shapes.items():
        clip = generator.normal(size=(*shape, joints, channels)).astype(np.float32)
        write_clip(folder / name, clip)
        clips[name[:-4]] = clip if clip.ndim == 4 else clip[None]
    write_labels(folder, ROWS.values())
    return clips


def prepare(folder, layout='kinect_v2', **options):
    out = folder.parent / 'out'
    options = {'workers': 1, **options}
    return prepare_folder(folder, layout, folder / 'labels.csv', out, **options), ClipStorage(out)


def test_clips_come_back_bit_by_bit(tmp_path):
    clips = four_clips(tmp_path / 'mine')
    (tmp_path / 'mine' / '.hidden').mkdir()
    (tmp_path / 'mine' / '__MACOSX').mkdir()
    for hidden in ('.hidden/x.npy', '._a.npy', '__MACOSX/a.npy', 'readme.txt'):
        (tmp_path / 'mine' / hidden).write_text('none of the clips')
    summary, storage = prepare(tmp_path / 'mine')
    assert storage.names == ['a', 'b', 'sub/c', 'sub/d']
    for position, name in enumerate(storage.names):
        assert storage.clip(position).numpy().tobytes() == clips[name].tobytes()
    assert storage.labels.tolist() == [1, 0, 1, 0]
    assert storage.class_names == ['nod', 'wave']
    assert storage.columns['subject'].tolist() == [3, 1, 4, 1]
    assert {name: split.tolist() for name, split in storage.splits.items()} == {
        'train': [0, 1],
        'all': [1],
        'test': [2],
    }
    assert (storage.layout, storage.dataset) == (get_layout('kinect_v2'), 'mine')
    notes = {'classes': {'nod': 2, 'wave': 2}, 'frames': [7, 12]}
    assert notes.items() <= storage.notes.items()
    assert str(summary).splitlines() == [
        'clips: 4 from 4 recordings',
        '  all 1',
        '  test 1',
        '  train 2',
        '  1 in no split',
        'classes: 2: nod (2), wave (2)',
        'people: 1 in 3 clips, 2 in 1 clips',
        'frames: 7 to 12 a clip',
        'layout: kinect_v2',
        'left out: 0',
        'problems: 0',
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ['mine', 'out']
    assert SkeletonDataset(storage.path, 'train')[1]['clip'].shape == (2, 9, 25, 3)


@pytest.mark.parametrize(('layout', 'channels'), [('coco17', 2), ('coco17', 3), ('kinect_v1', 4)])
def test_scores_and_poses_in_an_image(tmp_path, layout, channels):
    clips = four_clips(tmp_path / 'mine', get_layout(layout).num_joints, channels)
    _, storage = prepare(tmp_path / 'mine', layout)
    for position, name in enumerate(storage.names):
        assert np.array_equal(storage.clip(position), clips[name])


def test_clips_are_converted(tmp_path):
    clips = four_clips(tmp_path / 'mine', 20)
    clips['a'][:, 3, 5:] = 0
    write_clip(tmp_path / 'mine' / 'a.npy', clips['a'][0])
    summary, storage = prepare(tmp_path / 'mine', 'msr_action3d', to_layout='kinect_v2')
    assert storage.layout.name == summary.layout == 'kinect_v2'
    for position, name in enumerate(storage.names):
        expected = convert_joints(torch.from_numpy(clips[name]), 'msr_action3d', 'kinect_v2')
        assert torch.equal(storage.clip(position), expected)
    done = describe_conversion('msr_action3d', 'kinect_v2')
    assert storage.notes['layout_conversions'] == [done]
    with pytest.raises(ValueError, match="'msr_action3d' has 3 dimensions and 'coco17' has 2"):
        prepare(tmp_path / 'mine', 'msr_action3d', to_layout='coco17')


def test_people_who_are_never_seen(tmp_path):
    clips = four_clips(tmp_path / 'mine', channels=4)
    several = np.concatenate([clips['b'] * 0, clips['b'], clips['b'] * 0])
    several[0, :, :, 3] = 0.5  # a score alone is nobody
    write_clip(tmp_path / 'mine' / 'b.npz', several)
    write_clip(tmp_path / 'mine' / 'a.npy', clips['a'] * 0)
    summary, storage = prepare(tmp_path / 'mine')
    assert storage.names == ['b', 'sub/c', 'sub/d']
    assert np.array_equal(storage.clip(0), clips['b'])
    assert summary.left_out == {'nobody is seen in any frame': ['a']}
    assert summary.problems == []
    assert '  1 nobody is seen in any frame: a' in str(summary)


def damage(folder, kind):
    """The folder with one kind of damage: whose clips are left out, and what is said of what."""
    clips = four_clips(folder)
    clip, labels = clips['a'], folder / 'labels.csv'
    extra = np.random.default_rng(5).normal(size=(2, 6, 25, 3))
    rows = {
        'bad row': ('e,wave,train', 'line 6: found 3 cells; expected 4'),
        'row twice': ('b,wave,test,7', "line 6: clip 'b' stands in line 3 too; expected once"),
        'row without a file': (
            'e,wave,train,1',
            "clip 'e' has no file; expected one of e.csv, e.n",
        ),
        'row with a suffix': ('a.npy,wave,train,1', "clip 'a.npy' has no file"),
    }
    if kind in rows:
        write_labels(folder, [*ROWS.values(), rows[kind][0]])
        return [], labels, rows[kind][1]
    if kind == 'file without a row':
        write_clip(folder / 'sub' / 'e.npy', extra)
        return (
            ['sub/e'],
            folder / 'sub' / 'e.npy',
            f'has no row in {labels}; expected a row of name',
        )
    if kind == 'file of a bad row':
        write_clip(folder / 'e.npy', extra)
        write_labels(folder, [*ROWS.values(), 'e,wave,train,x'])
        return ['e'], labels, "line 6: found subject 'x'; expected an integer"
    if kind == 'two files of a name':
        write_clip(folder / 'a.npz', clip)
        return [], folder / 'a.npz', f'clip a is also {folder / "a.npy"}; expected one file a clip'
    path = folder / ('sub/c.csv' if 'csv' in kind else 'a.npy')
    if kind == 'truncated':
        path.write_bytes(path.read_bytes()[:-1])
        reason = 'The file is truncated or damaged'
    elif kind == 'NaN':
        clip[0, 2, 7] = np.nan
        write_clip(path, clip)
        reason = 'has 3 numbers that are NaN or infinite, the first in frame 2'
    elif kind == 'joint count':
        write_clip(path, clip[:, :, :20])
        reason = r'[1, 12, 20, 3]; expected 25 joints of layout'
    elif kind == 'coordinates':
        write_clip(path, clip[..., :2])
        reason = "expected 25 joints of layout 'kinect_v2' with 3 coordinates, or 4 with a score"
    elif kind == 'frames before people':
        write_clip(path, np.ones((60, 2, 25, 3)))
        reason = 'has 60 people and 2 frames; expected at most 50 people. The order of the axes is'
    elif kind == 'score in one clip only':
        path = folder / 'sub' / 'd.npy'
        write_clip(path, np.concatenate([clip, clip[..., :1]], -1))
        reason = 'has 4 numbers a joint; the clips before it have 3'
    elif kind == 'csv of other joints':
        write_clip(path, clips['sub/c'][0, :, :20])
        reason = 'has 60 numbers a person and frame; expected 75 or 100: 25 joints of layout'
    elif kind == 'csv of words':
        path.write_text('x,y\n1,two\n')
        reason = "line 2: found 2 cells, '1,two'"
    else:
        assert kind == 'directory'
        path.unlink()
        path.mkdir()
        reason = 'cannot be read: Is a directory; expected a readable file'
    name = path.relative_to(folder).with_suffix('').as_posix()
    return [name], path, reason


KINDS = [
    *('bad row', 'row twice', 'row without a file', 'row with a suffix', 'file without a row'),
    *('file of a bad row', 'two files of a name', 'truncated', 'NaN', 'joint count', 'coordinates'),
    *('frames before people', 'score in one clip only', 'csv of other joints', 'csv of words'),
    'directory',
]


@pytest.mark.parametrize('kind', KINDS)
def test_broken_input(tmp_path, kind):
    folder = tmp_path / 'mine'
    left_out, path, reason = damage(folder, kind)
    with pytest.raises(BadDataError, match='raw data with 1 problems') as caught:
        prepare(folder)
    assert f'{path}' in str(caught.value)
    assert reason in str(caught.value)
    assert 'skip them with --skip-bad' in str(caught.value)
    assert not (tmp_path / 'out').exists()
    summary, storage = prepare(folder, skip_bad=True)
    assert storage.names == [name for name in ROWS if name not in left_out]
    labels = [storage.class_names[label] for label in storage.labels]
    assert labels == [ROWS[name].split(',')[1] for name in storage.names]
    assert [name for names in summary.left_out.values() for name in names] == left_out
    (problem,) = summary.problems
    assert problem.text.startswith(str(path))
    assert reason in problem.text
    assert [Problem(*noted) for noted in storage.notes['problems']] == summary.problems
    assert storage.notes['left_out'] == summary.left_out
    assert sorted(found.name for found in tmp_path.iterdir()) == ['mine', 'out']


def test_of_several_rows_and_files_the_first_counts(tmp_path):
    folder = tmp_path / 'mine'
    clips = four_clips(folder)
    write_clip(folder / 'a.csv', clips['a'][0] + 1)
    write_labels(folder, [*ROWS.values(), 'b,wave,test,7'])
    _, storage = prepare(folder, skip_bad=True)
    np.testing.assert_allclose(storage.clip(0), clips['a'] + 1, rtol=1e-6)
    assert storage.class_names[storage.labels[1]] == 'nod'
    assert storage.columns['subject'][1] == 1


def test_nothing_good_at_all(tmp_path):
    folder = tmp_path / 'mine'
    four_clips(folder)
    write_labels(folder, ['other,wave,train,1'])
    for skip_bad in (False, True):
        with pytest.raises(BadDataError, match='raw data with 5 problems'):
            prepare(folder, skip_bad=skip_bad)
    four_clips(folder, joints=20)
    with pytest.raises(ValueError, match='no clips were added'):
        prepare(folder, skip_bad=True)
    assert not (tmp_path / 'out').exists()


def test_a_name_that_is_no_text(tmp_path):
    folder = tmp_path / 'mine'
    four_clips(folder)
    (folder / os.fsdecode(b'\xff.npy')).write_bytes(b'')
    summary, storage = prepare(folder, skip_bad=True)
    assert len(storage) == 4
    assert str(summary).encode().decode() == str(summary)
    assert summary.left_out == {'without a row in the labels file': ['\ufffd']}


@pytest.mark.parametrize('missing', ['mine', 'mine/labels.csv', 'classes'])
def test_missing_paths(tmp_path, missing):
    folder = tmp_path / 'mine'
    four_clips(folder)
    (tmp_path / 'classes').write_text('nod\nwave\n')
    os.rename(tmp_path / missing, tmp_path / 'elsewhere')
    labels = tmp_path / 'elsewhere' / 'labels.csv' if missing == 'mine' else folder / 'labels.csv'
    with pytest.raises(FileNotFoundError, match=f'there is no .*{missing}'):
        prepare_folder(folder, 'kinect_v2', labels, tmp_path / 'out', classes=tmp_path / 'classes')
    assert not (tmp_path / 'out').exists()


def test_a_folder_without_clips(tmp_path):
    (tmp_path / 'mine').mkdir()
    write_labels(tmp_path / 'mine', ROWS.values())
    with pytest.raises(ValueError, match=r'mine has no files \.csv, \.npy, \.npz; expected one a'):
        prepare(tmp_path / 'mine')


def test_classes_file_and_lists_in_the_folder(tmp_path):
    folder = tmp_path / 'mine'
    four_clips(folder)
    (folder / 'classes.csv').write_text('wave\nbow\nnod\n')
    summary, storage = prepare(folder, classes=folder / 'classes.csv')
    assert storage.class_names == ['wave', 'bow', 'nod']
    assert storage.labels.tolist() == [0, 2, 0, 2]
    assert 'classes: 3: wave (2), bow (0), nod (2)' in str(summary)
    assert summary.recordings == 4


def test_what_was_read_is_used_again_with_another_layout(tmp_path):
    folder = tmp_path / 'mine'
    clips = four_clips(folder, joints=20)
    with pytest.raises(BadDataError, match='raw data with 4 problems'):
        prepare(folder, 'kinect_v2')
    assert len(list((tmp_path / 'out.parts').iterdir())) == 1
    path = folder / 'a.npy'
    status = path.stat()
    write_clip(path, clips['a'][0] + 1)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # as if nothing had changed
    _, storage = prepare(folder, 'msr_action3d')
    assert np.array_equal(storage.clip(0), clips['a'])
    assert not (tmp_path / 'out.parts').exists()


def test_tool(tmp_path):
    folder = tmp_path / 'mine'
    four_clips(folder, joints=20)
    layout = tmp_path / 'layout.json'
    layout.write_text(json.dumps({**get_layout('kinect_v1').to_dict(), 'name': 'own'}))
    command = [
        *('data/prepare_folder.py', folder, '--layout', layout, '--to-layout', 'kinect_v2'),
        *('--labels', folder / 'labels.csv', '--out', tmp_path / 'out'),
    ]
    done = run_tool(*command, '--workers', 2)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('clips: 4 from 4 recordings\n  all 1\n')
    assert 'layout: kinect_v2\n' in done.stdout
    assert done.stdout.endswith(f'written: {tmp_path / "out"}\n')
    assert '4/4' in done.stderr
    assert ClipStorage(tmp_path / 'out').clip(1).shape == (2, 9, 25, 3)
    for name in ('x', 'y', 'z'):
        write_clip(folder / f'{name}.npy', np.zeros(3))
    write_labels(folder, [*ROWS.values(), 'x,wave,train,1', 'y,wave,train,1', 'w,nod,train,1'])
    os.remove(tmp_path / 'out')
    done = run_tool(*command)
    assert (done.returncode, done.stdout) == (1, '')
    assert 'Traceback' not in done.stderr
    last = done.stderr[done.stderr.index('prepare_folder.py: error: ') :].splitlines()
    assert last[0] == 'prepare_folder.py: error: raw data with 4 problems:'
    assert [last[1], last[4]] == ['  2 bad labels:', '  2 bad files:']
    listed = last[2:4] + last[5:7]
    for line, word in zip(listed, ('z.npy has no row', "'w' has no file", 'x.npy', 'y.npy')):
        assert word in line
    assert last[7] == ('Correct the labels, get the bad files again, or skip them with --skip-bad')
    assert not (tmp_path / 'out').exists()
