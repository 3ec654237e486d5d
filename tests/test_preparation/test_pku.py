"""PKU-MMD: from raw files to a data file."""

import itertools

import numpy as np
import pytest

from halp_mm.datasets import ClipStorage
from halp_mm.preparation import BadDataError, Problem, prepare_pku
from halp_mm.preparation.pku.source import CLASS_NAMES, SPLIT_FILES
from halp_mm.synthetic import write_raw_pku
from halp_mm.synthetic.raw_files import generate_raw_pku
from tests.runs import run_tool

NAMES = {2: ['A01N01-L', 'A01N01-M', 'A02N03-R'], 1: ['0002-L', '0002-M', '0010-R']}
LABELS = ['3,1,4,2\n51,6,9,1\n', '1,2,2,unsure\n', '7,3,10,1\n']


def write_folder(root, part=2, splits_in=''):
    """Three videos of 10 frames; the second person of the first is there in frames 6 to 8."""
    generator = np.random.default_rng(0)
    videos = {}
    for name, label in zip(NAMES[part], LABELS):
        frames = generator.normal(size=(10, 2, 25, 3)).astype(np.float32)
        frames[:, 1] = 0
        if name == NAMES[part][0]:
            frames[5:8, 1] = generator.normal(size=(3, 25, 3))
        videos[name] = frames
        for kind in ('skeleton', 'label'):
            (root / kind).mkdir(parents=True, exist_ok=True)
        text = '\n'.join(' '.join(f'{x:.9g}' for x in frame.ravel()) for frame in frames)
        (root / 'skeleton' / f'{name}.txt').write_text(text + '\n \n')  # as files may end
        (root / 'label' / f'{name}.txt').write_text(label + '\n')
    first, second, third = NAMES[part]
    (root / splits_in).mkdir(exist_ok=True)
    for file, train, test in zip(
        SPLIT_FILES[part].values(), (f'{first}, {second},', f'{second}, {third}'), (third, first)
    ):
        text = f'Training videos:\n{train}\nValidation videos:\n{test}\n'
        (root / splits_in / file).write_text(text)
    return videos


@pytest.mark.parametrize(('part', 'splits_in'), [(2, ''), (2, 'Split'), (1, ''), (1, 'Split')])
def test_videos_are_cut_by_their_labels(tmp_path, part, splits_in):
    videos = write_folder(tmp_path / 'raw', part, splits_in)
    first, second, third = NAMES[part]
    summary = prepare_pku(tmp_path / 'raw', part, tmp_path / 'out', workers=1)
    storage = ClipStorage(tmp_path / 'out')
    assert storage.names == [
        f'{first}_00001_00004',
        f'{first}_00006_00009',
        f'{second}_00002_00002',
        f'{third}_00003_00010',
    ]
    expected = [
        videos[first][0:4, :1],
        videos[first][5:9],
        videos[second][1:2, :1],
        videos[third][2:10, :1],
    ]
    for position, clip in enumerate(expected):
        people = clip.transpose(1, 0, 2, 3)
        assert storage.clip(position).numpy().tobytes() == people.tobytes()
        assert storage.clip(position).shape == people.shape
    assert storage.labels.tolist() == [2, 50, 0, 6]
    assert {key: column.tolist() for key, column in storage.columns.items()} == {
        'video': [101, 101, 101, 203] if part == 2 else [2, 2, 2, 10],
        'camera': [1, 1, 2, 3],
        'start': [1, 6, 2, 3],
        'end': [4, 9, 2, 10],
    }
    assert {key: members.tolist() for key, members in storage.splits.items()} == {
        'xsub_train': [0, 1, 2],
        'xsub_test': [3],
        'xview_train': [2, 3],
        'xview_test': [0, 1],
    }
    assert storage.class_names == list(CLASS_NAMES)
    assert (storage.dataset, storage.layout.name) == (f'pku{part}', 'kinect_v2')
    known = {1: (18841, 2704), 2: (5332, 1613)}[part]
    assert [line for line in str(summary).splitlines() if not line.startswith('classes')] == [
        'clips: 4 from 3 recordings',
        f'  xsub_test 1 (published {known[1]})',
        f'  xsub_train 3 (published {known[0]})',
        '  xview_test 2',
        '  xview_train 2',
        'people: 1 in 3 clips, 2 in 1 clips',
        'frames: 1 to 8 a clip',
        'layout: kinect_v2',
        'left out: 0',
        'problems: 0',
    ]
    assert storage.notes['splits'] == summary.splits
    assert sorted(path.name for path in tmp_path.iterdir()) == ['out', 'raw']


def test_class_names():
    assert len(CLASS_NAMES) == len(set(CLASS_NAMES)) == 51
    assert list(CLASS_NAMES) == sorted(CLASS_NAMES)


