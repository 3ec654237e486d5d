"""What a good annotation of a clip is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeGuard

import numpy as np

from halp_mm.datasets.coordinate_checks import describe_bad_coordinates
from halp_mm.skeletons import SkeletonLayout

#: The keys of an annotation; a clip without a label may lack its key.
REQUIRED = ('frame_dir', 'label', 'total_frames', 'keypoint')
#: How to mend a keypoint of other axes.
TRANSPOSE = 'save keypoint.transpose(1, 0, 2, 3)'

_MAX_CLASSES = 10_000  # without names; a data file has no room for the names of more
_INT64 = np.iinfo(np.int64)


class AnnotationChecks:
    """Checks of one annotation after the other.

    Args:
        annotations: All of them; most say which channels there are.
        layout: The layout of the joints.
        num_classes: How many classes there are, if that is known.
    """

    def __init__(
        self, annotations: Sequence[Mapping], layout: SkeletonLayout, num_classes: int | None
    ) -> None:
        kinds = Counter(filter(None, map(_channel_kind, annotations)))
        self._usual = kinds.most_common(1)[0][0] if kinds else None
        self._layout = layout
        self._num_classes = num_classes

    def problems(self, annotation: Mapping) -> Iterator[str]:
        """What is wrong with an annotation."""
        missing = [key for key in REQUIRED if key not in annotation and key != 'label']
        if missing:
            yield f'has no {", ".join(missing)}; expected {", ".join(REQUIRED)}'
            return
        if not is_text(annotation['frame_dir']):
            yield f'has frame_dir {annotation["frame_dir"]!r:.60}; expected a name on one line'
        label = annotation.get('label')
        num_classes = self._num_classes or _MAX_CLASSES
        if label is not None and not (is_integer(label) and 0 <= label < num_classes):
            hint = '' if self._num_classes else ', or names of the classes'
            yield f'has label {label!r:.60}; expected an integer from 0 to {num_classes - 1}{hint}'
        yield from self._problems_of_keypoint(annotation)

    def _problems_of_keypoint(self, annotation: Mapping) -> Iterator[str]:
        shape, layout = shape_of(annotation), self._layout
        if not shape:
            found = _described(annotation['keypoint'])
            yield f'has as keypoint {found}; expected an array of numbers [M, T, V, C]'
            return
        people, frames, joints, channels = shape
        kind = (channels, 'keypoint_score' in annotation)
        if not people or not frames:
            yield f'has {people} people and {frames} frames; expected at least one of each'
        if joints != layout.num_joints:
            yield f'has {joints} joints; layout {layout.name!r} has {layout.num_joints}'
        total = annotation['total_frames']
        if total == people != frames:
            yield (
                f'has total_frames {total} and a keypoint {list(shape)}, which looks like '
                f'[T, M, V, C]; expected [M, T, V, C]: {TRANSPOSE}'
            )
        elif not is_integer(total) or total != frames:
            yield f'has total_frames {total!r:.60}, but its keypoint {frames} frames'
        score = annotation.get('keypoint_score')
        if 'keypoint_score' in annotation and not (_is_numeric(score) and score.shape == shape[:3]):
            yield (
                f'has as keypoint_score {_described(score)}; expected an array of numbers '
                f'{list(shape[:3])}'
            )
        elif channels < layout.dimensions:
            yield (
                f'has {channels} coordinates a joint; layout {layout.name!r} has '
                f'{layout.dimensions} dimensions'
            )
        elif self._usual is not None and self._usual != kind:
            yield f'has {_worded(*kind)}; most have {_worded(*self._usual)}'
        else:
            infinite = int((~np.isfinite(channels_of(annotation))).sum())
            if infinite:
                yield f'has {infinite} numbers that are NaN, infinite or too large for float32'
                return
            wrong = describe_bad_coordinates(channels_of(annotation))
            if wrong:
                yield f'has {wrong}'


def shape_of(annotation: Mapping) -> tuple[int, int, int, int] | None:
    """The keypoint's shape ``(M, T, V, C)``, if it has one."""
    keypoint = annotation.get('keypoint')
    return keypoint.shape if _is_numeric(keypoint) and keypoint.ndim == 4 else None


def channels_of(annotation: Mapping) -> np.ndarray:
    """Coordinates and, if there is one, score: float32 ``[M, T, V, C]``."""
    with np.errstate(over='ignore'):  # infinity is refused
        clip = annotation['keypoint'].astype(np.float32)
        if 'keypoint_score' not in annotation:
            return clip
        score = annotation['keypoint_score'].astype(np.float32)
    return np.concatenate([clip, score[..., None]], -1)


def _is_numeric(value: object) -> TypeGuard[np.ndarray]:
    return isinstance(value, np.ndarray) and value.dtype.kind in 'iuf'


def _channel_kind(annotation: Mapping) -> tuple[int, bool] | None:
    """Number of coordinates, and whether there is a score."""
    shape = shape_of(annotation)
    return None if shape is None else (shape[3], 'keypoint_score' in annotation)


def _worded(coordinates: int, has_score: bool) -> str:
    return f'{coordinates} coordinates {"and a" if has_score else "without"} keypoint_score'


def _described(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f'an array {list(value.shape)} of {value.dtype}'
    return f'a {type(value).__name__}'


def is_text(value: object) -> bool:
    """Whether a value is a string that can stand on a line of a UTF-8 file."""
    if type(value) is not str or not value or '\n' in value:
        return False
    return not any('\ud800' <= letter <= '\udfff' for letter in value)


def is_integer(value: object) -> bool:
    """Whether a value is an integer of Python or NumPy, and one that int64 can hold."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        return False
    return _INT64.min <= int(value) <= _INT64.max
