"""UTD-MHAD: MATLAB files to a data file."""

import io
import os
import random
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from halp_mm.datasets import ClipStorage
from halp_mm.preparation import RawFiles, prepare_utd_mhad
from halp_mm.preparation.utd_mhad import matlab_file
from halp_mm.preparation.utd_mhad.clip import parse_utd_mhad_clip

REPOSITORY = Path(__file__).parents[2]
SHARED = Path(os.environ.get('HALP_MM_SHARED_DATA', REPOSITORY.parent / 'shared' / 'data'))
ZIP = SHARED / 'utd-mhad_skeleton.zip'
NAMES = ['a1_s1_t1', 'a2_s2_t4', 'a10_s3_t2', 'a27_s8_t1']


def random_array(frames: int, seed: int = 0) -> np.ndarray:
    """``[20, 3, T]``."""
    return np.random.default_rng(seed).normal(size=(20, 3, frames))


def as_matlab(compressed: bool = True, **arrays: object) -> bytes:
    file = io.BytesIO()
    scipy.io.savemat(file, arrays, do_compression=compressed)
    return file.getvalue()


def write(raw: Path, contents: dict[str, bytes], kind: str = 'folder') -> Path:
    if kind == 'zip':
        with zipfile.ZipFile(raw, 'w') as archive:
            for name, content in contents.items():
                archive.writestr(f'Skeleton/{name}_skeleton.mat', content)
        return raw
    raw.mkdir()
    for name, content in contents.items():
        (raw / f'{name}_skeleton.mat').write_bytes(content)
    return raw


def small_data() -> dict[str, np.ndarray]:
    return {name: random_array(3 + i, i) for i, name in enumerate(NAMES)}


def small_files() -> dict[str, bytes]:
    return {name: as_matlab(d_skel=array) for name, array in small_data().items()}


@pytest.mark.parametrize('kind', ['zip', 'folder'])
def test_files_become_clips(tmp_path, kind):
    raw = write(tmp_path / 'raw', small_files(), kind)
    prepare_utd_mhad(raw, tmp_path / 'out', workers=1)
    storage = ClipStorage(tmp_path / 'out')
    assert storage.names == ['a01_s1_t1', 'a02_s2_t4', 'a10_s3_t2', 'a27_s8_t1']
    for position, array in enumerate(small_data().values()):
        clip = storage.clip(position)
        assert clip.shape == (1, array.shape[2], 20, 3)
        for frame in range(array.shape[2]):
            np.testing.assert_array_equal(clip[0, frame], array[:, :, frame].astype(np.float32))
    assert storage.labels.tolist() == [0, 1, 9, 26]
    assert storage.class_names[26] == 'squat'
    assert len(set(storage.class_names)) == 27
    assert storage.columns['subject'].tolist() == [1, 2, 3, 8]
    assert storage.columns['take'].tolist() == [1, 4, 2, 1]
    assert storage.split('xsub_train').tolist() == [0, 2]
    assert storage.split('xsub_test').tolist() == [1, 3]
    assert storage.layout.name == 'utd_mhad'


def test_uncompressed_single_frame_and_single_precision(tmp_path):
    array = random_array(1).astype(np.float32)
    path = tmp_path / 'a1_s1_t1_skeleton.mat'
    path.write_bytes(as_matlab(compressed=False, d_skel=array[..., 0]))
    (clip,) = parse_utd_mhad_clip(RawFiles('a01_s1_t1', (path,))).clips
    np.testing.assert_array_equal(clip.coordinates[0, 0], array[..., 0])


def with_objects() -> bytes:
    cells = np.empty(3, object)
    cells[:] = ['a', 1, {'b': 2}]
    return as_matlab(d_skel=cells)


