"""Annotation pickles of MMAction2 and PYSKL: to data files, back, and read directly."""

import pickle
import pickletools
import re
import runpy
from pathlib import Path

import mmengine
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from halp_mm.datasets import ClipStorage, ClipWriter, SkeletonDataset, pad_clips
from halp_mm.datasets.ntu_actions import CLASS_NAMES
from halp_mm.datasets.opening import open_storage
from halp_mm.datasets.plain_pickle import load_plain_pickle
from halp_mm.preparation import (
    BadDataError,
    Problem,
    prepare_annotations,
    prepare_ntu,
    write_annotations,
)
from halp_mm.registry import TRANSFORMS
from tests.conftest import write_random_clips
from tests.raw_ntu import standing_people, write_clip
from tests.runs import CONFIG, ROOT, run_tool, tiny_options
from tests.test_datasets.test_plain_pickle import assert_equal


def annotation(name: str, label: object = 0, frames: int = 5, **others: object) -> dict:
    """A clip as NTU's pickles have it."""
    generator = np.random.default_rng(sum(name.encode()))
    keypoint = generator.normal(size=(2, frames, 25, 3)).astype(np.float32)
    return {
        'frame_dir': name,
        'label': label,
        'keypoint': keypoint,
        'total_frames': frames,
        **others,
    }


def of_poses(name: str, people: int, frames: int, kind: str = 'float16') -> dict:
    """A clip as pickles of poses in images have it."""
    generator = np.random.default_rng(sum(name.encode()))
    shape = (people, frames, 17)
    return {
        'keypoint': (300 * generator.random((*shape, 2))).astype(kind),
        'keypoint_score': generator.random(shape).astype(kind),
        'frame_dir': name,
        'img_shape': (1080, 1920),
        'original_shape': (1080, 1920),
        'total_frames': frames,
        'label': people,
    }


def ntu_like() -> dict:
    clips = [annotation(f'S{i:03d}', i % 3, 3 + i) for i in (4, 1, 3, 2, 0, 5, 7)]
    return {
        'split': {
            'xsub_train': ['S001', 'S000', 'S004'],
            'xsub_val': ['S003', 'S002', 'S005'],
            'xview_train': ['S004', 'S001', 'S003'],
            'empty': [],
        },
        'annotations': clips,
    }


def pose_like() -> dict:
    clips = [of_poses(f'video {i} ü', 1 + i % 2, 4 + i) for i in range(4)]
    clips[1]['original_shape'] = [720, 1280]
    del clips[2]['img_shape']
    clips[3]['num_person_raw'] = 7
    clips[3]['label'] = np.int64(3)
    clips[0]['total_frames'] = np.int32(4)
    return {'annotations': clips, 'split': {'val': ['video 0 ü'], 'train': ['video 3 ü']}}


def big_endian() -> dict:
    clips = [annotation('a', np.uint8(1)), annotation('b')]
    for clip in clips:
        clip['keypoint'] = (100 * clip['keypoint']).astype('>i2')
    return {'split': {'test': ['b'], 'val': ['a'], 'x_val': ['b'], 'x_test': ['a']}} | {
        'annotations': clips
    }


def written_back(content: dict) -> dict:
    """A pickle after its way through a data file: float32, plain integers, clips in one order."""
    annotations = []
    labels = sorted({int(given['label']) for given in content['annotations']})
    for given in content['annotations']:
        clip = {'frame_dir': given['frame_dir'], 'label': labels.index(given['label'])}
        for key in ('img_shape', 'original_shape'):
            clip |= {key: tuple(given[key])} if key in given else {}
        clip['total_frames'] = int(given['total_frames'])
        for key in ('keypoint', 'keypoint_score'):
            clip |= {key: given[key].astype(np.float32)} if key in given else {}
        annotations.append({**clip, **{key: n for key, n in given.items() if key not in clip}})
    order = [clip['frame_dir'] for clip in annotations]
    splits = {name: sorted(split, key=order.index) for name, split in content['split'].items()}
    return {'split': {k: v for k, v in splits.items() if v}, 'annotations': annotations}


def write(path: Path, content: object, protocol: int = 4) -> Path:
    path.write_bytes(pickle.dumps(content, protocol))
    return path


