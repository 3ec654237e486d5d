"""Parse and clean a clip of MSR-Action3D."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from halp_mm.preparation.raw_files import Parsed, ParsedClip, RawFiles
from halp_mm.preparation.zip_or_folder import read_bytes

NUM_JOINTS = 20


def parse_msr_clip(files: RawFiles) -> Parsed:
    """Read a clip's file, or its member of the zip file, and fill its gaps.

    Args:
        files: The clip's name and its only file.

    Returns:
        The clip ``[1, T, 20, 3]``; M is 0 if nobody is ever seen.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is not as expected.
    """
    content = read_bytes(files)
    cleaned, cut, interpolated = fill_gaps(_coordinates(content, files.where))
    people = cleaned[None] if len(cleaned) else np.zeros((0, 1, NUM_JOINTS, 3), np.float32)
    cleaning = {'frames cut': cut, 'frames interpolated': interpolated}
    return Parsed(files.name, [ParsedClip(files.name, people, cleaning=cleaning)])


def fill_gaps(clip: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Cut off unseen frames at both ends of a clip and interpolate those in between.

    Args:
        clip: ``[T, V, C]``; a frame in which nobody was seen is all zeros.

    Returns:
        The cleaned clip ``[T', V, C]``, without frames if nobody was ever seen, how many frames
        were cut off, and how many interpolated.
    """
    is_seen = clip.any(axis=(1, 2))
    seen = np.flatnonzero(is_seen)
    if not len(seen):
        return clip[:0], len(clip), 0
    first, end = seen[0], seen[-1] + 1
    gaps = np.flatnonzero(~is_seen[first:end]) + first
    after = np.searchsorted(seen, gaps)
    left, right = seen[after - 1], seen[after]
    weight = ((gaps - left) / (right - left)).astype(clip.dtype)[:, None, None]
    cleaned = clip.copy()
    cleaned[gaps] = clip[left] * (1 - weight) + clip[right] * weight
    return cleaned[first:end], len(clip) - int(end - first), len(gaps)


def _coordinates(content: bytes, path: str) -> np.ndarray:
    """The coordinates in a clip's file, float32 ``[T, V, 3]``."""
    rows = [line.split() for line in content.decode(errors='replace').rstrip().splitlines()]
    if not rows:
        raise ValueError(
            f'{path} is empty; expected {NUM_JOINTS} lines a frame. Get the file again'
        )
    try:
        values = np.array(rows, dtype=np.float32)
        good = values.shape[1:] == (4,) and np.isfinite(values).all()
    except ValueError:
        good = False
    if not good:
        line = next(i for i, row in enumerate(rows, 1) if not _is_joint(row))
        raise ValueError(
            f'{path}, line {line}: found {" ".join(rows[line - 1])[:60]!r}; expected four finite '
            'numbers, x y z confidence. Get the file again or leave the clip out by a clip list'
        )
    if len(rows) % NUM_JOINTS:
        raise ValueError(
            f'{path} has {len(rows)} lines; expected a multiple of {NUM_JOINTS}, one line '
            'a joint. The file is truncated: get it again or leave the clip out by a clip list'
        )
    return values[:, :3].reshape(-1, NUM_JOINTS, 3)


def _is_joint(row: Sequence[str]) -> bool:
    try:
        return len(row) == 4 and bool(np.isfinite(np.array(row, dtype=np.float32)).all())
    except ValueError:
        return False
