"""Parse a clip of NW-UCLA."""

from __future__ import annotations

import json
from pathlib import PurePath

import numpy as np

from halp_mm.preparation.raw_files import Parsed, ParsedClip, RawFiles
from halp_mm.preparation.zip_or_folder import read_bytes

NUM_JOINTS = 20

_EXPECTED = (
    f'expected {{"file_name": ..., "skeletons": [frames][{NUM_JOINTS} joints][3 coordinates], '
    '"label": ...}. Get the file again'
)


def parse_nw_ucla_clip(files: RawFiles) -> Parsed:
    """Read a clip's file, or its member of the zip file.

    Args:
        files: The clip's name and its only file.

    Returns:
        The clip ``[1, T, 20, 3]``.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is not as expected.
    """
    where = files.where
    try:
        content = json.loads(read_bytes(files), parse_constant=_refuse)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f'{where} is no JSON: {error}; {_EXPECTED}') from error
    if not isinstance(content, dict) or 'skeletons' not in content:
        found = sorted(content)[:5] if isinstance(content, dict) else type(content).__name__
        raise ValueError(f'{where} holds {found}; {_EXPECTED}')
    said = content.get('file_name', files.name)
    if said != files.name:
        name = PurePath(where).name
        raise ValueError(
            f'{where} says that it is clip {str(said)[:60]!r}; expected the name {name} to agree. '
            'Rename the file or get it again'
        )
    clip = _coordinates(content['skeletons'], where)
    return Parsed(files.name, [ParsedClip(files.name, clip[None])])


def _refuse(constant: str) -> None:
    raise json.JSONDecodeError(f'{constant} is no coordinate', constant, 0)


def _coordinates(skeletons: object, where: str) -> np.ndarray:
    """The coordinates in a clip's file, float32 ``[T, 20, 3]``."""
    try:
        values = np.array(skeletons)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f'{where} has skeletons of different numbers of joints or coordinates; {_EXPECTED}'
        ) from error
    if values.dtype.kind not in 'fi' or values.ndim != 3 or values.shape[1:] != (NUM_JOINTS, 3):
        kind = '' if values.dtype.kind in 'fi' else ', not all of them numbers'
        raise ValueError(f'{where} has skeletons of shape {list(values.shape)}{kind}; {_EXPECTED}')
    if not len(values):
        raise ValueError(f'{where} has no frames; {_EXPECTED}')
    with np.errstate(over='ignore'):
        return values.astype(np.float32)
