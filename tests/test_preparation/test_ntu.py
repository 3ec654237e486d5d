"""NTU RGB+D: from raw files to a data file."""

import itertools
import os

import numpy as np
import pytest

from halp_mm.datasets import ClipStorage
from halp_mm.datasets.ntu_actions import CLASS_NAMES
from halp_mm.preparation import BadDataError, Problem, prepare_ntu
from halp_mm.preparation.ntu.clip import EMPTY_FRAMES, SPURIOUS, SURPLUS
from halp_mm.preparation.ntu.people import choose_people
from halp_mm.preparation.ntu.skeleton_file import read_skeleton_file
from halp_mm.preparation.ntu.source import NTU_DATASETS, NTUSource
from halp_mm.synthetic.actions import ACTIONS
from halp_mm.synthetic.clips import generate_clip
from halp_mm.synthetic.raw_files import raw_ntu_clip
from tests.raw_ntu import slow_energy, slow_people, standing_people, write_clip
from tests.runs import run_tool

NAME = 'S001C001P001R001A001'


@pytest.fixture(scope='module')
def generated(tmp_path_factory):
    """150 generated clips, their files, the summary and the data file."""
    folder = tmp_path_factory.mktemp('ntu')
    numbers = itertools.product(range(1, 5), range(len(ACTIONS)), range(1, 4))  # 4 x 14 x 3
    clips = [
        raw_ntu_clip(generate_clip(0, subject, label, camera, repetition=1))
        for subject, label, camera in list(numbers)[:150]
    ]
    for clip in clips:
        path = folder / 'raw' / f'setup{clip.name[3]}' / f'{clip.name}.skeleton'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(clip.text, newline='')
    clips = {clip.name: clip for clip in clips}
    summary = prepare_ntu(folder / 'raw', 'ntu60', folder / 'out', workers=1)
    return clips, folder / 'raw', summary, ClipStorage(folder / 'out')


def test_generated_clips_come_back_bit_by_bit(generated):
    clips, _, summary, storage = generated
    assert storage.names == sorted(clips)
    assert len(clips) == summary.clips == 150
    for position, name in enumerate(storage.names):
        expected = sorted(
            clips[name].coordinates,
            key=lambda person: slow_energy({t: f for t, f in enumerate(person) if f.any()}),
            reverse=True,
        )
        assert storage.clip(position).numpy().tobytes() == np.stack(expected).tobytes()
        numbers = [int(name[start + 1 : start + 4]) for start in range(0, 20, 4)]
        columns = ('setup', 'camera', 'subject', 'replication')
        assert [int(storage.columns[key][position]) for key in columns] == numbers[:4]
        assert int(storage.labels[position]) == numbers[4] - 1
    assert (storage.layout.name, storage.dataset) == ('kinect_v2', 'ntu60')
    assert storage.class_names == list(CLASS_NAMES[:60])


def test_generated_clips_equal_a_slow_reading(generated):
    _, raw, summary, storage = generated
    paths = sorted(raw.rglob('*.skeleton'), key=lambda path: path.stem)
    dropped = []
    for position, path in enumerate(paths):
        people, spurious, surplus = slow_people(path)
        assert storage.clip(position).numpy().tobytes() == people.tobytes()
        dropped.append((spurious, surplus))
    names = [path.stem for path in paths]
    for way, times in zip((SPURIOUS, SURPLUS), zip(*dropped)):
        assert summary.cleaning[way] == {name: n for name, n in zip(names, times) if n}


def test_generated_clips_have_what_is_hard(generated):
    clips, raw, summary, storage = generated
    assert min(summary.people.values()) > 20
    assert len(summary.cleaning[SPURIOUS]) > 50
    assert len(summary.cleaning[EMPTY_FRAMES]) > 20
    empty = {name: int((~clip.coordinates.any((0, 2, 3))).sum()) for name, clip in clips.items()}
    assert summary.cleaning[EMPTY_FRAMES] == {name: n for name, n in empty.items() if n}
    swapped = 0
    for path in raw.rglob('*.skeleton'):
        file = read_skeleton_file(path)
        order = [tuple(file.body_ids[file.frames == frame]) for frame in set(file.frames.tolist())]
        swapped += len({ids[:1] for ids in order if len(ids) > 1}) > 1
    assert swapped > 20
    assert storage.notes['people'] == {str(n): clips for n, clips in summary.people.items()}
    assert 'two of largest energy' in storage.notes['choice_of_people']


def people_of(folder, clip, **options):
    return choose_people(read_skeleton_file(write_clip(folder, NAME, clip, **options)))


def test_two_of_largest_energy_of_four(tmp_path):
    clip = standing_people(4)
    for person, scale in enumerate((1.2, 1.0, 2.0, 1.6)):
        clip[person] *= scale
    people = people_of(tmp_path, clip, swapped_slots=True)
    assert people.coordinates.tobytes() == clip[[2, 3]].tobytes()
    assert (people.spurious, people.surplus) == (0, 2)


