"""One's own clips as files: ``.npy``, ``.npz`` and ``.csv``.

A numpy file holds numbers ``[T, V, C]`` or ``[M, T, V, C]``. An ``.npz`` file
holds one array, or one named ``keypoint`` or ``clip``. Nothing is unpickled.

A ``.csv`` file, numbers with commas between them, is of one of two forms:

- one frame a line: ``V * C`` numbers, joint by joint, ``x,y,z`` of the first one first. The first
  line may be a header: words, or the numbers 0, 1, 2, ... of the columns;
- several people: the header begins with ``frame,person``, and each line is a person in a frame:
  the two integers, then the ``V * C`` numbers. Lines are in any order. The clip goes from the
  smallest to the largest frame; who has no line in a frame is zero there. People are ordered by
  their numbers.
"""

from __future__ import annotations

import csv
import math
import re
import zipfile
import zlib
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np

from halp_mm.name_lists import UTF16_MARKS
from halp_mm.preparation.raw_files import Parsed, ParsedClip, RawFiles

MAX_NUMBERS = 10**8  # 12 hours of one person at 30 frames a second

_ARRAY_NAMES = ('keypoint', 'clip')
_PERSON_HEADER = ['frame', 'person']
_MAX_GAP = 100  # frames a line
_LARGEST_INTEGER = 2**53
_EXPECTED = 'expected numbers [T, V, C] or [M, T, V, C]. Export the clip again'
_EXPORT_CSV = (
    'Export it in UTF-8, with commas between the cells and points in the numbers, such as 1.5,2.5'
)
_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, EOFError, KeyError),
    *(NotImplementedError, RuntimeError, OSError, ValueError),
)


def parse_clip_file(files: RawFiles) -> Parsed:
    """Read a clip's file, whatever its layout.

    Args:
        files: The clip's name and its only file.

    Returns:
        The clip: float32 ``[M, T, V, C]`` from a numpy file, ``[M, T, V * C]`` from a ``.csv``
        file, which does not say what its joints are.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is not as expected.
    """
    (path,) = files.paths
    values = _READERS[path.suffix.lower()](path)
    if not values.size:
        raise ValueError(f'{path} is of shape {list(values.shape)}, without numbers; {_EXPECTED}')
    with np.errstate(over='ignore'):
        values = values.astype(np.float32)
    is_bad = ~np.isfinite(values)
    if is_bad.any():
        first = [int(i) for i in np.argwhere(is_bad)[0]]
        raise ValueError(
            f'{path} has {int(is_bad.sum())} numbers that are NaN or infinite, the first in frame '
            f'{first[1]}, counted from 0; expected finite numbers. Set joints that were not '
            'tracked to 0 in all coordinates, or leave the clip out'
        )
    return Parsed(files.name, [ParsedClip(files.name, values)])


class _RefusedError(ValueError):
    """Says what is wrong with a numpy file, and with which."""


def _read_numpy(path: Path) -> np.ndarray:
    """The array of a ``.npy`` or ``.npz`` file, ``[M, T, V, C]``."""
    with path.open('rb') as file:
        try:
            if path.suffix.lower() == '.npy':
                return _read_array(file, path.stat().st_size, str(path))
            return _read_archive(file, path)
        except _RefusedError:
            raise
        except _BROKEN as error:
            raise ValueError(f'{path} cannot be read: {error}; {_EXPECTED}') from error


def _read_archive(file: BinaryIO, path: Path) -> np.ndarray:
    with zipfile.ZipFile(file) as archive:
        arrays = {
            member.filename.removesuffix('.npy'): member
            for member in archive.infolist()
            if member.filename.endswith('.npy')
        }
        named = [name for name in _ARRAY_NAMES if name in arrays]
        names = list(arrays) if len(arrays) == 1 else named
        if len(names) != 1:
            raise _RefusedError(
                f'{path} has the arrays {sorted(arrays)}; expected one array, or one named '
                'keypoint or clip. Save the clip alone'
            )
        array = arrays[names[0]]
        with archive.open(array) as member:
            return _read_array(member, array.file_size, f'{path}, array {names[0]!r}')


def _read_array(file: BinaryIO, size: int, where: str) -> np.ndarray:
    """Read an array whose header keeps its promises, ``[M, T, V, C]``."""
    version = np.lib.format.read_magic(file)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read_header is None:
        raise _RefusedError(
            f'{where} is of numpy format {version}; expected 1.0 or 2.0. Save it again'
        )
    shape, _, dtype = read_header(file)
    if dtype.kind not in 'fiu':
        raise _RefusedError(
            f'{where} holds {"Python objects" if dtype.hasobject else dtype}; expected numbers '
            '[T, V, C] or [M, T, V, C]. Clips of different lengths go to one file each'
        )
    if len(shape) not in (3, 4):
        raise _RefusedError(
            f'{where} has {len(shape)} dimensions, shape {list(shape)}; expected [T, V, C] or '
            '[M, T, V, C]. Export the clip again'
        )
    count = math.prod(shape)
    if count > MAX_NUMBERS:
        raise _RefusedError(
            f'{where} is of shape {list(shape)}; expected at most {MAX_NUMBERS} numbers. Cut the '
            'recording into clips'
        )
    needed = file.tell() + count * dtype.itemsize
    if size != needed:
        raise _RefusedError(
            f'{where} has {size} bytes; expected {needed} for shape {list(shape)}. The file is '
            'truncated or damaged: export the clip again'
        )
    file.seek(0)
    array = np.lib.format.read_array(file, allow_pickle=False)
    return array if array.ndim == 4 else array[None]


