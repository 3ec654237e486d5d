"""MSR-Action3D: raw files, cleaned, to a data file."""

import os
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from halp_mm.datasets import ClipStorage
from halp_mm.preparation import prepare_msr_action3d
from halp_mm.preparation.msr_action3d.clip import fill_gaps
from halp_mm.preparation.msr_action3d.source import CLASS_NAMES
from tests.runs import run_tool

REPOSITORY = Path(__file__).parents[2]
SHARED = Path(os.environ.get('HALP_MM_SHARED_DATA', REPOSITORY.parent / 'shared' / 'data'))
ZIP = SHARED / 'MSRAction3DSkeletonReal3D.zip'
CLIP_LIST = SHARED / 'msr_action3d_557_list.txt'

NAMES = ['a01_s01_e01', 'a02_s02_e03', 'a20_s09_e02', 'a13_s10_e01']


def random_clip(frames: int = 6, seed: int = 0, unseen: tuple[int, ...] = ()) -> np.ndarray:
    """``[T, 20, 3]`` with as many decimals as the raw files have."""
    clip = np.random.default_rng(seed).normal(size=(frames, 20, 3)).round(6).astype(np.float32)
    clip[list(unseen)] = 0
    return clip


def as_text(clip: np.ndarray) -> str:
    """A clip in the format of the raw files."""
    return ''.join(f'{x:.6f} {y:.6f} {z:.6f} 1.000000\n' for x, y, z in clip.reshape(-1, 3))


