"""Body lengths in a file's own unit, to distinguish metres from millimetres."""

from __future__ import annotations

import warnings

import numpy as np

from halp_mm.skeletons.layout import SkeletonLayout

#: Maximum ratio of body lengths that sensors or people's sizes can explain.
MAX_RATIO = 3.0

_UNITS = {
    10: ('centimetres', 'millimetres'),
    100: ('metres', 'centimetres'),
    1000: ('metres', 'millimetres'),
}
_FROM_UNITS = 2.0  # maximum factor between a ratio and that of two units


def median_body_length(frames: np.ndarray, layout: SkeletonLayout) -> float | None:
    """Compute the total length of all bones, the median over clips of each clip's median.

    A joint that is zero or not finite is unseen. Unseen bones are counted with the mean length of
    the others.

    Args:
        frames: Skeletons ``[N, S, V, C]``, S of each clip, before any normalisation.
        layout: The layout of V.

    Returns:
        The length in the coordinates' unit; None for poses in an image, whose size is
        meaningless, and if no bone is seen.
    """
    if layout.dimensions != 3 or not layout.bones:
        return None
    points = np.asarray(frames[..., :3], np.float64)
    seen = np.isfinite(points).all(-1) & (points != 0).any(-1)
    a, b = np.array(layout.bone_indices).T
    with np.errstate(over='ignore', invalid='ignore'), warnings.catch_warnings():
        warnings.simplefilter('ignore', RuntimeWarning)  # from medians without values
        bones = np.linalg.norm(points[..., a, :] - points[..., b, :], axis=-1)
        bones[~(seen[..., a] & seen[..., b])] = np.nan
        length = float(np.nanmedian(np.nanmedian(np.nanmean(bones, -1), -1))) * len(a)
    return length if np.isfinite(length) and length > 0 else None


def describe_units(lengths: dict[str, float | None]) -> str | None:
    """Describe two body lengths that appear to be in different units.

    Args:
        lengths: Two body lengths by the name of the measured data.

    Returns:
        A sentence, or None if the lengths are similar or unknown.
    """
    known = {name: length for name, length in lengths.items() if length is not None}
    if len(known) < len(lengths):
        return None
    (small, shorter), (large, longer) = sorted(known.items(), key=lambda item: item[1])
    ratio = longer / shorter
    if ratio <= MAX_RATIO:
        return None
    nearest = min(_UNITS, key=lambda factor: abs(np.log(ratio / factor)))
    if max(ratio / nearest, nearest / ratio) <= _FROM_UNITS:
        units = f'likely {_UNITS[nearest][0]} and {_UNITS[nearest][1]}; convert one of them'
    else:
        units = 'which is no ratio of metres, centimetres and millimetres; look at both'
    return (
        f'body lengths are {ratio:.3g} times apart, {shorter:.3g} in {small} and {longer:.3g} in '
        f'{large}: {units}'
    )