@pytest.mark.parametrize('protocol', [2, 3, 4, 5])
@pytest.mark.parametrize(
    ('make', 'layout'), [(ntu_like, 'kinect_v2'), (pose_like, 'coco17'), (big_endian, 'kinect_v2')]
)
def test_round_trip(tmp_path, make, layout, protocol):
    path = write(tmp_path / 'a.pkl', make(), protocol)
    prepare_annotations(path, tmp_path / 'b.safetensors', layout)
    write_annotations(tmp_path / 'b.safetensors', tmp_path / 'c.pkl')
    assert_same_content(load_plain_pickle(tmp_path / 'c.pkl'), written_back(make()))
    assert_same_content(mmengine.load(tmp_path / 'c.pkl'), written_back(make()))
    assert sorted(p.name for p in tmp_path.iterdir()) == ['a.pkl', 'b.safetensors', 'c.pkl']


def assert_same_content(actual: dict, expected: dict) -> None:
    """The same splits, in any order, and the same annotations in their order."""
    splits = sorted(actual['split'].items()), sorted(expected['split'].items())
    assert splits[0] == splits[1]
    assert_equal(actual['annotations'], expected['annotations'])


def test_the_pickle_opens_with_any_numpy_and_can_be_changed_in_place(tmp_path):
    path = write(tmp_path / 'a.pkl', pose_like())
    prepare_annotations(path, tmp_path / 'b', 'coco17')
    write_annotations(tmp_path / 'b', tmp_path / 'c.pkl')
    content = (tmp_path / 'c.pkl').read_bytes()
    strings = [arg for _, arg, _ in pickletools.genops(content) if isinstance(arg, str)]
    assert 'ndarray' in strings
    assert not any(string.startswith('numpy.') for string in strings)
    assert content[1] == 4
    loaded = mmengine.load(tmp_path / 'c.pkl')
    train = set(loaded['split']['train'])  # as MMAction2 and PYSKL choose the clips
    (clip,) = [clip for clip in loaded['annotations'] if clip['frame_dir'] in train]
    for key in ('keypoint', 'keypoint_score'):
        assert clip[key].flags.c_contiguous
        clip[key][0, 0] = 1
    assert clip['keypoint'].shape == (2, 7, 17, 2)


def test_data_file_has_what_the_pickle_has(tmp_path):
    content = pose_like()
    summary = prepare_annotations(
        write(tmp_path / 'my poses.pkl', content), tmp_path / 'b', 'coco17'
    )
    storage = ClipStorage(tmp_path / 'b')
    assert storage.names == [f'video {i} ü' for i in range(4)]
    for position, clip in enumerate(content['annotations']):
        expected = np.zeros((*clip['keypoint'].shape[:3], 3), np.float32)
        for m, t, v in np.ndindex(expected.shape[:3]):
            expected[m, t, v] = [*clip['keypoint'][m, t, v], clip['keypoint_score'][m, t, v]]
        assert storage.clip(position).numpy().tobytes() == expected.tobytes()
    assert storage.labels.tolist() == [0, 1, 0, 2]
    assert storage.class_names == ['class 1', 'class 2', 'class 3']
    assert (storage.layout.name, storage.dataset) == ('coco17', 'my poses')
    assert {key: column.tolist() for key, column in storage.columns.items()} == {
        'img_height': [1080, 1080, -1, 1080],
        'img_width': [1920, 1920, -1, 1920],
        'original_height': [1080, 720, 1080, 1080],
        'original_width': [1920, 1280, 1920, 1920],
        'num_person_raw': [-1, -1, -1, 7],
    }
    assert storage.split('test').tolist() == [0]
    assert storage.split('train').tolist() == [3]
    assert str(summary).splitlines() == [
        'clips: 4 from 4 recordings',
        '  test 1',
        '  train 1',
        '  2 in no split',
        'classes: 3: class 1 (2), class 2 (1), class 3 (1)',
        'people: 1 in 2 clips, 2 in 2 clips',
        'frames: 4 to 7 a clip',
        'layout: coco17',
        'split test is val in the pickle',
        'integer labels with gaps are numbered anew: the classes 0 to 2 are called like their '
        'labels: 1, 2, 3. With the names of all classes (--classes) labels stay as they are',
        'keypoint_score is the last channel',
        'rounded to float32: 0 clips',
        'keys not kept: 0',
        'left out: 0',
        'problems: 0',
    ]
    assert storage.notes['splits'] == {'test': 1, 'train': 1}


def test_splits_are_in_the_order_of_the_clips(tmp_path):
    prepare_annotations(write(tmp_path / 'a.pkl', ntu_like()), tmp_path / 'b', 'kinect_v2')
    storage = ClipStorage(tmp_path / 'b')
    names = {key: [storage.names[i] for i in split] for key, split in storage.splits.items()}
    assert names == {
        'xsub_train': ['S004', 'S001', 'S000'],
        'xsub_test': ['S003', 'S002', 'S005'],
        'xview_train': ['S004', 'S001', 'S003'],
    }