def _read_csv(path: Path) -> np.ndarray:
    """The people of a ``.csv`` file, ``[M, T, numbers]``."""
    content = path.read_bytes()
    if content.startswith(UTF16_MARKS):
        raise ValueError(f'{path} is UTF-16, not UTF-8. {_EXPORT_CSV}')
    lines = content.decode('utf-8-sig', errors='replace').rstrip().splitlines()
    semicolon = next((line for line in lines[:2] if ';' in line), None)
    if semicolon is not None:
        also = ', and a comma in its numbers' if re.search(r'\d,\d', semicolon) else ''
        raise ValueError(
            f'{path} has semicolons between its cells{also}: {semicolon[:40]!r}. {_EXPORT_CSV}'
        )
    # An underscore between digits is a number to Python, but not here.
    try:
        rows = list(csv.reader(line.replace('_', '?') for line in lines))
    except csv.Error as error:
        raise ValueError(f'{path} cannot be read: {error}; {_EXPECTED}') from error
    header = rows[:1] if rows and _is_header(rows[0]) else []
    rows = rows[len(header) :]
    if not rows:
        raise ValueError(f'{path} has no line with numbers; expected one frame a line')
    width = len(rows[0])
    values = _to_numbers(rows) if {*map(len, rows)} == {width} else None
    if values is None:
        number = next(
            i for i, row in enumerate(rows) if len(row) != width or _to_numbers([row]) is None
        )
        if '' in map(str.strip, rows[number]):
            cell = [*map(str.strip, rows[number])].index('') + 1
            raise ValueError(
                f'{path}, line {number + len(header) + 1}: cell {cell} is empty; expected a '
                'number. Set joints that were not tracked to 0 in all coordinates'
            )
        raise ValueError(
            f'{path}, line {number + len(header) + 1}: found {len(rows[number])} cells, '
            f'{lines[number + len(header)][:40]!r}; expected {width} numbers with commas between '
            'them. Export the clip again'
        )
    values = values.reshape(-1, width)
    if header and [word.strip().lower() for word in header[0][:2]] == _PERSON_HEADER:
        return _by_person(values, path)
    return values[None]


def _by_person(values: np.ndarray, path: Path) -> np.ndarray:
    """Lines ``frame, person, numbers`` to ``[M, T, numbers]``."""
    numbers, values = values[:, :2], values[:, 2:]
    is_integer = (numbers == numbers.round()) & (abs(numbers) < _LARGEST_INTEGER)
    if not is_integer.all():
        line = int(np.flatnonzero(~is_integer.all(1))[0]) + 2
        raise ValueError(
            f'{path}, line {line}: frame and person are {numbers[line - 2].tolist()}; expected '
            'integers. Export the clip again'
        )
    frames, people = numbers.astype(np.int64).T
    frames = frames - frames.min()
    people = np.unique(people, return_inverse=True)[1]
    shape = (int(people.max()) + 1, int(frames.max()) + 1, values.shape[1])
    if math.prod(shape) > MAX_NUMBERS:
        raise ValueError(
            f'{path} has {shape[0]} people and {shape[1]} frames from its smallest to its largest '
            f'frame number; expected at most {MAX_NUMBERS} numbers. Cut the recording into clips'
        )
    if shape[1] > _MAX_GAP * len(values):
        raise ValueError(
            f'{path} has {len(values)} lines for {shape[1]} frames, from its smallest to its '
            f'largest frame number; expected a line for one in {_MAX_GAP} frames at least. '
            'Correct the frame numbers'
        )
    place = people * shape[1] + frames
    order = np.argsort(place, kind='stable')
    again = order[1:][np.diff(place[order]) == 0]
    if len(again):
        raise ValueError(
            f'{path}, line {int(again.min()) + 2}: frame and person stand in another line too; '
            'expected each person once a frame. Remove one of the lines'
        )
    clip = np.zeros(shape)
    clip[people, frames] = values
    return clip


def _is_header(row: Sequence[str]) -> bool:
    cells = [cell.strip() for cell in row]
    return cells == [*map(str, range(len(cells)))] or not any(_is_number(cell) for cell in cells)


def _is_number(cell: str) -> bool:
    return _to_numbers([[cell]]) is not None


def _to_numbers(rows: Sequence[Sequence[str]]) -> np.ndarray | None:
    """All numbers in rows, one after the other; None if some are none."""
    try:
        return np.fromiter(map(float, chain.from_iterable(rows)), np.float64)
    except ValueError:
        return None


_READERS = {'.csv': _read_csv, '.npy': _read_numpy, '.npz': _read_numpy}
#: The suffixes of clips' files.
SUFFIXES = tuple(_READERS)