def write_folder(folder: Path, texts: dict[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / f'{name}_skeleton3D.txt').write_text(text)
    return folder


def write_zip(path: Path, texts: dict[str, str], folder: str = 'MSR/') -> Path:
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(f'{folder}{name}_skeleton3D.txt', text)
    return path


def small_data() -> dict[str, np.ndarray]:
    return {name: random_clip(5 + i, seed=i) for i, name in enumerate(NAMES)}


def small_texts() -> dict[str, str]:
    return {name: as_text(clip) for name, clip in small_data().items()}


def fill_gaps_slowly(clip: np.ndarray) -> np.ndarray:
    """Frame by frame, joint by joint, coordinate by coordinate."""
    seen = [t for t in range(len(clip)) if np.abs(clip[t]).sum() > 0]
    if not seen:
        return clip[:0]
    frames = range(seen[0], seen[-1] + 1)
    result = np.zeros((len(frames), *clip.shape[1:]))
    for row, t in enumerate(frames):
        before = max(s for s in seen if s <= t)
        after = min(s for s in seen if s >= t)
        share = 0.0 if before == after else (t - before) / (after - before)
        for joint in range(clip.shape[1]):
            for axis in range(clip.shape[2]):
                start, end = float(clip[before, joint, axis]), float(clip[after, joint, axis])
                result[row, joint, axis] = start + share * (end - start)
    return result


@pytest.mark.parametrize(
    ('frames', 'unseen', 'cut', 'interpolated'),
    [
        (6, (), 0, 0),
        (1, (), 0, 0),
        (6, (0, 1), 2, 0),
        (6, (5,), 1, 0),
        (9, (3, 4, 5), 0, 3),
        (9, (1, 7), 0, 2),
        (12, (0, 2, 3, 5, 6, 7, 10, 11), 3, 5),
        (30, tuple(range(1, 29)), 0, 28),
        (4, (0, 1, 3), 3, 0),
        (4, (0, 1, 2, 3), 4, 0),
    ],
)
def test_fill_gaps_equals_a_loop(frames, unseen, cut, interpolated):
    clip = random_clip(frames, unseen=unseen)
    before = clip.copy()
    cleaned, frames_cut, frames_interpolated = fill_gaps(clip)
    assert cleaned.dtype == np.float32
    assert (frames_cut, frames_interpolated) == (cut, interpolated)
    np.testing.assert_allclose(cleaned, fill_gaps_slowly(clip), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(clip, before)


def test_fill_gaps_keeps_seen_frames_bit_by_bit():
    clip = random_clip(20, unseen=(0, 4, 5, 6, 19))
    clip[3, :5] = 0  # part of a body is no gap
    cleaned, _, _ = fill_gaps(clip)
    seen = [t for t in range(1, 19) if t not in (4, 5, 6)]
    assert cleaned[[t - 1 for t in seen]].tobytes() == clip[seen].tobytes()


@pytest.mark.parametrize('kind', ['folder', 'subfolders', 'zip', 'flat zip'])
def test_files_become_clips(tmp_path, kind):
    texts, raw = small_texts(), tmp_path / 'raw'
    if kind == 'subfolders':
        for i, (name, text) in enumerate(texts.items()):
            write_folder(raw / f'part{i % 2}' / 'deep', {name: text})
    elif kind == 'folder':
        write_folder(raw, texts)
    else:
        write_zip(raw, texts, folder='' if kind == 'flat zip' else 'MSR/')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        summary = prepare_msr_action3d(raw, tmp_path / 'out' / 'msr.safetensors')
    storage = ClipStorage(tmp_path / 'out' / 'msr.safetensors')
    assert storage.names == sorted(NAMES)
    for position, name in enumerate(storage.names):
        clip = storage.clip(position).numpy()
        assert clip.tobytes() == small_data()[name][None].tobytes()
    assert storage.labels.tolist() == [0, 1, 12, 19]
    assert storage.columns['subject'].tolist() == [1, 2, 10, 9]
    assert storage.columns['repetition'].tolist() == [1, 3, 1, 2]
    assert storage.split('xsub_train').tolist() == [0, 3]
    assert storage.split('xsub_test').tolist() == [1, 2]
    assert storage.layout.name == storage.dataset == 'msr_action3d'
    assert storage.class_names == list(CLASS_NAMES)
    assert (summary.clips, summary.splits) == (4, {'xsub_train': 2, 'xsub_test': 2})
    assert summary.cleaning == {'frames cut': {}, 'frames interpolated': {}}
    assert summary.left_out == {}


def test_class_names():
    assert len(CLASS_NAMES) == len(set(CLASS_NAMES)) == 20
    assert (CLASS_NAMES[0], CLASS_NAMES[12], CLASS_NAMES[19]) == (
        'high arm wave',
        'bend',
        'pick up & throw',
    )


def test_subjects_of_the_splits(tmp_path):
    texts = {f'a01_s{s:02d}_e01': as_text(random_clip(1)) for s in range(1, 11)}
    prepare_msr_action3d(write_folder(tmp_path / 'raw', texts), tmp_path / 'out')
    storage = ClipStorage(tmp_path / 'out')
    subjects = storage.columns['subject']
    assert subjects[storage.split('xsub_train')].tolist() == [1, 3, 5, 7, 9]
    assert subjects[storage.split('xsub_test')].tolist() == [2, 4, 6, 8, 10]


def test_cleaning_is_stored_and_summed_up(tmp_path):
    clips = {
        'a01_s01_e01': random_clip(8, unseen=(0, 3, 4, 7)),
        'a01_s02_e01': random_clip(5, unseen=(3, 4)),
        'a01_s03_e01': random_clip(3, unseen=(0, 1, 2)),
        'a01_s04_e01': random_clip(3),
        'a01_s05_e01': random_clip(3),
    }
    raw = write_zip(tmp_path / 'raw.zip', {name: as_text(clip) for name, clip in clips.items()})
    (tmp_path / 'list.txt').write_text('\n'.join(sorted(clips, reverse=True)[1:]))
    summary = prepare_msr_action3d(raw, tmp_path / 'out', tmp_path / 'list.txt')
    storage = ClipStorage(tmp_path / 'out')
    assert storage.names == ['a01_s01_e01', 'a01_s02_e01', 'a01_s04_e01']
    expected = fill_gaps_slowly(clips['a01_s01_e01'])
    np.testing.assert_allclose(storage.clip(0)[0].numpy(), expected, rtol=0, atol=1e-6)
    assert storage.block.num_frames.tolist() == [6, 3, 3]
    facts = {
        'clips': 3,
        'splits': {'xsub_train': 1, 'xsub_test': 2},
        'cleaning': {
            'frames cut': {'a01_s01_e01': 2, 'a01_s02_e01': 2},
            'frames interpolated': {'a01_s01_e01': 2},
        },
        'left_out': {
            'not in the clip list': ['a01_s05_e01'],
            'nobody is seen in any frame': ['a01_s03_e01'],
        },
    }
    assert {key: storage.notes[key] for key in facts} == facts
    assert 'interpolation' in storage.notes['cleaning_rule']
    assert [line for line in str(summary).splitlines() if not line.startswith('classes')] == [
        'clips: 3 from 4 recordings',
        '  xsub_test 2',
        '  xsub_train 1',
        'people: 1 in 3 clips',
        'frames: 3 to 6 a clip',
        'layout: msr_action3d',
        'frames cut: 4 in 2 clips: a01_s01_e01 (2), a01_s02_e01 (2)',
        'frames interpolated: 2 in 1 clips: a01_s01_e01 (2)',
        'left out: 2',
        '  1 not in the clip list: a01_s05_e01',
        '  1 nobody is seen in any frame: a01_s03_e01',
        'problems: 0',
    ]


def test_nobody_is_ever_seen_in_any_clip(tmp_path):
    raw = write_folder(tmp_path / 'raw', {'a01_s01_e01': as_text(np.zeros((2, 20, 3)))})
    with pytest.raises(ValueError, match='no clips were added'):
        prepare_msr_action3d(raw, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


LINE = '0.1 0.2 0.3 1.0\n'


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('', 'is empty; expected 20 lines a frame'),
        (' \n\n', 'is empty; expected 20 lines a frame'),
        (LINE * 39, 'has 39 lines; expected a multiple of 20.*truncated'),
        (LINE * 20 + '0.1 0.2', r"line 21: found '0\.1 0\.2'; expected four finite numbers"),
        (LINE * 7 + '0.1 0.2 0.3\n' + LINE * 12, r"line 8: found '0\.1 0\.2 0\.3'"),
        (LINE + '0.1 0.2 0.3\n' + '1 2 3 4 5\n' + LINE * 17, r"line 2: found '0\.1 0\.2 0\.3'"),
        ('1 2 3\n' * 20, "line 1: found '1 2 3'"),
        (LINE * 9 + '\n' + LINE * 11, "line 10: found ''"),
        (LINE * 4 + '0.1 O.2 0.3 1\n' + LINE * 15, r"line 5: found '0\.1 O\.2 0\.3 1'"),
        (LINE * 19 + 'nan 0 0 1\n', "line 20: found 'nan 0 0 1'"),
        (LINE * 19 + '0 -inf 0 1\n', "line 20: found '0 -inf 0 1'"),
        ('\x00\x01\x02 PNG', 'line 1: found'),
    ],
)
@pytest.mark.parametrize('kind', ['folder', 'zip'])
def test_text_that_is_no_clip(tmp_path, kind, text, message):
    texts = small_texts() | {'a13_s10_e01': text}
    raw = (write_folder if kind == 'folder' else write_zip)(tmp_path / 'raw', texts)
    with pytest.raises(ValueError, match=rf'a13_s10_e01_skeleton3D\.txt.*{message}') as caught:
        prepare_msr_action3d(raw, tmp_path / 'out' / 'msr')
    assert 'leave the clip out' in str(caught.value) or 'Get the file again' in str(caught.value)
    assert not (tmp_path / 'out' / 'msr').exists()


def test_clip_that_is_not_listed_may_be_damaged(tmp_path):
    raw = write_folder(tmp_path / 'raw', small_texts() | {'a13_s10_e01': 'damaged'})
    (tmp_path / 'list').write_text('a01_s01_e01\r\na02_s02_e03\r\n')
    prepare_msr_action3d(raw, tmp_path / 'out', tmp_path / 'list')
    assert ClipStorage(tmp_path / 'out').names == ['a01_s01_e01', 'a02_s02_e03']


@pytest.mark.parametrize(
    ('listed', 'error', 'message'),
    [
        (None, FileNotFoundError, 'there is no clip list .*list.* Omit --clip-list'),
        ('', ValueError, 'clip list .*list has no name; expected a name'),
        (' \n \n', ValueError, 'clip list .*list has no name'),
        ('a01_s01_e01\na09_s09_e09', ValueError, 'has 1 names that are not in .*: a09_s09_e09;'),
        (
            'a1\nb\nc\nd\n',
            ValueError,
            'has 4 names that are not in .*raw: a1, b, c and 1 more; expected',
        ),
        ('a01_s01_e01\na01_s01_e01\n', ValueError, '1 names more than once: a01_s01_e01;'),
    ],
)
def test_bad_clip_list(tmp_path, listed, error, message):
    raw = write_folder(tmp_path / 'raw', small_texts())
    if listed is not None:
        (tmp_path / 'list').write_text(listed)
    with pytest.raises(error, match=message):
        prepare_msr_action3d(raw, tmp_path / 'out', tmp_path / 'list')
    assert not (tmp_path / 'out').exists()


def test_missing_raw_data(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'there is no .*none\.zip; expected the zip file'):
        prepare_msr_action3d(tmp_path / 'none.zip', tmp_path / 'out')


@pytest.mark.parametrize('kind', ['folder', 'zip'])
def test_no_clips_in_raw_data(tmp_path, kind):
    write = write_folder if kind == 'folder' else write_zip
    raw = write(tmp_path / 'raw', {'readme': 'x', 'b01_s01_e01': LINE * 20})
    with pytest.raises(
        ValueError, match='raw has 2 files, none of them a clip; expected files aAA'
    ):
        prepare_msr_action3d(raw, tmp_path / 'out')


def test_clip_in_two_subfolders(tmp_path):
    for folder in ('one', 'two'):
        write_folder(tmp_path / 'raw' / folder, small_texts())
    message = r'two/a01_s01\S+: clip a01_s01_e01 is also \S+one/a01_s01\S+; .* --skip-bad'
    with pytest.raises(ValueError, match=message):
        prepare_msr_action3d(tmp_path / 'raw', tmp_path / 'out')


@pytest.mark.parametrize('name', ['a21_s01_e01', 'a00_s01_e01', 'a01_s11_e01', 'a01_s00_e01'])
def test_action_or_subject_that_does_not_exist(tmp_path, name):
    raw = write_folder(tmp_path / 'raw', {name: LINE * 20})
    with pytest.raises(ValueError, match=rf'{name}_skel.*expected actions 1 to 20 and subjects 1'):
        prepare_msr_action3d(raw, tmp_path / 'out')


@pytest.mark.parametrize('kept', [0, 1, 30, -1, -500])
def test_truncated_zip(tmp_path, kept):
    raw = write_zip(tmp_path / 'raw.zip', small_texts())
    raw.write_bytes(raw.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r'raw\.zip cannot be read: .*Download the zip file again'):
        prepare_msr_action3d(raw, tmp_path / 'out')


def test_zip_with_damage_inside(tmp_path):
    raw = write_zip(tmp_path / 'raw.zip', small_texts())
    content = bytearray(raw.read_bytes())
    content[200:260] = bytes(60)
    raw.write_bytes(content)
    with pytest.raises(ValueError, match=r'a01_s01_e01_skeleton3D\.txt cannot be read: .*again'):
        prepare_msr_action3d(raw, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_tool_prints_a_summary(tmp_path):
    raw = write_zip(tmp_path / 'raw.zip', small_texts())
    done = run_tool('data/prepare_msr_action3d.py', raw, '--out', tmp_path / 'out')
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:3] == ['clips: 4 from 4 recordings', '  xsub_test 2', '  xsub_train 2']
    assert lines[-5:] == [
        'frames cut: 0 in 0 clips',
        'frames interpolated: 0 in 0 clips',
        'left out: 0',
        'problems: 0',
        f'written: {tmp_path / "out"}',
    ]
    assert '4/4' in done.stderr


def test_tool_lists_bad_files_or_leaves_them_out(tmp_path):
    raw = write_folder(tmp_path / 'raw', small_texts() | {'a13_s10_e01': LINE * 21})
    done = run_tool('data/prepare_msr_action3d.py', raw, '--out', tmp_path / 'out')
    assert done.returncode == 1
    assert done.stdout == ''
    error = done.stderr[done.stderr.index('prepare_msr_action3d.py: error: ') :].splitlines()
    assert error[0] == 'prepare_msr_action3d.py: error: raw data with 1 problems:'
    assert error[1] == '  1 bad files:'
    assert 'a13_s10_e01_skeleton3D.txt has 21 lines' in error[2]
    assert error[3] == 'Get the bad files again, or skip them with --skip-bad'
    assert 'Traceback' not in done.stderr
    done = run_tool(
        'data/prepare_msr_action3d.py', raw, '--out', tmp_path / 'out', '--skip-bad', '--workers', 1
    )
    assert '  1 bad: a13_s10_e01\n' in done.stdout
    assert ClipStorage(tmp_path / 'out').names == ['a01_s01_e01', 'a02_s02_e03', 'a20_s09_e02']
    assert not (tmp_path / 'out.parts').exists()


@pytest.mark.skipif(
    not (ZIP.is_file() and CLIP_LIST.is_file()),
    reason=f'needs {ZIP.name} and {CLIP_LIST.name} in ../shared/data or $HALP_MM_SHARED_DATA',
)
def test_real_data(tmp_path):
    summary = prepare_msr_action3d(ZIP, tmp_path / 'out', CLIP_LIST)
    storage = ClipStorage(tmp_path / 'out')
    assert len(storage) == summary.clips == 557
    assert len(storage.split('xsub_train')) == summary.splits['xsub_train'] == 284
    assert len(storage.split('xsub_test')) == summary.splits['xsub_test'] == 273
    assert summary.cleaning['frames cut'] == {'a20_s02_e01': 32}
    interpolated = summary.cleaning['frames interpolated']
    assert len(interpolated) == 12
    assert sum(interpolated.values()) == 220
    assert interpolated['a13_s02_e02'] == 12
    assert len(summary.left_out['not in the clip list']) == 10
    assert storage.block.frames[:].any(-1).any(-1).all()
    assert sorted(set(storage.labels.tolist())) == list(range(20))

    everything = prepare_msr_action3d(ZIP, tmp_path / 'all')
    assert everything.clips == 566
    assert everything.left_out == {'nobody is seen in any frame': ['a13_s09_e02']}
    cut, interpolated = everything.cleaning.values()
    assert cut['a13_s09_e03'] == 740
    assert len(cut | interpolated) == 19
