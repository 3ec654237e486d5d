"""Parse a clip of UTD-MHAD.

A clip is a MATLAB 5 file. SciPy reads its array. Before that, the file is taken apart here: what is
compressed is inflated up to a limit and its checksum compared, and only an array of numbers is let
through. Nothing in such a file is executed.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator

import numpy as np

from halp_mm.preparation.raw_files import Parsed, ParsedClip, RawFiles
from halp_mm.preparation.zip_or_folder import MAX_BYTES, read_bytes

NUM_JOINTS = 20
ARRAY = 'd_skel'

_HEADER, _TAG = 128, 8
_LITTLE_ENDIAN_5 = b'\x00\x01IM'
_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = ('double', 'single')
_EXPECTED = (
    f'expected a MATLAB 5 file with the array {ARRAY} [{NUM_JOINTS} joints, 3 coordinates, '
    'frames]. Get the file again'
)


def parse_utd_mhad_clip(files: RawFiles) -> Parsed:
    """Read a clip's file, or its member of the zip file.

    Args:
        files: The clip's name and its only file.

    Returns:
        The clip ``[1, T, 20, 3]``.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is not as expected.
    """
    content, where = read_bytes(files), files.where
    if content[_HEADER - 4 : _HEADER] != _LITTLE_ENDIAN_5:
        raise ValueError(f'{where} is no MATLAB 5 file; {_EXPECTED}')
    try:
        matrices = [matrix for matrix in _matrices(content) if matrix]
        array = _read_array(content[:_HEADER] + b''.join(matrices), where)
    except _RefusedError:
        raise
    except (zlib.error, EOFError) as error:
        raise ValueError(f'{where} is truncated or damaged: {error}; {_EXPECTED}') from error
    with np.errstate(over='ignore', invalid='ignore'):
        clip = np.ascontiguousarray(array.transpose(2, 0, 1), np.float32)
    if not np.isfinite(clip).all():
        count = int((~np.isfinite(clip)).sum())
        raise ValueError(
            f'{where} has {count} coordinates that are NaN or infinite; expected finite numbers. '
            'Get the file again'
        )
    return Parsed(files.name, [ParsedClip(files.name, clip[None])])


class _RefusedError(ValueError):
    """Says what is wrong with the arrays of a file."""


def _matrices(content: bytes) -> Iterator[bytes]:
    """The variables of a file, inflated."""
    start, inflated = _HEADER, 0
    while start < len(content):
        kind, size = np.frombuffer(content[start : start + _TAG].ljust(_TAG, b'\0'), '<u4').tolist()
        element = content[start : start + _TAG + size]
        if kind not in (_MATRIX, _COMPRESSED) or len(element) < _TAG + size:
            raise EOFError(f'no whole variable at byte {start}')
        if kind == _COMPRESSED:
            inflator = zlib.decompressobj()
            element = inflator.decompress(element[_TAG:], max(1, MAX_BYTES - inflated))
            if not inflator.eof or inflator.unused_data:
                raise EOFError('its compressed data do not end as they should')
        inflated += len(element)
        start += _TAG + size
        yield element


def _read_array(content: bytes, where: str) -> np.ndarray:
    """The coordinates of a file, ``[20, 3, T]``."""
    import scipy.io

    try:
        variables = scipy.io.whosmat(io.BytesIO(content))
    except Exception as error:  # whatever SciPy says of a damaged file
        raise _RefusedError(f'{where} cannot be read: {error}; {_EXPECTED}') from error
    found = [variable for variable in variables if variable[0] == ARRAY]
    shape, kind = found[0][1:] if len(found) == 1 else ((), '')
    if kind not in _NUMBERS or len(shape) not in (2, 3) or shape[:2] != (NUM_JOINTS, 3):
        texts = [f'{name} {list(shape)} of {kind}' for name, shape, kind in variables[:5]]
        raise _RefusedError(f'{where} has {", ".join(texts) or "no arrays"}; {_EXPECTED}')
    num_frames = shape[2] if len(shape) == 3 else 1
    if not 0 < NUM_JOINTS * 3 * num_frames <= len(content):
        raise _RefusedError(f'{where} has an array of shape {list(shape)}; {_EXPECTED}')
    try:
        array = scipy.io.loadmat(io.BytesIO(content), variable_names=[ARRAY])[ARRAY]
    except Exception as error:
        raise _RefusedError(f'{where} cannot be read: {error}; {_EXPECTED}') from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in 'fiu' or array.shape != shape:
        raise _RefusedError(f'{where} holds no array of numbers; {_EXPECTED}')
    return array.reshape(NUM_JOINTS, 3, num_frames, order='F')