def test_a_name_that_is_taken_is_not_given_again(tmp_path):
    prepare_annotations(write(tmp_path / 'a.pkl', big_endian()), tmp_path / 'b', 'kinect_v2')
    assert set(ClipStorage(tmp_path / 'b').splits) == {'test', 'val', 'x_val', 'x_test'}


def test_what_cannot_be_kept_is_named(tmp_path):
    content = ntu_like() | {'meta': 'x', 'date': 3}
    given = content['annotations']
    given[0] |= {
        'box': np.ones(4),
        'url': 'x',
        'img_shape': None,
        'clip': 3,
        'big': 2**64,
        9: 1,
        '\udc80': 1,
    }
    given[1] |= {'url': 'y', 'with blank': 3, 'img_shape': (1.5, 2), 'original_shape': (1, 2, 3)}
    given[2]['keypoint'] = given[2]['keypoint'].astype(np.float64) + 1e-12
    given[3]['keypoint'] = given[3]['keypoint'].astype(np.float64)
    path = write(tmp_path / 'a.pkl', content)
    summary = prepare_annotations(path, tmp_path / 'b', 'kinect_v2')
    not_kept = {
        **{'box': 1, 'url': 2, 'img_shape': 2, 'clip': 1, 'big': 1},
        **{'with blank': 1, 'original_shape': 1, '9': 1, r"'\udc80'": 1},
    }
    lines = str(summary).encode().decode().splitlines()
    at = lines.index('rounded to float32: 1 clips')
    assert lines[at + 1 : at + 4] == [
        'keys not kept: 11',
        '  meta of the file',
        '  date of the file',
    ]
    listed = {f'  {key} of {n} clips' for key, n in not_kept.items()}
    assert set(lines[at + 4 : at + 13]) == listed
    assert ClipStorage(tmp_path / 'b').notes['remarks'] == summary.remarks
    write_annotations(tmp_path / 'b', tmp_path / 'c.pkl')
    assert_same_content(mmengine.load(tmp_path / 'c.pkl'), written_back(ntu_like()))


def test_from_a_data_file_that_never_was_a_pickle(tmp_path):
    with ClipWriter(tmp_path / 'a', 'coco17', ['sit', 'stand'], 'x') as writer:
        clips = [np.random.default_rng(i).random((1, 4 + i, 17, 3), np.float32) for i in range(3)]
        for i, clip in enumerate(clips):
            columns = {'subject': i, 'img_height': 4, 'img_width': 5}
            writer.add(f'c{i}', clip, i % 2, ['xsub_test' if i else 'xsub_train'], **columns)
    summary = write_annotations(tmp_path / 'a', tmp_path / 'b.pkl')
    assert_equal(
        mmengine.load(tmp_path / 'b.pkl'),
        {
            'split': {'xsub_val': ['c1', 'c2'], 'xsub_train': ['c0']},
            'annotations': [
                {
                    'frame_dir': f'c{i}',
                    'label': i % 2,
                    'img_shape': (4, 5),
                    'total_frames': 4 + i,
                    'keypoint': np.ascontiguousarray(clip[..., :2]),
                    'keypoint_score': np.ascontiguousarray(clip[..., 2]),
                    'subject': i,
                }
                for i, clip in enumerate(clips)
            ],
        },
    )
    assert str(summary).splitlines() == [
        'clips: 3',
        '  xsub_val 2 (in the data file xsub_test)',
        '  xsub_train 1',
        'keys: frame_dir, label, img_shape, total_frames, keypoint, keypoint_score, subject',
        'not kept, as such pickles have no place for it: layout, class names, notes',
    ]
    prepare_annotations(tmp_path / 'b.pkl', tmp_path / 'c', 'coco17')
    first, second = ClipStorage(tmp_path / 'a'), ClipStorage(tmp_path / 'c')
    assert torch.equal(first.block.frames[:], second.block.frames[:])
    assert first.splits.keys() == second.splits.keys()
    assert second.columns['subject'].tolist() == [0, 1, 2]


