"""JSON files of other programs: bounded in size, and nothing in them is taken on trust."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NoReturn

import numpy as np

#: The largest file that is read.
MAX_BYTES = 256 * 2**20
_LARGEST_INTEGER = 2**53


@dataclass(frozen=True)
class Place:
    """A value in a JSON file, and where it is.

    Each method raises a ValueError that names the place if the value is not as expected.

    Args:
        value: The value.
        where: The file, and the way to the value in it.
    """

    value: object
    where: str

    def refuse(self, expected: str) -> NoReturn:
        """Say what was expected here."""
        shown = f'{type(self.value).__name__} {str(self.value)[:40]}'
        found = 'nothing' if self.value is None else shown
        raise ValueError(f'{self.where}: found {found}; expected {expected}. Export it again')

    def has(self, key: str) -> bool:
        """Whether the value, an object, has a key."""
        if not isinstance(self.value, dict):
            self.refuse(f'an object with {key}')
        return key in self.value

    def get(self, key: str) -> Place:
        """The value of a key; None if the object lacks it."""
        return Place(self.value[key] if self.has(key) else None, f'{self.where}, {key}')

    def items(self, what: str) -> list[Place]:
        """The entries of a list."""
        if not isinstance(self.value, list):
            self.refuse(f'a list of {what}')
        return [Place(entry, f'{self.where}, entry {i}') for i, entry in enumerate(self.value)]

    def integer(self, minimum: int = 0) -> int:
        """A whole number; 3.0 is one."""
        is_number = type(self.value) in (int, float) and minimum <= self.value < _LARGEST_INTEGER
        if is_number and self.value == int(self.value):
            return int(self.value)
        self.refuse(f'a whole number of at least {minimum}')

    def numbers(self, widths: Collection[int] = (0,)) -> np.ndarray:
        """A list of numbers, float64 ``[N]``, or of lists of numbers, ``[N, W]``; N is not 0.

        Args:
            widths: What W may be; 0 for a list of numbers.
        """
        value = self.value
        kinds = (f'lists of {width} numbers' if width else 'numbers' for width in widths)
        expected = f'a list of {" or ".join(kinds)}'
        if not isinstance(value, list) or not value:
            self.refuse(expected)
        rows = value if isinstance(value[0], list) else [value]
        width = len(value[0]) if isinstance(value[0], list) else 0
        is_good = (
            width in widths
            and set(map(type, rows)) == {list}
            and len(set(map(len, rows))) == 1
            and set(map(type, chain.from_iterable(rows))) <= {int, float}
        )
        if not is_good:
            self.refuse(expected)
        try:
            return np.array(value, np.float64)
        except OverflowError:
            self.refuse('numbers of a usual size')


def read_place(path: Path) -> Place:
    """The content of a JSON file; see :func:`read_json`."""
    return Place(read_json(path), str(path))


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
