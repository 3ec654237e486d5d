"""Read a pickle of plain data without running code that a stranger may have put into it.

A pickle is a program: it names functions and calls them. Here a name never becomes the function
that it stands for. The few names that arrays and numbers of NumPy need become builders of this
module, which check what they are given; any other name is refused, before anything has run.
"""

from __future__ import annotations

import copyreg
import math
import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

_NUMBERS = re.compile(r'[biufc][0-9]+')
_MAX_DIMENSIONS = 32
_LEAVES = {str, bytes, bytearray, int, float, complex, bool, type(None)}
_SCALAR_TYPES = (
    *('int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64'),
    *('float16', 'float32', 'float64'),
)
_EXPECTED = 'expected dicts, lists, tuples, strings, numbers and arrays of numbers only'


class _RefusedError(ValueError):
    """The pickle holds what it may not; the message says what."""


def load_plain_pickle(path: str | os.PathLike) -> object:
    """Read a pickle of any protocol that consists of plain data.

    Plain are dicts, lists, tuples, strings, bytes, numbers, None, and arrays and scalars of
    NumPy's numeric types, written by NumPy 1 or 2. Arrays are read-only views of the bytes read.

    Args:
        path: The pickle.

    Returns:
        What is in it.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it holds anything else, or is empty, truncated or not a pickle; says what
            and has run none of it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'there is no file {path}; expected a pickle')
    # What another reader has looked up by an extension code would not pass by find_class.
    copyreg.clear_extension_cache()
    try:
        with path.open('rb') as file:
            return _Plain().convert(_PlainUnpickler(file).load())
    except _RefusedError as error:
        raise ValueError(
            f'{path} holds {error}. It was not run; {_EXPECTED}. Save the file again without it, '
            'or leave it alone if you do not know who made it'
        ) from None
    except MemoryError as error:
        raise ValueError(
            f'{path} ({path.stat().st_size} bytes) is damaged or larger than the memory'
        ) from error
    except OSError:
        raise
    except Exception as error:  # a damaged pickle makes the unpickler raise almost anything
        reason = ' '.join(str(error).split()).rstrip('.')
        raise ValueError(
            f'{path} ({path.stat().st_size} bytes) is truncated, damaged or not a pickle: '
            f'{type(error).__name__}: {reason}. Get the file again'
        ) from error


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> _Builder:
        if (module, name) not in _BUILDERS:
            found = f'{module}.{name}'
            raise _RefusedError(f'the name {found[:200]!r}')
        return _BUILDERS[module, name]


class _Builder:
    """The replacement of a name: something that can be called, and nothing else."""

    __slots__ = ('_build',)

    def __init__(self, build: Callable[..., object]) -> None:
        self._build = build

    def __call__(self, *arguments: object) -> object:
        return self._build(*arguments)

    def __setstate__(self, state: object) -> None:
        raise _RefusedError('an attempt to change one of the names')


class _DataType:
    """A data type as it is pickled: a name, then a state with the byte order."""

    __slots__ = ('_name', '_order')

    def __init__(self, name: object, *flags: object) -> None:
        if not isinstance(name, str) or not _NUMBERS.fullmatch(name):
            raise _RefusedError(f'the data type {name!r:.60}, which is not one of numbers')
        self._name, self._order = name, '='

    def __setstate__(self, state: object) -> None:
        match state:
            case (3, '<' | '>' | '=' | '|' as order, None, None, None, -1, -1, 0):
                self._order = order
            case _:
                raise _RefusedError(f'a data type of state {state!r:.60}')

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(self._order + self._name)


class _Pending:
    """An array or a scalar; an array may get its content later, by its state."""

    __slots__ = ('value',)

    def __init__(self, value: np.ndarray | np.generic | None = None) -> None:
        self.value = value

    def __setstate__(self, state: object) -> None:
        match state:
            case (1, shape, data_type, bool() | int() as fortran, data) if self.value is None:
                self.value = _array(data, data_type, shape, 'F' if fortran else 'C')
            case _:
                raise _RefusedError('an array of a state that is not plain')


def _array(
    data: object, data_type: object, shape: object, order: str, axis_order: object = None
) -> np.ndarray:
    """The array that some bytes are, without a copy."""
    if type(data) not in (bytes, bytearray) or type(data_type) is not _DataType:
        raise _RefusedError(f'an array made of a {type(data).__name__}')
    sizes = shape if type(shape) is tuple else (shape,)
    if len(sizes) > _MAX_DIMENSIONS or any(type(n) is not int or n < 0 for n in sizes):
        raise _RefusedError(f'an array of shape {shape!r:.60}')
    dtype = data_type.dtype
    if math.prod(sizes) * dtype.itemsize != len(data):
        raise _RefusedError(
            f'an array of shape {sizes!r:.60} and type {dtype} in {len(data)} bytes'
        )
    if order == 'K':  # the axes of the bytes, and where each of them goes
        array = np.ndarray(sizes, dtype, data).transpose(axis_order)
    else:
        array = np.ndarray(sizes, dtype, data, order=order)
    array.flags.writeable = False
    return array


def _empty_array(shape: object, *type_code: object) -> _Pending:
    if shape != (0,) or type_code not in ((), (b'b',), ('b',)):
        raise _RefusedError(f'an array made by {(shape, *type_code)!r:.60}')
    return _Pending()


def _reconstruct(kind: object, shape: object, type_code: object) -> _Pending:
    if kind is not _NDARRAY:
        raise _RefusedError('an array of a kind of its own')
    return _empty_array(shape, type_code)


def _from_buffer(
    data: object, data_type: object, shape: object, order: object, axis_order: object = None
) -> _Pending:
    return _Pending(_array(data, data_type, shape, order, axis_order))


def _scalar(data_type: object, data: object) -> _Pending:
    return _Pending(_array(data, data_type, (), 'C')[()])


def _scalar_of(name: str) -> Callable[[object], _Pending]:
    def build(value: object) -> _Pending:
        if type(value) not in (int, float, bool):
            raise _RefusedError(f'a {name} made of a {type(value).__name__}')
        return _Pending(getattr(np, name)(value))

    return build


def _encode(text: object, encoding: object) -> bytes:
    """How protocols 0 to 2 write bytes."""
    if type(text) is not str or encoding != 'latin1':
        raise _RefusedError(f'bytes in the encoding {encoding!r:.60}')
    return text.encode('latin1')


def _empty_bytes() -> bytes:
    return b''


_NDARRAY = _Builder(_empty_array)
_BUILDERS = {
    ('numpy', 'ndarray'): _NDARRAY,
    ('numpy', 'dtype'): _Builder(_DataType),
    ('_codecs', 'encode'): _Builder(_encode),
    ('__builtin__', 'bytes'): _Builder(_empty_bytes),
    ('builtins', 'bytes'): _Builder(_empty_bytes),
    **{('numpy', name): _Builder(_scalar_of(name)) for name in _SCALAR_TYPES},
}
for _core in ('numpy.core', 'numpy._core'):  # NumPy 1 and 2
    _BUILDERS[f'{_core}.multiarray', '_reconstruct'] = _Builder(_reconstruct)
    _BUILDERS[f'{_core}.multiarray', 'scalar'] = _Builder(_scalar)
    _BUILDERS[f'{_core}.numeric', '_frombuffer'] = _Builder(_from_buffer)


class _Plain:
    """Put arrays where they are still pending, and refuse whatever is not plain."""

    def __init__(self) -> None:
        self._done: dict[int, object] = {}  # containers may be shared, or contain themselves

    def convert(self, value: object) -> object:
        kind = type(value)
        if kind in _LEAVES:
            return value
        if kind is _Pending:
            if value.value is None:
                raise _RefusedError('an array without content')
            return value.value
        if id(value) in self._done:
            return self._done[id(value)]
        if kind is tuple:
            self._done[id(value)] = converted = tuple(map(self.convert, value))
            return converted
        if kind is not list and kind is not dict:
            raise _RefusedError(f'a {kind.__name__.strip("_")}')
        self._done[id(value)] = value
        if kind is list:
            value[:] = map(self.convert, value)
            return value
        for key, item in value.items():
            if type(key) not in _LEAVES:
                raise _RefusedError(f'a dict with a key that is a {type(key).__name__.strip("_")}')
            value[key] = self.convert(item)
        return value