def test_ntu_from_raw_files_by_way_of_a_pickle(tmp_path):
    for name in ('S001C001P001R001A060', 'S001C002P003R001A002'):
        write_clip(tmp_path / 'raw', name, standing_people())
    prepare_ntu(tmp_path / 'raw', 'ntu60', tmp_path / 'a', workers=1)
    write_annotations(tmp_path / 'a', tmp_path / 'b.pkl')
    assert set(mmengine.load(tmp_path / 'b.pkl')['split']) == {
        *('xsub_train', 'xsub_val', 'xview_train', 'xview_val')
    }
    prepare_annotations(tmp_path / 'b.pkl', tmp_path / 'c', 'kinect_v2', dataset='ntu60')
    first, second = ClipStorage(tmp_path / 'a'), ClipStorage(tmp_path / 'c')
    assert second.class_names == first.class_names == list(CLASS_NAMES[:60])
    assert second.dataset == 'ntu60'
    assert torch.equal(first.block.frames[:], second.block.frames[:])
    for split in first.splits:
        assert torch.equal(first.split(split), second.split(split))


def test_class_names_from_a_file(tmp_path):
    path = write(tmp_path / 'a.pkl', ntu_like())
    classes = tmp_path / 'classes.txt'
    classes.write_text('sit \nstånd\r\nwave\njump\n\n', encoding='utf-8')
    prepare_annotations(path, tmp_path / 'b', 'kinect_v2', classes=classes)
    assert ClipStorage(tmp_path / 'b').class_names == ['sit', 'stånd', 'wave', 'jump']
    classes.write_text('sit\nstand\n')
    with pytest.raises(BadDataError, match="'S005' has label 2; expected an integer from 0 to 1"):
        prepare_annotations(path, tmp_path / 'c', 'kinect_v2', classes=classes)
    for text, words in (('', ' has no name'), ('sit\n\nwave\n', ', line 2: it is empty')):
        classes.write_text(text)
        with pytest.raises(ValueError, match=rf'classes\.txt{words}; expected the name of a class'):
            prepare_annotations(path, tmp_path / 'c', 'kinect_v2', classes=classes)
    with pytest.raises(FileNotFoundError, match=r'there is no classes file .*none'):
        prepare_annotations(path, tmp_path / 'c', 'kinect_v2', classes=tmp_path / 'none')
    content = ntu_like()
    content['annotations'][0]['label'] = 60
    write(path, content)
    with pytest.raises(BadDataError, match='0 to 59'):
        prepare_annotations(path, tmp_path / 'c', 'kinect_v2', dataset='ntu60')


def changed(key: str, value: object) -> dict:
    return annotation('bad') | {key: value}


def without(key: str) -> dict:
    clip = annotation('bad')
    del clip[key]
    return clip


def not_finite(value: float, kind: str = 'float32') -> np.ndarray:
    keypoint = annotation('bad')['keypoint'].astype(kind)
    keypoint[0, 2, 3, 1] = keypoint[1, 0, 0, 0] = value
    return keypoint


BAD = {
    'no keypoint': (without('keypoint'), 'has no keypoint; '),
    'no name': (without('frame_dir'), 'has no frame_dir; '),
    'empty name': (changed('frame_dir', ''), "has frame_dir ''; expected a name on one line"),
    'two lines': (changed('frame_dir', 'a\nb'), r"has frame_dir 'a\\nb'; "),
    'number as name': (changed('frame_dir', 7), 'has frame_dir 7; '),
    'surrogate': (changed('frame_dir', '\udc80'), r"has frame_dir '\\udc80'; "),
    'duplicate': (annotation('S001'), "'S001' has the name of an earlier one"),
    'negative label': (
        changed('label', -1),
        r'has label -1; expected an integer from 0 to 9999, or',
    ),
    'huge label': (changed('label', 10_000), 'has label 10000; expected an integer from 0'),
    'float label': (changed('label', 1.0), r'has label 1\.0; '),
    'bool label': (changed('label', True), 'has label True; '),
    'text label': (changed('label', 'sit'), "has label 'sit'; "),
    'total_frames': (changed('total_frames', 6), 'has total_frames 6, but its keypoint 5 frames'),
    'people and frames': (
        changed('total_frames', 2),
        r'has total_frames 2 and a keypoint \[2, 5, 25, 3\], which looks like \[T, M, V, C\]',
    ),
    'total_frames text': (changed('total_frames', '5'), "has total_frames '5', but"),
    'list': (changed('keypoint', [[1.0]]), r'as keypoint a list; expected an array of numbers \[M'),
    'bool keypoint': (changed('keypoint', np.ones((1, 5, 25, 3), bool)), 'of bool; expected'),
    'complex': (changed('keypoint', np.ones((1, 5, 25, 3), complex)), 'of complex128; expected'),
    '3 axes': (changed('keypoint', np.ones((5, 25, 3))), r'an array \[5, 25, 3\] of float64; '),
    'joints': (
        changed('keypoint', np.ones((1, 5, 24, 3))),
        "has 24 joints; layout 'kinect_v2' has 25",
    ),
    'nobody': (changed('keypoint', np.ones((0, 5, 25, 3))), 'has 0 people and 5 frames; expected'),
    'no frames': (annotation('bad', frames=0), 'has 2 people and 0 frames; expected at least one'),
    'coordinates': (
        changed('keypoint', np.ones((1, 5, 25, 2))),
        "has 2 coordinates a joint; layout 'kinect_v2' has 3 dimensions",
    ),
    'more channels': (
        changed('keypoint', np.ones((1, 5, 25, 4))),
        'has 4 coordinates without keypoint_score; most have 3 coordinates without keypoint_score',
    ),
    'score': (
        changed('keypoint_score', np.ones((2, 5, 25))),
        'has 3 coordinates and a keypoint_score; most have 3 coordinates without',
    ),
    'score of another shape': (
        changed('keypoint_score', np.ones((2, 5, 24))),
        r'has as keypoint_score an array \[2, 5, 24\] of float64; expected .* \[2, 5, 25\]',
    ),
    'no score': (changed('keypoint_score', None), 'has as keypoint_score a NoneType; '),
    'NaN': (changed('keypoint', not_finite(np.nan)), 'has 2 numbers that are NaN, infinite or'),
    'infinite': (changed('keypoint', not_finite(-np.inf, 'float16')), 'has 2 numbers that are NaN'),
    'too large': (changed('keypoint', not_finite(1e39, 'float64')), 'has 2 numbers that are NaN'),
}