GOOD = as_matlab(d_skel=random_array(4))


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'', 'is no MATLAB 5 file'),
        (b'\x89HDF\r\n\x1a\n' + bytes(600), 'is no MATLAB 5 file'),
        (GOOD[:100], 'is no MATLAB 5 file'),
        (GOOD[:128], 'has no arrays'),
        (GOOD[:-1], 'truncated or damaged: no whole variable at byte 128'),
        (GOOD[:300], 'truncated or damaged'),
        (GOOD + b'\x01\x02', 'truncated or damaged'),
        (as_matlab(skel=random_array(4)), r'has skel \[20, 3, 4\] of double; expected'),
        (as_matlab(d_skel=random_array(4)[:19]), r'has d_skel \[19, 3, 4\]'),
        (as_matlab(d_skel=random_array(4).transpose(2, 0, 1)), r'has d_skel \[4, 20, 3\]'),
        (as_matlab(d_skel='text'), 'has d_skel .* of char'),
        (as_matlab(d_skel={'a': random_array(4)}), 'has d_skel .* of struct'),
        (with_objects(), 'has d_skel .* of cell'),
        (as_matlab(d_skel=random_array(0)), r'has d_skel \[20, 3, 0\] of double'),
        (as_matlab(d_skel=random_array(4) * 1j), r'has d_skel \[20, 3, 4\] of complex double'),
        (as_matlab(d_skel=random_array(4) > 0), 'has d_skel .* of logical'),
        (as_matlab(d_skel=random_array(4) * np.nan), '240 coordinates that are NaN'),
        (as_matlab(d_skel=random_array(4) * 1e300), 'NaN or infinite'),
    ],
    # The files' headers have the time of day.
    ids=lambda value: f'{len(value)} bytes' if isinstance(value, bytes) else value,
)
def test_file_that_is_no_clip(tmp_path, content, message):
    raw = write(tmp_path / 'raw', small_files() | {NAMES[0]: content})
    with pytest.raises(ValueError, match=rf'a1_s1_t1_skeleton\.mat.*{message}'):
        prepare_utd_mhad(raw, tmp_path / 'out', workers=1)
    summary = prepare_utd_mhad(raw, tmp_path / 'out', workers=1, skip_bad=True)
    assert summary.left_out == {'bad': ['a01_s1_t1']}


def test_inflated_size_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(matlab_file, 'MAX_BYTES', 1 << 16)
    bomb = zlib.compress(bytes(1 << 20))
    path = tmp_path / 'a1_s1_t1_skeleton.mat'
    path.write_bytes(GOOD[:128] + np.array([15, len(bomb)], '<u4').tobytes() + bomb)
    with pytest.raises(ValueError, match='do not end as they should'):
        parse_utd_mhad_clip(RawFiles('a01_s1_t1', (path,)))


@pytest.mark.parametrize('name', ['a28_s1_t1', 'a0_s1_t1', 'a1_s9_t1', 'a1_s1_t5'])
def test_names_of_clips_that_do_not_exist(tmp_path, name):
    raw = write(tmp_path / 'raw', {name: GOOD})
    with pytest.raises(ValueError, match=rf'{name}_skeleton\.mat is of action .*1 to 27, subjects'):
        prepare_utd_mhad(raw, tmp_path / 'out')


def test_one_clip_under_two_names(tmp_path):
    raw = write(tmp_path / 'raw', {'a1_s1_t1': GOOD, 'a01_s1_t1': GOOD})
    with pytest.raises(ValueError, match='clip a01_s1_t1 is also'):
        prepare_utd_mhad(raw, tmp_path / 'out')


@pytest.mark.parametrize('compressed', [True, False])
def test_mutated_files_are_refused_or_read_as_they_are(tmp_path, compressed):
    """A compressed array has a checksum; of another one, what is accepted is what SciPy reads.

    SciPy alone crashes on some of these files.
    """
    draw, refused = random.Random(0), []
    good = random_array(6)
    whole = as_matlab(compressed, d_skel=good)
    path = tmp_path / 'a1_s1_t1_skeleton.mat'
    for _ in range(200):
        content = bytearray(whole)
        for _ in range(draw.randint(1, 3)):
            place = draw.randrange(116, min(len(content), 260))
            if draw.random() < 0.3:
                del content[place : place + draw.randint(1, 40)]
            else:
                content[place] = draw.randrange(256)
        path.write_bytes(content)
        try:
            (clip,) = parse_utd_mhad_clip(RawFiles('a01_s1_t1', (path,))).clips
        except ValueError as error:
            refused.append(str(error))
        else:
            array = good if compressed else scipy.io.loadmat(io.BytesIO(content))['d_skel']
            assert array.shape == good.shape
            expected = array.transpose(2, 0, 1).astype(np.float32)
            np.testing.assert_array_equal(clip.coordinates[0], expected)
    assert len(refused) >= 60
    assert all(str(path) in text for text in refused)


@pytest.mark.skipif(
    not ZIP.is_file(), reason=f'needs {ZIP.name} in ../shared/data or $HALP_MM_SHARED_DATA'
)
def test_real_data(tmp_path):
    summary = prepare_utd_mhad(ZIP, tmp_path / 'out')
    assert summary.clips == 861
    assert summary.splits == {'xsub_train': 431, 'xsub_test': 430}
    assert summary.frames == [41, 125]
    storage = ClipStorage(tmp_path / 'out')
    assert sorted(set(storage.labels.tolist())) == list(range(27))
    spine_to_head = storage.block.frames[:][:, 0] - storage.block.frames[:][:, 2]
    assert 0.4 < float(spine_to_head.norm(dim=-1).median()) < 0.8  # metres