@pytest.fixture(scope='module')
def generated(tmp_path_factory):
    folder = tmp_path_factory.mktemp('pku')
    assert write_raw_pku(folder / 'raw') == 60
    return folder / 'raw'


def test_generated_videos_come_back_bit_by_bit(generated, tmp_path):
    summary = prepare_pku(generated, 2, tmp_path / 'out', workers=1)
    storage = ClipStorage(tmp_path / 'out')
    assert summary.clips == 20 * 14 * 3
    position = 0
    for video in itertools.islice(generate_raw_pku(), 12):  # in the order of the names
        for label, start, end in video.actions:
            clip = [
                [video.frames[frame - 1, person] for frame in range(start, end + 1)]
                for person in (0, 1)
            ]
            people = np.array([person for person in clip if np.any(person)])
            assert storage.names[position] == f'{video.name}_{start:05d}_{end:05d}'
            assert storage.clip(position).numpy().tobytes() == people.tobytes()
            assert int(storage.labels[position]) == label
            position += 1
    assert position == 12 * 14
    assert summary.people == {1: 660, 2: 180}
    assert summary.splits == {
        **{'xsub_train': 420, 'xsub_test': 420, 'xview_train': 560, 'xview_test': 280},
    }


def test_videos_and_split_files_that_disagree(tmp_path):
    write_folder(tmp_path / 'raw')
    path = tmp_path / 'raw' / 'cross_subject_v2.txt'
    path.write_text('Training videos:\nA01N01-L,A09N09-M\nValidation videos:\nA02N03-R\n')
    summary = prepare_pku(tmp_path / 'raw', 2, tmp_path / 'out', workers=1)
    assert 'videos in no split of xsub: 1: A01N01-M' in str(summary)
    assert 'videos without files, but in a split of xsub: 1: A09N09-M' in str(summary)
    storage = ClipStorage(tmp_path / 'out')
    assert storage.splits['xsub_train'].tolist() == [0, 1]
    assert storage.splits['xview_train'].tolist() == [2, 3]


def test_clip_with_nobody_is_left_out(tmp_path):
    write_folder(tmp_path / 'raw')
    path = tmp_path / 'raw' / 'skeleton' / 'A01N01-M.txt'
    path.write_text('\n'.join([' '.join(['0'] * 150)] * 10))
    summary = prepare_pku(tmp_path / 'raw', 2, tmp_path / 'out', workers=1)
    assert summary.left_out == {'nobody is seen in any frame': ['A01N01-M_00002_00002']}
    assert len(ClipStorage(tmp_path / 'out')) == 3


LINE = ' '.join(['0.5'] * 150)


@pytest.mark.parametrize(
    ('file', 'text', 'reason', 'left'),
    [
        ('label', '0,1,4,2\n51,6,9,1', "line 1: found '0,1,4,2'; expected a label from 1 to 51", 3),
        ('label', '3,1,4,2\n52,6,9,1', "line 2: found '52,6,9,1'; expected a label from 1 to", 3),
        ('label', '3,4,1,2\n51,6,9,1', "line 1: found '3,4,1,2'; expected a start before the", 3),
        (
            'label',
            '3,0,4,2\n51,6,9,1',
            "line 1: found '3,0,4,2'; expected start and end",
            3,
        ),
        (
            'label',
            '3,1,4,2\n51,6,11,1',
            "'51,6,11,1'; expected start and end from 1 to 10",
            3,
        ),
        (
            'label',
            '3,1,4,2\n3,1,4,2',
            "line 2: found '3,1,4,2'; expected each start and end",
            3,
        ),
        ('label', '3,1,x,2\n51,6,9,1', "line 1: found '3,1,x,2'; expected label,start,end", 3),
        ('label', '3,1,4\n51,6,9,1', "line 1: found '3,1,4'; expected label,start,end,conf", 3),
        ('label', f'3,1,4,2\n{"x" * 999}', f"line 2: found '{'x' * 60}'; expected label,start", 3),
        ('label', f'{"9" * 5000},1,4,2\n51,6,9,1', "line 1: found '999", 3),
        ('label', '', 'is empty; expected a line label,start,end,confidence', 2),
        ('skeleton', '', 'is empty; expected 150 numbers a line', 2),
        ('skeleton', f'{LINE}\n{LINE[:-4]}\n', 'line 2: found 149 words', 2),
        ('skeleton', f'{LINE}\n\n{LINE}\n', 'line 2: found 0 words', 2),
        ('skeleton', f'{LINE}\nO{LINE[1:]}\n', "line 2: found 150 words, 'O.5 0.5", 2),
        ('skeleton', f'{LINE}\nNaN{LINE[3:]}\n', "line 2: found 150 words, 'NaN 0.5", 2),
        ('skeleton', f'1e39{LINE[3:]}\n', "line 1: found 150 words, '1e39 0.5", 2),
        ('skeleton', f'1_0{LINE[3:]}\n', "line 1: found 150 words, '1_0 0.5", 2),
        ('skeleton', None, 'cannot be read: Is a directory; expected a readable file', 2),
        ('label', None, 'cannot be read: Is a directory; expected a readable file', 2),
    ],
)
def test_broken_input(tmp_path, file, text, reason, left):
    raw, out = tmp_path / 'raw', tmp_path / 'out'
    write_folder(raw)
    path = raw / file / 'A01N01-L.txt'
    path.unlink()
    if text is None:
        path.mkdir()
    else:
        path.write_text(text)
    with pytest.raises(BadDataError, match='1 problems:') as caught:
        prepare_pku(raw, 2, out, workers=1)
    assert str(path) in str(caught.value)
    assert reason in str(caught.value)
    assert not out.exists()
    summary = prepare_pku(raw, 2, out, workers=1, skip_bad=True)
    storage = ClipStorage(out)
    assert len(storage) == left == summary.clips
    assert [Problem(*problem) for problem in storage.notes['problems']] == summary.problems
    assert len(summary.problems) == 1
    assert reason in str(summary)