def test_people_of_equal_energy_stay_in_order(tmp_path):
    clip = standing_people(1)[[0, 0, 0]]
    clip[0, 0] = 0  # the other two are seen first
    clip[1, -1] = clip[2, -1] = 0
    clip[:, 1:-1] = clip[:, 1:2]
    clip[0, -1] = clip[1, 0] = clip[2, 0] = clip[0, 1]
    people = people_of(tmp_path, clip)
    assert people.coordinates.tobytes() == clip[[1, 2]].tobytes()


@pytest.mark.parametrize(('seen', 'kept'), [(11, 1), (12, 2)])
def test_somebody_who_is_hardly_seen_is_spurious(tmp_path, seen, kept):
    clip = standing_people(2, frames=30)
    clip[1] *= 2
    clip[1, seen:] = 0
    people = people_of(tmp_path, clip)
    assert len(people.coordinates) == kept
    assert people.spurious == 2 - kept


@pytest.mark.parametrize(('wide', 'kept'), [(13, 2), (14, 1)])
def test_somebody_who_is_wide_is_spurious(tmp_path, wide, kept):
    clip = standing_people(2, frames=20)
    clip[1] *= 2
    clip[1, :wide, :, 0] *= 8
    people = people_of(tmp_path, clip)
    assert len(people.coordinates) == kept


def test_one_stays_if_all_are_spurious(tmp_path):
    clip = standing_people(3, frames=5)
    clip[1] *= 2
    people = people_of(tmp_path, clip)
    assert people.coordinates.tobytes() == clip[[1]].tobytes()
    assert (people.spurious, people.surplus) == (2, 0)


def test_a_body_of_zeros_is_nobody(tmp_path):
    path = write_clip(tmp_path, NAME, standing_people(1, frames=2) * 0 + 1)
    path.write_text(path.read_text().replace('\n1 1 1 ', '\n0 0 0 '))
    assert read_skeleton_file(path).coordinates.shape == (2, 25, 3)
    assert len(choose_people(read_skeleton_file(path)).coordinates) == 0


@pytest.mark.parametrize('dataset', ['ntu60', 'ntu120'])
def test_splits(tmp_path, dataset):
    subjects = [1, 2, 3, 4, 28, 36, 40] + ([41, 45, 51, 103, 106] if dataset == 'ntu120' else [])
    setups = [1, 2, 17] + ([18, 31, 32] if dataset == 'ntu120' else [])
    names = [
        f'S{setup:03d}C{camera:03d}P{subject:03d}R002A{4 + camera:03d}'
        for setup, camera, subject in itertools.product(setups, (1, 2, 3), subjects)
    ]
    for name in names:
        write_clip(tmp_path / 'raw', name, standing_people(frames=1))
    summary = prepare_ntu(tmp_path / 'raw', dataset, tmp_path / 'out', workers=1)
    storage = ClipStorage(tmp_path / 'out')
    train = {1, 2, 4, 28, 45, 103} & set(subjects)
    expected = {
        'xsub_train': [n for n in sorted(names) if int(n[9:12]) in train],
        'xsub_test': [n for n in sorted(names) if int(n[9:12]) not in train],
    }
    if dataset == 'ntu60':
        expected['xview_train'] = [n for n in sorted(names) if n[7] != '1']
        expected['xview_test'] = [n for n in sorted(names) if n[7] == '1']
    else:
        expected['xset_train'] = [n for n in sorted(names) if int(n[1:4]) % 2 == 0]
        expected['xset_test'] = [n for n in sorted(names) if int(n[1:4]) % 2 == 1]
    assert {
        split: [storage.names[i] for i in storage.split(split)] for split in storage.splits
    } == expected
    assert summary.splits == {split: len(members) for split, members in expected.items()}
    assert len(storage.class_names) == {'ntu60': 60, 'ntu120': 120}[dataset]


def test_published_numbers_agree_with_each_other():
    for dataset in NTU_DATASETS.values():
        splits = list(dataset.splits.values())
        assert dataset.published == sum(splits[:2]) == sum(splits[2:])
    assert len(NTU_DATASETS['ntu60'].train_subjects) == 20
    assert len(NTU_DATASETS['ntu120'].train_subjects) == 53


def four_clips(folder):
    """One clip each: to ignore, without skeleton, of NTU-120 only, good."""
    write_clip(folder, 'S001C001P001R001A001', standing_people())
    write_clip(folder, 'S001C001P001R001A002', standing_people() * 0)
    write_clip(folder, 'S018C001P041R001A061', standing_people())
    write_clip(folder, 'S001C001P003R001A003', standing_people(2))
    return folder


