"""What an annotation looked like: its keys and their types, to give back an equal one.

A data file has coordinates in float32 and facts in int64. The form of an annotation says which
keys it had, in which order, and of which type each was; the distinct forms of a file stand in the
data file's notes, and the column ``annotation_form`` says which clip has which.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

#: Keys with their types, in order.
Form = tuple[tuple[str, str], ...]

REQUIRED = ('frame_dir', 'label', 'total_frames', 'keypoint')
FORM_COLUMN = 'annotation_form'
#: The columns that hold an image's height and width.
SIZES = {
    'img_shape': ('img_height', 'img_width'),
    'original_shape': ('original_height', 'original_width'),
}
# Columns that mean something else, and the arguments of ClipWriter.add.
_NO_COLUMNS = {
    *(FORM_COLUMN, *SIZES, *(column for columns in SIZES.values() for column in columns)),
    *(*REQUIRED, 'keypoint_score', 'self', 'name', 'clip', 'splits'),
}
_INT64 = np.iinfo(np.int64)
_NUMBER = re.compile(r'[<>|=][iuf][0-9]+')


def is_integer(value: object) -> bool:
    """Whether a value is an integer of Python or NumPy, and one that int64 can hold."""
    is_number = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return is_number and _INT64.min <= value <= _INT64.max


def describe(annotation: Mapping) -> tuple[Form, dict[str, int], list[object]]:
    """Take an annotation apart.

    Args:
        annotation: An annotation with good :data:`REQUIRED` keys.

    Returns:
        Its form, its facts as columns, and the keys that cannot be kept.
    """
    form, columns, not_kept = [], {}, []
    for key, value in annotation.items():
        kind = 'str' if key == 'frame_dir' else _kind(key, value)
        if kind is None:
            not_kept.append(key)
            continue
        form.append((key, kind))
        if key in SIZES:
            columns |= zip(SIZES[key], value)
        elif key not in (*REQUIRED, 'keypoint_score'):
            columns[key] = int(value)
    return tuple(form), columns, not_kept


def _kind(key: object, value: object) -> str | None:
    """The type of a value; None if it cannot be kept."""
    if key in ('keypoint', 'keypoint_score'):
        return value.dtype.str
    if key in SIZES:
        is_size = type(value) in (tuple, list) and len(value) == 2
        is_plain = is_size and all(type(n) is int and is_integer(n) for n in value)
        return type(value).__name__ if is_plain else None
    is_column = isinstance(key, str) and key.isidentifier() and key not in _NO_COLUMNS
    if not is_integer(value) or not (is_column or key in REQUIRED):
        return None
    return 'int' if type(value) is int else value.dtype.str


def default_form(columns: Sequence[str], num_channels: int, dimensions: int) -> Form:
    """The form of the clips of a data file that was not made from annotations.

    One channel more than there are coordinates is a score.

    Raises:
        ValueError: if a column has the name of another key.
    """
    wrong = sorted(set(columns) & {*REQUIRED, *SIZES, 'keypoint_score'})
    if wrong:
        raise ValueError(f'columns {wrong} have names that mean something else in annotations')
    form = [('frame_dir', 'str'), ('label', 'int')]
    sizes = {key: names for key, names in SIZES.items() if set(names) <= set(columns)}
    form += [(key, 'tuple') for key in sizes]
    form += [('total_frames', 'int'), ('keypoint', '<f4')]
    if num_channels == dimensions + 1:
        form.append(('keypoint_score', '<f4'))
    used = {column for names in sizes.values() for column in names}
    return (*form, *((column, 'int') for column in columns if column not in used))


def restore(
    form: Form, name: str, label: int, clip: np.ndarray, columns: Mapping[str, int]
) -> dict:
    """Put an annotation together: the inverse of :func:`describe`.

    Args:
        form: The annotation's form.
        name: The clip's name.
        label: Its class.
        clip: float32 ``[M, T, V, C]``; with a score in the last channel if the form has one.
        columns: Its facts.

    Raises:
        ValueError: if the form speaks of a type or a column that is not there.
    """
    integers = {**columns, 'label': label, 'total_frames': clip.shape[1]}
    has_score = any(key == 'keypoint_score' for key, _ in form)
    annotation = {}
    for key, kind in form:
        if key == 'frame_dir':
            annotation[key] = name
        elif key == 'keypoint':
            coordinates = clip[..., :-1] if has_score else clip
            annotation[key] = np.ascontiguousarray(coordinates, _number_type(kind))
        elif key == 'keypoint_score':
            annotation[key] = np.ascontiguousarray(clip[..., -1], _number_type(kind))
        elif key in SIZES:
            size = tuple(_integer(integers, column, 'int') for column in SIZES[key])
            annotation[key] = list(size) if kind == 'list' else size
        else:
            annotation[key] = _integer(integers, key, kind)
    return annotation


def _integer(integers: Mapping[str, int], key: str, kind: str) -> int | np.integer:
    if key not in integers:
        raise ValueError(f'an annotation had the key {key!r}, but there is no column of this name')
    return int(integers[key]) if kind == 'int' else _number_type(kind).type(integers[key])


def _number_type(kind: str) -> np.dtype:
    if not _NUMBER.fullmatch(kind):
        raise ValueError(f'a key is said to be of type {kind!r}; expected a type of numbers')
    return np.dtype(kind)
