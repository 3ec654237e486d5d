"""Parse a clip of UTD-MHAD: a MATLAB file with one array."""

from __future__ import annotations

import zlib

import numpy as np

from halp_mm.preparation.raw_files import Parsed, ParsedClip, RawFiles
from halp_mm.preparation.utd_mhad.matlab_file import read_matlab_file
from halp_mm.preparation.zip_or_folder import read_bytes

NUM_JOINTS = 20
ARRAY = 'd_skel'

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
    try:
        variables = read_matlab_file(content)
    except (zlib.error, EOFError) as error:
        raise ValueError(f'{where} is truncated or damaged: {error}; {_EXPECTED}') from error
    except ValueError as error:
        raise ValueError(f'{where} {error}; {_EXPECTED}') from error
    arrays = [variable for variable in variables if variable.name == ARRAY]
    if len(arrays) != 1 or not _is_clip(arrays[0].shape) or arrays[0].values is None:
        found = [f'{known.name} {list(known.shape)} of {known.kind}' for known in variables[:5]]
        raise ValueError(f'{where} has {", ".join(found) or "no arrays"}; {_EXPECTED}')
    with np.errstate(over='ignore', invalid='ignore'):
        joints_first = arrays[0].values.reshape(NUM_JOINTS, 3, -1, order='F')
        clip = np.ascontiguousarray(joints_first.transpose(2, 0, 1), np.float32)
    if not np.isfinite(clip).all():
        count = int((~np.isfinite(clip)).sum())
        raise ValueError(
            f'{where} has {count} coordinates that are NaN or infinite; expected finite numbers. '
            'Get the file again'
        )
    return Parsed(files.name, [ParsedClip(files.name, clip[None])])


def _is_clip(shape: tuple[int, ...]) -> bool:
    return len(shape) in (2, 3) and shape[:2] == (NUM_JOINTS, 3) and shape[-1] > 0