def test_without_an_ignore_list(tmp_path):
    summary = prepare_ntu(four_clips(tmp_path / 'raw'), 'ntu60', tmp_path / 'out', workers=1)
    assert summary.left_out == {
        'of NTU RGB+D 120 only': ['S018C001P041R001A061'],
        'nobody is seen in any frame': ['S001C001P001R001A002'],
    }
    assert ClipStorage(tmp_path / 'out').notes['left_out'] == summary.left_out
    assert [line for line in str(summary).splitlines() if not line.startswith('classes')] == [
        'clips: 2 from 3 recordings',
        '  xsub_test 1 (published 16487)',
        '  xsub_train 1 (published 40091)',
        '  xview_test 2 (published 18932)',
        '  xview_train 0 (published 37646)',
        'people: 1 in 1 clips, 2 in 1 clips',
        'frames: 14 to 14 a clip',
        'layout: kinect_v2',
        'frames with nobody: 0 in 0 clips',
        'spurious bodies dropped: 0 in 0 clips',
        'bodies of less energy than two others dropped: 0 in 0 clips',
        'published: 56578 clips',
        'difference: -56576 clips',
        '  -56877 recorded clips that have no file',
        "  +302 clips named by the authors' list of missing skeletons, but not ignored",
        '  -1 clips without a skeleton',
        "no ignore list: the published counts need the authors' list of 302 clips with missing "
        'skeletons, which comes with the data; give it by --ignore-list',
        'left out: 2',
        '  1 of NTU RGB+D 120 only: S018C001P041R001A061',
        '  1 nobody is seen in any frame: S001C001P001R001A002',
        'problems: 0',
    ]


def test_ignore_list(tmp_path):
    raw = four_clips(tmp_path / 'raw')
    (raw / 'S001C001P001R001A001.skeleton').write_text('broken, but ignored')
    (tmp_path / 'list').write_text(
        'Samples with missing skeletons:\n\nS001C001P001R001A001\r\nS001C001P001R001A060.skeleton\n'
    )
    summary = prepare_ntu(raw, 'ntu120', tmp_path / 'out', tmp_path / 'list', workers=1)
    assert ClipStorage(tmp_path / 'out').names == ['S001C001P003R001A003', 'S018C001P041R001A061']
    assert summary.left_out['in the ignore list'] == ['S001C001P001R001A001']
    source = NTUSource(raw, 'ntu120', tmp_path / 'list')
    differences = list(source.differences(summary).values())
    assert differences == [4 - 114480, 535 - 1, -1]
    assert sum(differences) == summary.clips - 113945
    assert 'no ignore list' not in str(summary)


@pytest.mark.parametrize(
    ('text', 'error', 'message'),
    [
        (None, FileNotFoundError, 'there is no ignore list .*list; .*Omit --ignore-list'),
        (
            '',
            ValueError,
            'list has no name; expected the name of a clip such as S001C002',
        ),
        ('heading\n', ValueError, 'has no name; '),
        (f'head\n{NAME}\nS01C1\n', ValueError, "list, line 3: found 'S01C1'; .* Correct the line"),
        (f'{NAME}\n{NAME}\n', ValueError, f'has 1 names more than once: {NAME}; .* Remove'),
    ],
)
def test_bad_ignore_list(tmp_path, text, error, message):
    if text is not None:
        (tmp_path / 'list').write_text(text)
    with pytest.raises(error, match=message):
        prepare_ntu(four_clips(tmp_path / 'raw'), 'ntu60', tmp_path / 'out', tmp_path / 'list')
    assert sorted(path.name for path in tmp_path.iterdir()) == ['list', 'raw'][text is None :]


