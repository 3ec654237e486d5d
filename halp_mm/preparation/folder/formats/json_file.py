"""JSON files of others: bounded in size, and nothing in them is taken on trust."""

from __future__ import annotations

import json
from collections.abc import Collection
from itertools import chain
from pathlib import Path
from typing import NoReturn

import numpy as np

#: The largest file that is read.
MAX_BYTES = 256 * 2**20
_LARGEST_INTEGER = 2**53


def read_json(path: Path) -> object:
    """Read a JSON file of at most :data:`MAX_BYTES`.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is larger, no JSON, or holds NaN or infinity.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ValueError(
            f'{path} has {size} bytes; expected at most {MAX_BYTES}. Cut the recording into clips'
        )
    try:
        return json.loads(path.read_bytes().decode('utf-8-sig'), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f'{path} is no JSON file: {error}; expected the whole of what was exported. Export it '
            'again'
        ) from error


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f'it holds {word}, which is no number')


def refuse(where: object, found: object, expected: str) -> NoReturn:
    """Say what is wrong with a file.

    Args:
        where: The file, and the place in it.
        found: What was found there; its beginning is shown.
        expected: What was expected.

    Raises:
        ValueError: always.
    """
    shown = f'{type(found).__name__} {str(found)[:40]}' if found is not None else 'nothing'
    raise ValueError(f'{where}: found {shown}; expected {expected}. Export it again')


def as_list(value: object, where: object, what: str) -> list:
    """The value, which must be a list of what is said.

    Raises:
        ValueError: if it is none.
    """
    return value if isinstance(value, list) else refuse(where, value, f'a list of {what}')


def as_object(value: object, where: object, what: str) -> dict:
    """The value, which must be an object that is what is said.

    Raises:
        ValueError: if it is none.
    """
    return value if isinstance(value, dict) else refuse(where, value, f'an object, {what}')


def as_integer(value: object, where: object, what: str, minimum: int = 0) -> int:
    """The value, which must be a whole number that is what is said; 3.0 is one.

    Raises:
        ValueError: if it is none.
    """
    is_number = type(value) in (int, float) and minimum <= value < _LARGEST_INTEGER
    if is_number and value == int(value):
        return int(value)
    refuse(where, value, f'a whole number of at least {minimum}, {what}')


def as_numbers(value: object, where: object, widths: Collection[int]) -> np.ndarray:
    """A list of numbers, float64 ``[N]``, or of lists of numbers, ``[N, W]``.

    Args:
        value: The list.
        where: Where it is, for errors.
        widths: What W may be; 0 for a list of numbers.

    Raises:
        ValueError: if it is anything else, or empty.
    """
    expected = ' or '.join(f'lists of {width} numbers' if width else 'numbers' for width in widths)
    if not isinstance(value, list) or not value:
        refuse(where, value, f'a list of {expected}')
    rows = value if isinstance(value[0], list) else [value]
    width = len(value[0]) if isinstance(value[0], list) else 0
    is_good = (
        width in widths
        and set(map(type, rows)) == {list}
        and len(set(map(len, rows))) == 1
        and set(map(type, chain.from_iterable(rows))) <= {int, float}
    )
    if not is_good:
        refuse(where, value, f'a list of {expected}')
    try:
        return np.array(value, np.float64)
    except OverflowError:
        refuse(where, value, 'numbers of a usual size')


def stacked_poses(poses: list[np.ndarray], where: object) -> np.ndarray:
    """Poses of equal shape, ``[B, V, C]``.

    Raises:
        ValueError: if shapes differ.
    """
    shapes = sorted({pose.shape for pose in poses})
    if len(shapes) > 1:
        found = ' and of '.join(
            f'{joints} joints x {numbers} numbers' for joints, numbers in shapes
        )
        raise ValueError(
            f'{where} has poses of {found}; expected the same joints throughout. Export it again'
        )
    return np.stack(poses)
