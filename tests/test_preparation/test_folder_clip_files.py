"""Clips' files: what they may hold, and what is said of damage."""

import csv
import io
import os
import pickle
import zipfile

import numpy as np
import pytest

from halp_mm.preparation.folder.clip_files import parse_clip_file
from halp_mm.preparation.parallel_parsing import RawFiles


def random_clip(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def parse(path):
    parsed = parse_clip_file(RawFiles('clip', (path,)))
    (clip,) = parsed.clips
    assert (parsed.name, clip.name, clip.facts, parsed.problems) == ('clip', 'clip', {}, [])
    assert clip.coordinates.dtype == np.float32
    return clip.coordinates


def save(path, array, **others):
    if path.suffix == '.npz':
        np.savez(path, array, **others)
    else:
        np.save(path, array)
    return path


@pytest.mark.parametrize('suffix', ['.npy', '.npz', '.NPY'])
@pytest.mark.parametrize('dtype', ['f4', '>f4', 'f8', 'f2', 'i8', 'u1'])
@pytest.mark.parametrize('order', ['C', 'F'])
def test_numpy_files(tmp_path, suffix, dtype, order):
    clip = np.asarray(abs(random_clip(2, 5, 25, 3)) * 50, dtype=dtype, order=order)
    path = tmp_path / f'clip{suffix}'
    for array, expected in ((clip, clip), (clip[1], clip[1:])):
        with path.open('wb') as file:
            (np.savez if suffix == '.npz' else np.save)(file, array)
        assert np.array_equal(parse(path), expected.astype(np.float32))


@pytest.mark.parametrize('name', ['keypoint', 'clip', 'anything'])
@pytest.mark.parametrize('write', [np.savez, np.savez_compressed])
def test_which_array_of_an_archive_is_read(tmp_path, name, write):
    clip = random_clip(5, 25, 3)
    write(tmp_path / 'a.npz', **{name: clip})
    assert np.array_equal(parse(tmp_path / 'a.npz'), clip[None])
    others = {'score': clip[..., :1], 'evil': np.array([os.system], dtype=object)}
    write(tmp_path / 'b.npz', **{name: clip, **others})
    if name == 'anything':
        with pytest.raises(ValueError, match=r"b.npz has the arrays \['anything', 'evil', 'score'"):
            parse(tmp_path / 'b.npz')
    else:
        assert np.array_equal(parse(tmp_path / 'b.npz'), clip[None])
    write(tmp_path / 'c.npz', keypoint=clip, clip=clip)
    with pytest.raises(ValueError, match='expected one array, or one named keypoint or clip'):
        parse(tmp_path / 'c.npz')


def csv_text(rows, **options):
    file = io.StringIO()
    csv.writer(file, **options).writerows(rows)
    return file.getvalue()


@pytest.mark.parametrize('header', [[], [f'joint{i}' for i in range(75)], list(range(75))])
@pytest.mark.parametrize('options', [{}, {'lineterminator': '\n'}, {'quoting': csv.QUOTE_ALL}])
@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig'])
def test_csv_of_one_person(tmp_path, header, options, encoding):
    clip = random_clip(7, 25, 3)
    rows = [*([header] if header else []), *clip.reshape(7, 75).tolist()]
    path = tmp_path / 'clip.csv'
    path.write_text(csv_text(rows, **options), encoding=encoding, newline='')
    assert np.array_equal(parse(path), clip.reshape(1, 7, 75))


def test_csv_of_several_people(tmp_path):
    clip = random_clip(3, 6, 20)
    clip[1, 2:4] = clip[0, 4] = clip[:, 1] = 0  # absent; nobody in frame 1
    numbers = [7, 12, 40]  # the tracker's
    rows = [
        [100 + frame, numbers[person], *clip[person, frame].tolist()]
        for person in range(3)
        for frame in range(6)
        if clip[person, frame].any()
    ]
    order = np.random.default_rng(1).permutation(len(rows))
    header = ['Frame', ' person', *(f'c{i}' for i in range(20))]
    (tmp_path / 'clip.csv').write_text(csv_text([header, *(rows[i] for i in order)]), newline='')
    assert np.array_equal(parse(tmp_path / 'clip.csv'), clip)


def npy_bytes(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def header_only(shape):
    file = io.BytesIO()
    description = {'descr': '<f4', 'fortran_order': False, 'shape': shape}
    np.lib.format.write_array_header_1_0(file, description)
    return file.getvalue() + bytes(300)


def zipped(content, name='clip.npy'):
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w') as archive:
        archive.writestr(name, content)
    return file.getvalue()


def flipped(content, place):
    return content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :]


class Evil:
    def __reduce__(self):
        return os.mkdir, ('unpickled',)


GOOD = random_clip(4, 25, 3)
OBJECTS = np.array([Evil(), Evil()], dtype=object)
WITH_NAN = GOOD.copy()
WITH_NAN[2, 3, 1] = np.nan
WITH_NAN[3, 0, 0] = np.inf
NUMPY_DAMAGE = {
    'empty file': (b'', 'cannot be read'),
    'text': (b'hello', 'cannot be read'),
    'a pickle': (pickle.dumps([Evil()]), 'cannot be read'),
    'objects': (npy_bytes(OBJECTS), 'holds Python objects; .* one file each'),
    'strings': (npy_bytes(GOOD.astype(str)), 'holds <U'),
    'complex': (npy_bytes(GOOD + 1j), 'holds complex64'),
    'records': (npy_bytes(np.zeros((4, 25, 3), 'f4,f4')), 'holds .*f4'),
    'two dimensions': (npy_bytes(GOOD[0]), r'has 2 dimensions, shape \[25, 3\]; expected \[T, V'),
    'five dimensions': (npy_bytes(GOOD[None, None]), 'has 5 dimensions'),
    'no frames': (npy_bytes(GOOD[:0]), r'is of shape \[1, 0, 25, 3\], without numbers'),
    'truncated': (npy_bytes(GOOD)[:-7], r'has 1321 bytes; expected 1328 .* truncated or damaged'),
    'truncated in the header': (npy_bytes(GOOD)[:40], 'cannot be read'),
    'too long': (npy_bytes(GOOD) + b'0', 'has 1329 bytes; expected 1328'),
    'absurd shape': (header_only((10**12, 25, 3)), 'at most 100000000 numbers. Cut'),
    'negative shape': (header_only((-1, 25, 3)), 'expected -172 for shape'),
    'negative shape twice': (header_only((-1, -25, 3)), 'cannot be read'),
    'no tuple for a shape': (header_only('abc'), 'cannot be read'),
    'another format': (b'\x93NUMPY\x09\x00' + npy_bytes(GOOD)[8:], r'numpy format \(9, 0\)'),
    'NaN': (npy_bytes(WITH_NAN), 'has 2 numbers that are NaN or infinite, the first in frame 2, '),
    'too large for float32': (npy_bytes(GOOD * np.float64(1e300)), 'NaN or infinite'),
}


@pytest.mark.parametrize('suffix', ['.npy', '.npz'])
@pytest.mark.parametrize('damage', NUMPY_DAMAGE)
def test_numpy_damage(tmp_path, monkeypatch, damage, suffix):
    monkeypatch.chdir(tmp_path)
    content, message = NUMPY_DAMAGE[damage]
    path = tmp_path / f'clip{suffix}'
    path.write_bytes(content if suffix == '.npy' else zipped(content))
    with pytest.raises(ValueError, match=f'(?s)clip{suffix}.*{message}'):
        parse(path)
    assert not (tmp_path / 'unpickled').exists()


ARCHIVE_DAMAGE = {
    'empty file': (b'', 'cannot be read: File is not a zip file; expected numbers'),
    'a plain array': (npy_bytes(GOOD), 'cannot be read: File is not a zip file'),
    'no array': (zipped(b'hello', 'readme.txt'), r'has the arrays \[\]; expected one'),
    'truncated': (zipped(npy_bytes(GOOD))[:500], 'cannot be read: File is not a zip file'),
    'flipped bit': (flipped(zipped(npy_bytes(GOOD)), 400), 'cannot be read: Bad CRC-32'),
    'objects': (zipped(npy_bytes(OBJECTS)), "array 'clip' holds Python objects"),
}


@pytest.mark.parametrize('damage', ARCHIVE_DAMAGE)
def test_archive_damage(tmp_path, damage):
    content, message = ARCHIVE_DAMAGE[damage]
    (tmp_path / 'clip.npz').write_bytes(content)
    with pytest.raises(ValueError, match=f'clip.npz.*{message}'):
        parse(tmp_path / 'clip.npz')


CSV_DAMAGE = {
    'empty file': ('', 'has no line with numbers; expected one frame a line'),
    'header only': ('frame,person,x,y,z\n', 'has no line with numbers'),
    'letters': ('1,2,3\n4,x,6\n', "line 2: found 3 cells, '4,x,6'; expected 3 numbers"),
    'letters after a header': ('a,b,c\n1,2,3\n4,,6\n', 'line 3: cell 2 is empty'),
    'underscore': ('1,2,3\n4,1_0,6\n', "line 2: found 3 cells, '4,1_0,6'"),
    'short line': ('1,2,3\n4,5\n7,8,9\n', 'line 2: found 2 cells, .* expected 3 numbers'),
    'blank line': ('1,2,3\n\n7,8,9\n', 'line 2: found 0 cells'),
    'semicolons': ('1.5;2.5\n3.5;4.5\n', 'has semicolons between its cells'),
    'NaN': ('1,2,3\n4,nan,6\n', 'has 1 numbers that are NaN or infinite, the first in frame 1,'),
    'not text': (b'\x00\xff\x93\x00,\xfe', 'has no line with numbers|cannot be read'),
    'endless cell': ('1,' + '2' * 200_000, 'cannot be read: field larger than field limit'),
    'half a frame number': ('frame,person,x\n0,0,1\n0.5,0,1\n', 'line 3: frame and person are'),
    'NaN for a frame': ('frame,person,x\n0,0,1\nnan,0,1\n', 'line 3: frame and person are'),
    'twice': ('frame,person,x\n0,1,1\n1,1,1\n0,1,2\n', 'line 4: .* stand in another line too'),
    'far frames': ('frame,person,x\n0,1,1\n900000000,1,1\n', 'has 1 people and 900000001 frames'),
    'no coordinates': ('frame,person\n0,1\n', 'without numbers'),
}


@pytest.mark.parametrize('damage', CSV_DAMAGE)
def test_csv_damage(tmp_path, damage):
    content, message = CSV_DAMAGE[damage]
    path = tmp_path / 'clip.csv'
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=f'clip.csv.*({message})'):
        parse(path)


def test_what_to_do_about_nan(tmp_path):
    path = save(tmp_path / 'clip.npy', WITH_NAN)
    with pytest.raises(ValueError, match='Set joints that were not tracked to 0 in all coord'):
        parse(path)
