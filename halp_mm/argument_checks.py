"""Checks of a component's arguments, with errors that name the argument and the valid values.

A constructor calls them first, with its arguments by name:

>>> check_count(hidden_size=64, num_layers=0)
Traceback (most recent call last):
ValueError: num_layers must be a whole number of at least 1, got 0
"""

from __future__ import annotations

import math
from collections.abc import Collection
from numbers import Integral, Real
from typing import Any


def check_count(minimum: int = 1, /, **values: Any) -> None:
    """Check whole numbers, such as sizes, counts, epochs and intervals.

    Args:
        minimum: The smallest valid number.
        **values: Arguments by name.

    Raises:
        ValueError: if a value is not a whole number, or is too small.
    """
    for name, value in values.items():
        if not _is_whole(value) or value < minimum:
            _refuse(name, f'a whole number of at least {minimum}', value)


def check_positive(**values: Any) -> None:
    """Check numbers that must be finite and above 0, such as temperatures and learning rates.

    Raises:
        ValueError: if a value does not satisfy this.
    """
    for name, value in values.items():
        if not _is_finite(value) or value <= 0:
            _refuse(name, 'a finite number above 0', value)


def check_at_least(minimum: float, /, **values: Any) -> None:
    """Check finite numbers with a minimum, such as weights of a loss.

    Args:
        minimum: The smallest valid number.
        **values: Arguments by name.

    Raises:
        ValueError: if a value is not finite, or is too small.
    """
    for name, value in values.items():
        if not _is_finite(value) or value < minimum:
            _refuse(name, f'a finite number of at least {minimum}', value)


def check_fraction(*, above_zero: bool = False, below_one: bool = False, **values: Any) -> None:
    """Check numbers between 0 and 1, such as probabilities and momenta.

    Args:
        above_zero: Whether to exclude 0.
        below_one: Whether to exclude 1.
        **values: Arguments by name.

    Raises:
        ValueError: if a value is outside.
    """
    interval = f'{"(" if above_zero else "["}0, 1{")" if below_one else "]"}'
    for name, value in values.items():
        inside = _is_finite(value) and 0 <= value <= 1
        if not inside or (above_zero and value == 0) or (below_one and value == 1):
            _refuse(name, f'a number within {interval}', value)


def check_choice(choices: Collection, /, **values: Any) -> None:
    """Check values that must be one of a few, such as the name of a strategy.

    Args:
        choices: The valid values.
        **values: Arguments by name.

    Raises:
        ValueError: if a value is not among them.
    """
    for name, value in values.items():
        if value not in list(choices):
            _refuse(name, ' or '.join(map(repr, choices)), value)


def check_flag(**values: Any) -> None:
    """Check values that must be True or False.

    Raises:
        ValueError: if a value is neither.
    """
    for name, value in values.items():
        if not isinstance(value, bool):
            _refuse(name, 'True or False', value)


def check_range(**ranges: Any) -> None:
    """Check pairs of finite numbers, the first of which must not exceed the second.

    Raises:
        ValueError: if a value does not satisfy this.
    """
    for name, pair in ranges.items():
        is_pair = isinstance(pair, (list, tuple)) and len(pair) == 2
        if not is_pair or not all(map(_is_finite, pair)) or pair[0] > pair[1]:
            _refuse(name, 'a range of two finite numbers, the smaller one first', pair)


def check_different(**lists: Any) -> None:
    """Check non-empty lists of different names.

    Raises:
        ValueError: if a value is not a list of names, is empty, or repeats a name.
    """
    for name, names in lists.items():
        is_list = isinstance(names, (list, tuple)) and all(isinstance(n, str) for n in names)
        if not is_list or not names or len(set(names)) < len(names):
            _refuse(name, 'a list of different names, at least one', names)


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_finite(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _refuse(name: str, expected: str, value: Any) -> None:
    raise ValueError(f'{name} must be {expected}, got {value!r}')