def test_more_people_than_frames_in_most_clips(tmp_path):
    content = ntu_like()
    for i, clip in enumerate(content['annotations']):
        if i > 2:
            clip['keypoint'] = clip['keypoint'].transpose(1, 0, 2, 3)
            clip['total_frames'] = 2
    path = write(tmp_path / 'a.pkl', content)
    words = r'4 of 7 keypoints have more people than frames, such as \[5, 2, 25, 3\].*transpose'
    with pytest.raises(ValueError, match=words):
        prepare_annotations(path, tmp_path / 'b', 'kinect_v2')
    with pytest.raises(ValueError, match=words):
        SkeletonDataset(path, 'xsub_train', layout='kinect_v2')


@pytest.mark.parametrize('case', BAD)
def test_bad_clips_are_named_and_can_be_left_out(tmp_path, case):
    clip, words = BAD[case]
    content = ntu_like()
    content['annotations'].insert(2, clip)
    if clip.get('frame_dir') == 'bad':
        content['split']['xsub_train'].append('bad')
    path = write(tmp_path / 'a.pkl', content)
    with pytest.raises(BadDataError, match=words) as caught:
        prepare_annotations(path, tmp_path / 'b', 'kinect_v2')
    assert 'raw data with 1 problems:' in str(caught.value)
    assert str(path) in str(caught.value)
    name = clip.get('frame_dir')
    shown = repr(name) if isinstance(name, str) else "'annotation 2'"
    assert f'{path}: {shown} has ' in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ['a.pkl']

    summary = prepare_annotations(path, tmp_path / 'b', 'kinect_v2', skip_bad=True)
    notes = ClipStorage(tmp_path / 'b').notes
    if not isinstance(name, str):
        name = 'annotation 2'
    assert summary.left_out == {'bad': [name if name and name.isprintable() else repr(name)]}
    assert len(summary.problems) == 1
    assert [Problem(*problem) for problem in notes['problems']] == summary.problems
    assert notes['left_out'] == summary.left_out
    write_annotations(tmp_path / 'b', tmp_path / 'c.pkl')
    assert_same_content(mmengine.load(tmp_path / 'c.pkl'), written_back(ntu_like()))


@pytest.mark.parametrize(
    ('name', 'words'),
    [
        ('S999', "split 'xsub_val' has 1 names of which there is no annotation: S999"),
        ('S003', "split 'xsub_val' has 1 names more than once: S003"),
        (['S003'], "split 'xsub_val' has 1 names that are no strings: ['S003']"),
        ('\udc80', r"split 'xsub_val' has 1 names of which there is no annotation: '\udc80'"),
    ],
)
def test_bad_names_in_a_split(tmp_path, name, words):
    content = ntu_like()
    content['split']['xsub_val'].append(name)
    path = write(tmp_path / 'a.pkl', content)
    with pytest.raises(BadDataError) as caught:
        prepare_annotations(path, tmp_path / 'b', 'kinect_v2')
    expected = f'raw data with 1 problems:\n  1 bad splits:\n    {path}: {words}\n'
    assert expected in str(caught.value)
    assert str(caught.value).endswith('\nCorrect the splits, or skip them with --skip-bad')
    summary = prepare_annotations(path, tmp_path / 'b', 'kinect_v2', skip_bad=True)
    assert summary.problems == [Problem('bad splits', f'{path}: {words}')]
    write_annotations(tmp_path / 'b', tmp_path / 'c.pkl')
    assert_same_content(mmengine.load(tmp_path / 'c.pkl'), written_back(ntu_like()))