@pytest.mark.parametrize(
    ('name', 'reason'),
    [
        ('skeleton/A03N01-L.txt', 'has no partner; expected '),
        ('label/A03N01-L.txt', 'has no partner; expected '),
        ('label/A03N01-X.txt', 'the name is none of PKU-MMD part 2; expected one such as A01N01-L'),
        ('skeleton/0002-L.txt', 'the name is none of PKU-MMD part 2'),
    ],
)
def test_files_that_do_not_belong(tmp_path, name, reason):
    write_folder(tmp_path / 'raw')
    (tmp_path / 'raw' / name).write_text('3,1,4,2\n')
    with pytest.raises(BadDataError) as caught:
        prepare_pku(tmp_path / 'raw', 2, tmp_path / 'out', workers=1)
    assert f'{tmp_path / "raw" / name}' in str(caught.value)
    assert reason in str(caught.value)
    summary = prepare_pku(tmp_path / 'raw', 2, tmp_path / 'out', workers=1, skip_bad=True)
    assert (summary.clips, len(summary.problems)) == (4, 1)


@pytest.mark.parametrize(
    ('text', 'error', 'message'),
    [
        (None, FileNotFoundError, r'there is no .*v2\.txt or .*Split.*v2\.txt; expected the split'),
        (
            'Training\nA01N01-L',
            ValueError,
            'has 2 lines; expected the names of the training',
        ),
        (
            'a\nA01N01-L\nb\n\n',
            ValueError,
            "line 4: found ''; expected names of videos such",
        ),
        ('a\nA01N01-L;A01N01-M\nb\nA02N03-R', ValueError, "line 2: found 'A01N01-L;A01N01-M'"),
        ('a\nA01N01-L\nb\nA01N01-L', ValueError, '1 videos both for training and for validation'),
    ],
)
def test_bad_split_file(tmp_path, text, error, message):
    write_folder(tmp_path / 'raw')
    path = tmp_path / 'raw' / 'cross_view_v2.txt'
    path.unlink()
    if text is not None:
        path.write_text(text)
    with pytest.raises(error, match=message):
        prepare_pku(tmp_path / 'raw', 2, tmp_path / 'out')
    assert [found.name for found in tmp_path.iterdir()] == ['raw']


def test_bad_arguments(tmp_path):
    with pytest.raises(ValueError, match='part is 3; expected 1 or 2'):
        prepare_pku(tmp_path, 3, tmp_path / 'out')
    with pytest.raises(FileNotFoundError, match=r'there is no folder .*skeleton; expected'):
        prepare_pku(tmp_path, 2, tmp_path / 'out')
    for kind in ('skeleton', 'label'):
        (tmp_path / kind).mkdir()
    with pytest.raises(ValueError, match='has no files skeleton/NAME'):
        prepare_pku(tmp_path, 2, tmp_path / 'out')


def test_tool(tmp_path):
    write_folder(tmp_path / 'raw', 1)
    done = run_tool(
        'data/prepare_pku.py',
        tmp_path / 'raw',
        '--part',
        1,
        '--out',
        tmp_path / 'out',
        '--workers',
        1,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('clips: 4 from 3 recordings\n')
    assert done.stdout.endswith(f'written: {tmp_path / "out"}\n')
    assert '3/3' in done.stderr