@pytest.mark.parametrize(
    ('arguments', 'error', 'message'),
    [
        (('none', 'ntu60'), FileNotFoundError, 'there is no folder none; expected the folder with'),
        (('.', 'ntu60'), ValueError, r'has no files SsssCcccPpppRrrrAaaa\.skeleton; .* Give the'),
        (('.', 'ntu90'), ValueError, "dataset is 'ntu90'; expected one of ntu60, ntu120"),
    ],
)
def test_bad_arguments(tmp_path, monkeypatch, arguments, error, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        prepare_ntu(*arguments, 'out')
    assert list(tmp_path.iterdir()) == []


def test_workers_must_be_positive(tmp_path):
    with pytest.raises(ValueError, match='workers is 0; expected 1 or more'):
        prepare_ntu(four_clips(tmp_path / 'raw'), 'ntu60', tmp_path / 'out', workers=0)


def damage(raw, kind):
    """A file with one kind of damage, and what is said of it."""
    path = raw / 'S001C001P002R001A005.skeleton'
    good = write_clip(raw, path.stem, standing_people()).read_text()
    lines = good.splitlines()
    if kind == 'empty':
        path.write_text('')
        return path, 'is empty'
    if kind == 'truncated in a frame':
        path.write_text('\n'.join(lines[:50]))
        return path, 'ends at line 50 within frame 2 of 14'
    if kind == 'frame count too high':
        path.write_text('\n'.join(['20', *lines[1:]]))
        return path, 'has 14 frames; its first line says 20'
    if kind == 'joint count':
        path.write_text('\n'.join([*lines[:3], '24', *lines[4:]]))
        return path, "line 4: found '24'; expected 25"
    if kind == 'letters':
        path.write_text('\n'.join([*lines[:9], 'abc' + lines[9], *lines[10:]]))
        return path, "line 10: found 'abc"
    if kind == 'NaN':
        words = lines[9].split()
        path.write_text('\n'.join([*lines[:9], ' '.join(['NaN', *words[1:]]), *lines[10:]]))
        return path, "line 10: found 'NaN"
    path.unlink()
    if kind == 'no NTU name':
        path = write_clip(raw, 'S001C001P001R001A121', standing_people())
        return path, 'the name is none of NTU RGB'
    if kind == 'another pattern':
        path = write_clip(raw, 'a01_s01', standing_people())
        return path, 'the name is none of NTU RGB'
    if kind == 'duplicate':
        path = write_clip(raw / 'sub', 'S001C001P003R001A003', standing_people())
        return path, 'clip S001C001P003R001A003 is also'
    if kind == 'directory':
        path.mkdir()
        return path, 'cannot be read: Is a directory; expected a readable file'
    if kind == 'dangling link':
        path.symlink_to('nothing')
        return path, 'cannot be read: No such file'
    assert kind == 'no permission'
    path.write_text(good)
    path.chmod(0)
    return path, 'cannot be read: Permission denied'


@pytest.mark.parametrize(
    'kind',
    [
        *('empty', 'truncated in a frame', 'frame count too high', 'joint count', 'letters', 'NaN'),
        *('no NTU name', 'another pattern', 'duplicate', 'directory', 'dangling link'),
        pytest.param(
            'no permission',
            marks=pytest.mark.skipif(os.geteuid() == 0, reason='root may read everything'),
        ),
    ],
)
def test_broken_input(tmp_path, kind):
    raw = four_clips(tmp_path / 'raw')
    path, reason = damage(raw, kind)
    with pytest.raises(BadDataError, match='raw data with 1 problems') as caught:
        prepare_ntu(raw, 'ntu60', tmp_path / 'out', workers=1)
    assert str(path) in str(caught.value)
    assert reason in str(caught.value)
    assert 'skip them with --skip-bad' in str(caught.value)
    assert not (tmp_path / 'out').exists()
    summary = prepare_ntu(raw, 'ntu60', tmp_path / 'out', workers=1, skip_bad=True)
    storage = ClipStorage(tmp_path / 'out')
    assert storage.names == ['S001C001P001R001A001', 'S001C001P003R001A003']
    assert storage.clip(1).shape == (2, 14, 25, 3)
    assert len(summary.problems) == 1
    assert [Problem(*problem) for problem in storage.notes['problems']] == summary.problems
    assert summary.problems[0].text.startswith(str(path))
    assert reason in summary.problems[0].text
    assert sum(NTUSource(raw, 'ntu60').differences(summary).values()) == summary.clips - 56578
    assert sorted(found.name for found in tmp_path.iterdir()) == ['out', 'raw']


def test_tool_lists_every_bad_file(tmp_path):
    raw = four_clips(tmp_path / 'raw')
    for number in range(1, 6):
        path = write_clip(raw, f'S002C001P001R001A{number:03d}', standing_people())
        path.write_text(str(number))
    done = run_tool('data/prepare_ntu.py', raw, '--dataset', 'ntu60', '--out', tmp_path / 'out')
    assert done.returncode == 1
    assert done.stdout == ''
    assert 'Traceback' not in done.stderr
    last = done.stderr[done.stderr.index('prepare_ntu.py: error: ') :].splitlines()
    assert last[0] == 'prepare_ntu.py: error: raw data with 5 problems:'
    assert last[1] == '  5 bad files:'
    for number, line in enumerate(last[2:7], 1):
        assert f'S002C001P001R001A{number:03d}.skeleton has 0 frames; its first line' in line
    assert not (tmp_path / 'out').exists()
    done = run_tool(
        *('data/prepare_ntu.py', raw, '--dataset', 'ntu60', '--out', tmp_path / 'out'),
        '--skip-bad',
    )
    assert done.returncode == 0, done.stderr
    assert 'problems: 5' in done.stdout
    assert '  5 bad: S002C001P001R001A001, ' in done.stdout
    assert done.stdout.endswith(f'written: {tmp_path / "out"}\n')
    assert '8/8' in done.stderr
    assert len(ClipStorage(tmp_path / 'out')) == 2