def test_all_problems_are_listed(tmp_path):
    content = {'split': {}, 'annotations': [clip for clip, _ in BAD.values()]}
    path = write(tmp_path / 'a.pkl', content)
    with pytest.raises(BadDataError) as caught:
        prepare_annotations(path, tmp_path / 'b', 'kinect_v2')
    for case, (_, words) in BAD.items():
        texts = [problem.text for problem in caught.value.problems]
        assert case == 'duplicate' or any(re.search(words, text) for text in texts)
    assert '\n    and 9 more\nCorrect the clips' in str(caught.value)
    only_bad = {'split': {}, 'annotations': content['annotations'][:2]}
    with pytest.raises(ValueError, match='raw data with 2 problems'):
        prepare_annotations(write(path, only_bad), tmp_path / 'b', 'kinect_v2', skip_bad=True)


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        ([annotation('a')], "is a pickle of a list; expected a dict with 'split', a dict of"),
        ({'annotations': []}, r"has no 'split', but \['annotations'\]; expected a dict"),
        ({}, "has no 'split' and no 'annotations', but"),
        ({'split': [], 'annotations': []}, "'split' is a list; expected a dict"),
        ({'split': {'a': ('b',)}, 'annotations': []}, "split 'a' is a tuple; expected a dict"),
        ({'split': {3: []}, 'annotations': []}, 'split 3 is a list; expected a dict'),
        ({'split': {}, 'annotations': {}}, "'annotations' is not a list of dicts; expected"),
        ({'split': {}, 'annotations': [3]}, "'annotations' is not a list of dicts; expected"),
        ({'split': {}, 'annotations': []}, "'annotations' is empty; expected one dict a clip"),
    ],
)
def test_other_pickles(tmp_path, content, words):
    path = write(tmp_path / 'a.pkl', content)
    with pytest.raises(ValueError, match=words) as caught:
        prepare_annotations(path, tmp_path / 'b', 'kinect_v2')
    assert str(caught.value).startswith(str(path))


def batches(dataset: SkeletonDataset, **options) -> list[dict]:
    return list(DataLoader(dataset, batch_size=2, collate_fn=pad_clips, **options))


def assert_same_batches(ours: list[dict], theirs: list[dict]) -> None:
    assert len(ours) == len(theirs) > 1
    for one, other in zip(ours, theirs):
        assert one.keys() == other.keys()
        for key in ('clips', 'num_frames', 'labels', 'indices'):
            assert torch.equal(one[key], other[key]), key
        assert one['layout'] == other['layout']
        assert one['normalized'] == other['normalized']


@pytest.fixture
def both(tmp_path):
    """A pickle, and the data file made of it."""
    path = write(tmp_path / 'a.pkl', ntu_like())
    prepare_annotations(path, tmp_path / 'a.safetensors', 'kinect_v2')
    return path, tmp_path / 'a.safetensors'


@pytest.mark.parametrize('split', ['xsub_train', 'xsub_test', 'xview_train'])
def test_a_pickle_gives_the_same_batches_as_its_data_file(both, split):
    ours, theirs = (SkeletonDataset(path, split, layout='kinect_v2') for path in both)
    assert_same_batches(batches(ours), batches(theirs))
    assert ours.names == theirs.names
    assert ours.metainfo == theirs.metainfo
    assert torch.equal(ours.labels, theirs.labels)
    assert ours.num_bytes == theirs.num_bytes
    assert ours.num_people == theirs.num_people == 2
    normalization = TRANSFORMS.build(dict(type='PreNormalize3D'))
    for dataset in (ours, theirs):
        dataset.normalize_once(normalization)
    assert_same_batches(batches(ours), batches(theirs))


