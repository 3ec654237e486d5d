"""Read many numbers from a text at once, where they are written in the plain way: ``-1.2345``."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

#: Words have at most so many characters, so that their digits are exact in float64.
WIDTH = 16
_POWERS = 10 ** np.arange(WIDTH, dtype=np.int64)
_COLUMNS = np.arange(WIDTH, dtype=np.int8)
_POINT = ord('.') - ord('0') + 256  # as an unsigned byte


def read_plain_decimals(
    characters: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> np.ndarray | None:
    """Read words as numbers; each is rounded once, as ``float`` does.

    Args:
        characters: uint8: a text in ASCII.
        starts: int64 ``[R]``: where words start in it.
        ends: int64 ``[R]``: where they end: the position behind the last character.

    Returns:
        float64 ``[R]``. None if some word is not an optional minus, digits, and optionally a point
        and digits, or is longer than :data:`WIDTH`, or ends before that position in the text.
    """
    lengths = ends - starts
    if not len(starts) or lengths.max() > WIDTH or ends.min() < WIDTH:
        return None
    # Aligned at their ends, digits of equal places stand in columns.
    words = sliding_window_view(characters, WIDTH)[ends - WIDTH]
    is_negative = characters[starts] == ord('-')
    first_digit = (WIDTH - lengths + is_negative).astype(np.int8)
    # What is no digit becomes more than 9.
    digits = (words - np.uint8(ord('0'))) * (first_digit[:, None] <= _COLUMNS)
    rows = np.arange(len(words))
    point = (digits == _POINT).argmax(1)
    has_point = digits[rows, point] == _POINT
    digits[rows[has_point], point[has_point]] = 0
    if digits.max() > 9 or (lengths - is_negative - has_point).min() < 1:
        return None
    # The point takes a place, so what stands left of it is ten times too large.
    value = digits
    for base, dtype in ((10, np.uint8), (100, np.uint16), (10**4, np.uint32), (10**8, np.int64)):
        # Neighbours join: 1, 2, 4, 8 digits. NumPy 1 would take the type of the narrower one.
        value = np.multiply(value[:, ::2], base, dtype=dtype) + value[:, 1::2]
    value = value[:, 0]
    unit = _POWERS[np.where(has_point, WIDTH - 1 - point, 0)]
    value -= has_point * (value // (10 * unit)) * (9 * unit)
    return np.where(is_negative, -1.0, 1.0) * value / unit
