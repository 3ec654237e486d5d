"""The variables of a MATLAB 5 file, as far as they are arrays of real numbers.

The file is a header of 128 bytes, then data elements: a type and a size in bytes, four bytes each,
then the data. A variable is an element of type 14, or one of type 15, a compressed element of type
14, whose own elements are flags with the class, dimensions, name and numbers, each filled up to a
multiple of eight bytes. Elements of at most four bytes may have type and size in two bytes each.

A damaged file can crash SciPy's reader, and with it the process. Here every size is checked, what
is compressed is inflated up to a limit and its checksum compared.

Source: MAT-File Format, The MathWorks, "Level 5 MAT-File Format".
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from halp_mm.preparation.zip_or_folder import MAX_BYTES

_HEADER, _TAG = 128, 8
_LITTLE_ENDIAN_5 = b'\x00\x01IM'
_INT8, _INT32, _UINT32, _MATRIX, _COMPRESSED = 1, 5, 6, 14, 15
_CLASSES = ('unknown', 'cell', 'struct', 'object', 'char', 'sparse', 'double', 'single')
_REAL_CLASSES = (6, 7)  # as the flags say it where an array is neither complex nor logical
_FLAGS = {0x200: 'logical', 0x400: 'global', 0x800: 'complex'}
_DTYPES = {
    **{1: 'i1', 2: 'u1', 3: '<i2', 4: '<u2', 5: '<i4', 6: '<u4'},
    **{7: '<f4', 9: '<f8', 12: '<i8', 13: '<u8'},
}


@dataclass(frozen=True)
class Variable:
    """A variable of a file.

    Args:
        name: Its name.
        shape: Its shape.
        kind: Its class, such as ``'double'``.
        values: Its numbers; None if they are not real numbers, which are not read.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    values: np.ndarray | None


def read_matlab_file(content: bytes) -> list[Variable]:
    """Read the variables of a file.

    Args:
        content: The file.

    Raises:
        EOFError: if the file is truncated or damaged.
        ValueError: if it is no MATLAB 5 file of little-endian numbers.
        zlib.error: if compressed data are damaged.
    """
    if content[_HEADER - 4 : _HEADER] != _LITTLE_ENDIAN_5:
        raise ValueError('is no MATLAB 5 file')
    return [_variable(matrix) for matrix in _matrices(content) if matrix]


def _matrices(content: bytes) -> Iterator[bytes]:
    """The elements of type 14 in a file, inflated, without type and size."""
    start, inflated = _HEADER, 0
    while start < len(content):
        kind, size = _tag(content[start : start + _TAG].ljust(_TAG, b'\0'))
        element = content[start + _TAG : start + _TAG + size]
        if kind not in (_MATRIX, _COMPRESSED) or len(element) < size:
            raise EOFError(f'no whole variable at byte {start}')
        start += _TAG + size
        if kind == _COMPRESSED:
            inflator = zlib.decompressobj()
            element = inflator.decompress(element, max(1, MAX_BYTES - inflated))
            if not inflator.eof or inflator.unused_data:
                raise EOFError('its compressed data do not end as they should')
            if element and _tag(element[:_TAG].ljust(_TAG, b'\0')) != (
                _MATRIX,
                len(element) - _TAG,
            ):
                raise EOFError('its compressed data are no whole variable')
            element = element[_TAG:]
        inflated += len(element)
        yield element


def _tag(content: bytes) -> tuple[int, int]:
    kind, size = np.frombuffer(content, '<u4').tolist()
    return kind, size


def _elements(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and data of the elements within a variable."""
    start = 0
    while start + _TAG <= len(content):
        kind, size = _tag(content[start : start + _TAG])
        if kind >> 16:
            kind, size, first, end = kind & 0xFFFF, kind >> 16, start + 4, start + _TAG
            is_whole = size <= 4
        else:
            first = start + _TAG
            end = first + size + -size % 8
            is_whole = first + size <= len(content)
        if not is_whole:
            raise EOFError('a part of a variable goes beyond its end')
        yield kind, content[first : first + size]
        start = end


def _variable(content: bytes) -> Variable:
    elements = _elements(content)
    head = [next(elements, (0, b'')) for _ in range(3)]
    (_, flags), (_, sizes), (_, name) = head
    if [kind for kind, _ in head] != [_UINT32, _INT32, _INT8] or len(flags) != 8 or len(sizes) % 4:
        raise EOFError('a variable has no class, dimensions and name')
    number = int(np.frombuffer(flags, '<u4')[0])
    shape = tuple(np.frombuffer(sizes, '<i4').tolist())
    kind = number & 0xFF
    words = [word for bit, word in _FLAGS.items() if number & bit]
    words.append(_CLASSES[kind] if kind < len(_CLASSES) else 'integer')
    values = _numbers(elements, shape) if number in _REAL_CLASSES else None
    return Variable(name.decode(errors='replace'), shape, ' '.join(words), values)


def _numbers(elements: Iterator[tuple[int, bytes]], shape: tuple[int, ...]) -> np.ndarray:
    """The numbers of a variable, in the form in which they are stored, of its shape."""
    kind, data = next(elements, (0, b''))
    dtype = np.dtype(_DTYPES.get(kind, 'V1'))
    count = int(np.prod(shape, dtype=object))
    if kind not in _DTYPES or min(shape, default=-1) < 0 or len(data) != count * dtype.itemsize:
        raise EOFError('a variable has not as many numbers as its dimensions say')
    if next(elements, None) is not None:
        raise EOFError('a variable has more parts than class, dimensions, name and numbers')
    return np.frombuffer(data, dtype).reshape(shape, order='F')