def test_storage_of_a_pickle_has_what_the_data_file_has(tmp_path):
    path = write(tmp_path / 'a.pkl', pose_like())
    prepare_annotations(path, tmp_path / 'b', 'coco17')
    ours, theirs = (
        SkeletonDataset(path, 'train', layout='coco17')._storage,
        ClipStorage(tmp_path / 'b'),
    )
    assert torch.equal(ours.block.frames[:], theirs.block.frames[:])
    assert torch.equal(ours.labels, theirs.labels)
    assert ours.names == theirs.names
    assert ours.columns.keys() == theirs.columns.keys()
    for key, column in theirs.columns.items():
        assert torch.equal(ours.columns[key], column)
    assert ours.class_names == theirs.class_names


@pytest.mark.parametrize('start', ['fork', 'spawn'])
def test_workers_of_a_pickle(both, start):
    dataset = SkeletonDataset(both[0], 'xsub_train', layout='kinect_v2')
    alone = batches(dataset)
    both[0].unlink()  # workers do not read it again
    assert_same_batches(batches(dataset, num_workers=1, multiprocessing_context=start), alone)


def test_splits_share_the_memory_of_a_pickle(both):
    train = SkeletonDataset(both[0], 'xsub_train', layout='kinect_v2')
    test = SkeletonDataset(both[0], 'xsub_test', layout='kinect_v2')
    assert train._storage is test._storage
    content = ntu_like()
    content['annotations'][0]['label'] = 0
    write(both[0], content)  # another file now
    changed = SkeletonDataset(both[0], 'xsub_train', layout='kinect_v2')
    assert changed.labels[0] == 0
    assert train.labels[0] == 1


def test_labels_with_gaps(tmp_path, caplog):
    content = ntu_like()
    for clip in content['annotations']:
        clip['label'] = (1, 5, 12)[clip['label']]
    path = write(tmp_path / 'gaps.pkl', content)
    dataset = SkeletonDataset(path, 'xsub_train', layout='kinect_v2')
    assert dataset.metainfo['classes'] == ['class 1', 'class 5', 'class 12']
    whole = SkeletonDataset(write(tmp_path / 'a.pkl', ntu_like()), 'xsub_train', layout='kinect_v2')
    assert dataset.labels.tolist() == whole.labels.tolist()
    (tmp_path / 'names.txt').write_text('\n'.join(f'action {i}' for i in range(13)))
    words = (tmp_path / 'b', 'kinect_v2', None, tmp_path / 'names.txt')
    assert 'numbered anew' not in str(prepare_annotations(path, *words))
    assert set(ClipStorage(tmp_path / 'b').labels.tolist()) == {1, 5, 12}


def test_clips_without_labels_come_back(tmp_path):
    content = ntu_like()
    del content['annotations'][1]['label']
    name = content['annotations'][1]['frame_dir']
    path, out = write(tmp_path / 'a.pkl', content), tmp_path / 'b.safetensors'
    prepare_annotations(path, out, 'kinect_v2')
    for storage in (ClipStorage(out), open_storage(path, 'kinect_v2')):
        assert [storage.names[i] for i in (storage.labels == -1).nonzero()] == [name]
    write_annotations(out, tmp_path / 'c.pkl')
    again = load_plain_pickle(tmp_path / 'c.pkl')['annotations']
    assert [clip['frame_dir'] for clip in again if 'label' not in clip] == [name]


def test_a_pickle_needs_a_layout(both):
    with pytest.raises(
        ValueError, match=r"a\.pkl is a pickle, .* of 25 joints, .*'kinect_v2', 'openpose25'\]"
    ):
        SkeletonDataset(both[0], 'xsub_train')
    with pytest.raises(ValueError, match="25 joints; layout 'coco17' has 17"):
        SkeletonDataset(both[0], 'xsub_train', layout='coco17')


def test_a_layout_agrees_with_the_data_file(both):
    SkeletonDataset(both[1], 'xsub_train', layout='kinect_v2')
    with pytest.raises(ValueError, match=r"has layout 'kinect_v2', .* the layout 'coco17', which"):
        SkeletonDataset(both[1], 'xsub_train', layout='coco17')


def test_a_bad_pickle_says_what_makes_a_good_one(tmp_path):
    content = ntu_like()
    content['annotations'][2]['label'] = -1
    path = write(tmp_path / 'a.pkl', content)
    with pytest.raises(
        ValueError, match=r"'S003' has label -1(.|\n)*--skip-bad, an option of tool"
    ):
        SkeletonDataset(path, 'xsub_train', layout='kinect_v2')


def test_unknown_and_empty_splits_of_a_pickle(both):
    with pytest.raises(ValueError, match=r"a\.pkl has no split 'xsub_val'; .*'xsub_test'"):
        SkeletonDataset(both[0], 'xsub_val', layout='kinect_v2')
    with pytest.raises(ValueError, match=r"split 'empty' of .*a\.pkl is empty"):
        SkeletonDataset(both[0], 'empty', layout='kinect_v2')


def test_columns_with_names_of_other_keys(tmp_path):
    with ClipWriter(tmp_path / 'a', 'kinect_v2', ['sit'], 'x') as writer:
        writer.add('c', standing_people(), 0, total_frames=3)
    with pytest.raises(ValueError, match=r"columns \['total_frames'\] have names that mean"):
        write_annotations(tmp_path / 'a', tmp_path / 'b.pkl')


def test_tool_goes_both_ways(tmp_path):
    path = write(tmp_path / 'a.pickle', ntu_like())
    out = tmp_path / 'new' / 'b.safetensors'
    done = run_tool('data/convert_annotations.py', path, out, '--layout', 'kinect_v2')
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('clips: 7 from 7 recordings\n  empty 0\n  xsub_test 3\n')
    assert 'split xsub_test is xsub_val in the pickle\n' in done.stdout
    assert done.stdout.endswith(f'problems: 0\nwritten: {out}\n')
    assert '7/7' in done.stderr
    done = run_tool('data/convert_annotations.py', out, tmp_path / 'c.pkl')
    assert done.returncode == 0, done.stderr
    assert '7/7' in done.stderr
    assert_same_content(mmengine.load(tmp_path / 'c.pkl'), written_back(ntu_like()))


def test_errors_of_the_tool(tmp_path, both, capsys):
    main = runpy.run_path(str(ROOT / 'tools/data/convert_annotations.py'))['main']
    clips = ntu_like()
    clips['annotations'][0]['label'] = -1
    bad = write(tmp_path / 'bad.pkl', clips)
    hostile = tmp_path / 'hostile.pkl'
    hostile.write_bytes(b'cos\nsystem\n(S"touch ' + bytes(tmp_path / 'marker') + b'"\ntR.')
    out = tmp_path / 'out.safetensors'
    layout = ('--layout', 'kinect_v2')
    for arguments, words in (
        (
            (bad, out, *layout),
            f"raw data with 1 problems:\n  1 bad clips:\n    {bad}: 'S004' has label -1; ",
        ),
        ((hostile, out, *layout), f"{hostile} holds the name 'os.system'. It was not run; "),
        ((tmp_path / 'none.pkl', out), f'there is no file {tmp_path / "none.pkl"}; expected a'),
        ((both[1], tmp_path / 'out.pkl', *layout, '--skip-bad'), '--layout, --skip-bad is for '),
        ((both[0], tmp_path / 'out.pkl'), f'found {both[0]} and {tmp_path / "out.pkl"}; expected'),
    ):
        assert main([str(argument) for argument in arguments]) == 1
        printed = capsys.readouterr()
        assert printed.out == ''
        assert printed.err.startswith(f'convert_annotations.py: error: {words}')
    assert not out.exists()
    assert not (tmp_path / 'out.pkl').exists()
    assert not (tmp_path / 'marker').exists()


def test_bad_clips_are_left_out_by_the_tool(tmp_path, capsys):
    main = runpy.run_path(str(ROOT / 'tools/data/convert_annotations.py'))['main']
    clips = ntu_like()
    clips['annotations'][0]['label'] = -1
    path, out = write(tmp_path / 'a.pkl', clips), tmp_path / 'b.safetensors'
    assert main([str(path), str(out), '--layout', 'kinect_v2', '--skip-bad']) == 0
    assert 'left out: 1\n  1 bad: S004\nproblems: 1\n' in capsys.readouterr().out
    assert len(ClipStorage(out)) == 6


def test_training_on_a_pickle(tmp_path):
    data_file = write_random_clips(tmp_path / 'clips.safetensors')
    write_annotations(data_file, tmp_path / 'clips.pkl')
    options = tiny_options(
        tmp_path / 'clips.pkl',
        train_cfg__max_epochs=2,
        train_dataloader__dataset__layout='kinect_v2',
        test_dataset__layout='kinect_v2',
        test_dataset__split='test',
    )
    done = run_tool('train.py', CONFIG, '--work-dir', tmp_path / 'work', *options)
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r'Epoch\(val\) \[\d\]  val/knn_top1: [\d.]+', done.stdout)) == 2
    state = torch.load(tmp_path / 'work' / 'epoch_2.pth', weights_only=True)['state_dict']
    assert all(torch.isfinite(value).all() for value in state.values())
