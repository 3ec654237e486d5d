"""The annotation pickles of MMAction2 and PYSKL.

Such a file is a pickle of a dict: ``split`` has the names of the clips of each split, and
``annotations`` has one dict a clip:

===================  ==========================================================================
``frame_dir``        the clip's name
``label``            its class, counted from 0; clips without it have no label
``total_frames``     T
``keypoint``         ``[M, T, V, C]``
``keypoint_score``   ``[M, T, V]``, often with poses in images; here it is one more channel
``img_shape``        height and width of the image; so is ``original_shape``. Here columns
===================  ==========================================================================

Further keys are kept as columns where they are integers. Splits that are called ``val`` or
``..._val`` are called ``test`` or ``..._test`` here, unless the file has that name already.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from halp_mm.datasets.class_numbers import number_classes
from halp_mm.datasets.coordinate_checks import describe_bad_coordinates
from halp_mm.datasets.ntu_actions import CLASS_NAMES
from halp_mm.datasets.people import seen_people
from halp_mm.datasets.plain_pickle import load_plain_pickle
from halp_mm.name_lists import read_names
from halp_mm.problems import BAD, BAD_CLIP, BAD_SPLIT, Problem, listing
from halp_mm.skeletons import LAYOUTS, SkeletonLayout, get_layout

REQUIRED = ('frame_dir', 'label', 'total_frames', 'keypoint')
#: The columns that hold an image's height and width.
SIZES = {
    'img_shape': ('img_height', 'img_width'),
    'original_shape': ('original_height', 'original_width'),
}
#: A column of a clip that lacks the key.
MISSING = -1

_TRANSPOSE = 'save keypoint.transpose(1, 0, 2, 3)'
_FEW_PEOPLE = 2  # more people than frames are taken for frames
_MAX_CLASSES = 10_000  # without names; a data file has no room for the names of more
_KNOWN_CLASSES = {'ntu60': CLASS_NAMES[:60], 'ntu120': CLASS_NAMES}
_TOP_LEVEL = ('split', 'annotations')
# Columns that mean something else, and the arguments of ClipWriter.add.
_NO_COLUMNS = {
    *(*SIZES, *(column for columns in SIZES.values() for column in columns)),
    *(*REQUIRED, 'keypoint_score', 'self', 'name', 'clip', 'splits'),
}
_INT64 = np.iinfo(np.int64)


@dataclass
class Annotations:
    """The good clips of an annotation pickle.

    Args:
        path: The pickle.
        layout: The layout of the joints.
        dataset: Name of the data set.
        class_names: Class names; labels count from 0 in this list.
        class_of_label: The class of each label, where nothing names the classes.
        clips: The annotations of the good clips by name.
        columns: Further facts of each clip, in the order of the clips.
        splits: The good clips of each split.
        renamed: The splits that have another name in the pickle, with that name.
        rounded: How many clips have numbers that float32 cannot hold exactly.
        not_kept: Keys of clips that are not kept, with the number of clips that have them.
        file_keys_not_kept: Keys beside ``split`` and ``annotations``; they are not kept either.
        left_out: The names of omitted clips, for each reason.
        problems: What is wrong with bad clips and with the splits.
    """

    path: Path
    layout: SkeletonLayout
    dataset: str
    class_names: Sequence[str] = ()
    class_of_label: Mapping[int, int] = field(default_factory=dict)
    clips: dict[str, dict] = field(default_factory=dict)
    columns: dict[str, dict[str, int]] = field(default_factory=dict)
    splits: dict[str, list[str]] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    rounded: int = 0
    not_kept: dict[str, int] = field(default_factory=dict)
    file_keys_not_kept: list[str] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def clip(self, name: str) -> np.ndarray:
        """The people who are seen in a clip, float32 ``[M, T, V, C]``; a score comes last."""
        return seen_people(_channels(self.clips[name]), self.layout.dimensions)

    def label(self, name: str) -> int | None:
        """A clip's class; None if it has no label."""
        label = self.clips[name].get('label')
        return None if label is None else self.class_of_label.get(int(label), int(label))


def read_annotations(
    path: str | os.PathLike,
    layout: str | Mapping | SkeletonLayout | None,
    dataset: str | None = None,
    classes: str | os.PathLike | None = None,
) -> Annotations:
    """Read an annotation pickle and check it. Nothing that the pickle names is run.

    Args:
        path: The pickle.
        layout: The layout of its joints, of which the pickle says nothing.
        dataset: Name of the data set; by default the file's name. For ``'ntu60'`` and
            ``'ntu120'`` the class names are known.
        classes: A text file with the names of the classes, one a line. Otherwise, classes that
            are not known are called ``class 0``, ``class 1``, ... after the labels that occur,
            and numbered anew if these have gaps.

    Returns:
        The good clips, and what is wrong with the others.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is no such pickle, holds anything but plain data, or the layout is
            missing; says what is wrong.
    """
    path = Path(path)
    content = load_plain_pickle(path)
    _check_content(content, path)
    given = content['annotations']
    _check_axes(given, path)
    found = Annotations(
        path, _find_layout(layout, given, path), path.stem if dataset is None else dataset
    )
    class_names = _class_names(found.dataset, classes)
    checks = _Checks(given, found.layout, None if class_names is None else len(class_names))
    for number, annotation in enumerate(given):
        name = annotation.get('frame_dir')
        problems = list(checks.problems(annotation))
        if isinstance(name, str) and name in found.clips:
            problems.append('has the name of an earlier one; expected each frame_dir once')
        if problems:
            shown = name if isinstance(name, str) else f'annotation {number}'
            found.problems += [
                Problem(BAD_CLIP, f'{path}: {shown!r:.200} {text}') for text in problems
            ]
            found.left_out.setdefault(BAD, []).append(_shown(shown))
        else:
            found.clips[name] = annotation
    _read_splits(content['split'], given, found)
    clips = found.clips.values()
    if class_names is None:
        labels = (clip['label'] for clip in clips if clip.get('label') is not None)
        found.class_of_label = number_classes(map(int, labels))
        class_names = [f'class {label}' for label in found.class_of_label]
    found.class_names = class_names
    _read_columns(found)
    found.rounded = sum(map(_is_rounded, clips))
    found.file_keys_not_kept = [_shown(key) for key in content if key not in _TOP_LEVEL]
    return found


def is_pickle(path: str | os.PathLike) -> bool:
    """Whether a file has the suffix of a pickle."""
    return Path(path).suffix in ('.pkl', '.pickle')


def _check_content(content: object, path: Path) -> None:
    expected = (
        "expected a dict with 'split', a dict of lists of names, and 'annotations', a list of "
        'dicts, as MMAction2 and PYSKL have it'
    )
    if type(content) is not dict:
        raise ValueError(f'{path} is a pickle of a {type(content).__name__}; {expected}')
    missing = [key for key in _TOP_LEVEL if key not in content]
    if missing:
        raise ValueError(
            f'{path} has no {" and no ".join(map(repr, missing))}, but {list(content)!r:.200}; '
            f'{expected}'
        )
    splits, annotations = (content[key] for key in _TOP_LEVEL)
    if type(splits) is not dict:
        raise ValueError(f"{path}: 'split' is a {type(splits).__name__}; {expected}")
    for name, members in splits.items():
        if not _is_text(name) or type(members) is not list:
            raise ValueError(f'{path}: split {name!r} is a {type(members).__name__}; {expected}')
    if type(annotations) is not list or any(type(clip) is not dict for clip in annotations):
        raise ValueError(f"{path}: 'annotations' is not a list of dicts; {expected}")
    if not annotations:
        raise ValueError(f"{path}: 'annotations' is empty; expected one dict a clip")


def _check_axes(annotations: Sequence[Mapping], path: Path) -> None:
    """Raise a ValueError if most clips have more people than frames, whatever they say of both."""
    shapes = [shape for shape in map(_shape, annotations) if shape is not None]
    swapped = [shape for shape in shapes if shape[0] > max(shape[1], _FEW_PEOPLE)]
    if 2 * len(swapped) > len(shapes):
        raise ValueError(
            f'{path}: {len(swapped)} of {len(shapes)} keypoints have more people than frames, such '
            f'as {list(swapped[0])}, so they look like [T, M, V, C]; expected [M, T, V, C]: '
            f'{_TRANSPOSE}, and the scores in the same way'
        )


def _is_text(value: object) -> bool:
    """Whether a value is a string that can stand on a line of a UTF-8 file."""
    if type(value) is not str or not value or '\n' in value:
        return False
    return not any('\ud800' <= letter <= '\udfff' for letter in value)


def _shown(value: object) -> str:
    """A name as it can be printed."""
    return value if isinstance(value, str) and value.isprintable() and value else repr(value)


def _find_layout(
    layout: str | Mapping | SkeletonLayout | None, annotations: Sequence[Mapping], path: Path
) -> SkeletonLayout:
    if layout is not None:
        return get_layout(layout)
    counts = Counter(shape[2] for shape in map(_shape, annotations) if shape)
    joints = counts.most_common(1)[0][0] if counts else None
    fitting = [known.name for known in LAYOUTS.values() if known.num_joints == joints]
    hint = f'; of {joints} joints, as here, are {fitting}' if fitting else ''
    raise ValueError(
        f'{path} is a pickle, which does not say what its joints are. Give the layout, one of '
        f'{sorted(LAYOUTS)} or a dict{hint}'
    )


def _class_names(dataset: str, path: str | os.PathLike | None) -> Sequence[str] | None:
    if path is None:
        return _KNOWN_CLASSES.get(dataset)
    return read_names(Path(path), 'classes file', 'the name of a class', is_numbered=True)


class _Checks:
    """What a good annotation is.

    Args:
        annotations: All of them; most say which channels there are.
        layout: The layout of the joints.
        num_classes: How many classes there are, if that is known.
    """

    def __init__(
        self, annotations: Sequence[Mapping], layout: SkeletonLayout, num_classes: int | None
    ) -> None:
        kinds = Counter(map(_channel_kind, annotations))
        kinds.pop(None, None)
        self._usual = kinds.most_common(1)[0][0] if kinds else None
        self._layout = layout
        self._num_classes = num_classes

    def problems(self, annotation: Mapping) -> Iterator[str]:
        """What is wrong with an annotation."""
        missing = [key for key in REQUIRED if key not in annotation and key != 'label']
        if missing:
            yield f'has no {", ".join(missing)}; expected {", ".join(REQUIRED)}'
            return
        if not _is_text(annotation['frame_dir']):
            yield f'has frame_dir {annotation["frame_dir"]!r:.60}; expected a name on one line'
        label = annotation.get('label')
        num_classes = self._num_classes or _MAX_CLASSES
        if label is not None and not (_is_integer(label) and 0 <= label < num_classes):
            hint = '' if self._num_classes else ', or names of the classes'
            yield f'has label {label!r:.60}; expected an integer from 0 to {num_classes - 1}{hint}'
        yield from self._problems_of_keypoint(annotation)

    def _problems_of_keypoint(self, annotation: Mapping) -> Iterator[str]:
        shape, layout = _shape(annotation), self._layout
        if not shape:
            found = _described(annotation['keypoint'])
            yield f'has as keypoint {found}; expected an array of numbers [M, T, V, C]'
            return
        people, frames, joints, channels = shape
        if not people or not frames:
            yield f'has {people} people and {frames} frames; expected at least one of each'
        if joints != layout.num_joints:
            yield f'has {joints} joints; layout {layout.name!r} has {layout.num_joints}'
        total = annotation['total_frames']
        if total == people != frames:
            yield (
                f'has total_frames {total} and a keypoint {list(shape)}, which looks like '
                f'[T, M, V, C]; expected [M, T, V, C]: {_TRANSPOSE}'
            )
        elif not _is_integer(total) or total != frames:
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
        elif _channel_kind(annotation) != self._usual:
            yield f'has {_worded(_channel_kind(annotation))}; most have {_worded(self._usual)}'
        else:
            infinite = int((~np.isfinite(_channels(annotation))).sum())
            if infinite:
                yield f'has {infinite} numbers that are NaN, infinite or too large for float32'
                return
            wrong = describe_bad_coordinates(_channels(annotation))
            if wrong:
                yield f'has {wrong}'


def _is_numeric(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in 'iuf'


def _shape(annotation: Mapping) -> tuple[int, int, int, int] | None:
    """The keypoint's shape ``(M, T, V, C)``, if it has one."""
    keypoint = annotation.get('keypoint')
    return keypoint.shape if _is_numeric(keypoint) and keypoint.ndim == 4 else None


def _described(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f'an array {list(value.shape)} of {value.dtype}'
    return f'a {type(value).__name__}'


def _channel_kind(annotation: Mapping) -> tuple[int, bool] | None:
    """Number of coordinates, and whether there is a score."""
    shape = _shape(annotation)
    return None if shape is None else (shape[3], 'keypoint_score' in annotation)


def _worded(kind: tuple[int, bool]) -> str:
    return f'{kind[0]} coordinates {"and a" if kind[1] else "without"} keypoint_score'


def _channels(annotation: Mapping) -> np.ndarray:
    """Coordinates and, if there is one, score: float32 ``[M, T, V, C]``."""
    with np.errstate(over='ignore'):  # infinity is refused
        clip = annotation['keypoint'].astype(np.float32)
        if 'keypoint_score' not in annotation:
            return clip
        score = annotation['keypoint_score'].astype(np.float32)
    return np.concatenate([clip, score[..., None]], -1)


def _is_rounded(annotation: Mapping) -> bool:
    """Whether float32 cannot hold all numbers exactly."""
    arrays = (annotation[key] for key in ('keypoint', 'keypoint_score') if key in annotation)
    return any(
        not np.can_cast(array.dtype, np.float32) and (array.astype(np.float32) != array).any()
        for array in arrays
    )


def _read_splits(lists: Mapping[str, list], given: Sequence[Mapping], found: Annotations) -> None:
    """Note the good clips of each split, in the order of the clips, and what is wrong with it."""
    known = {name for name in (clip.get('frame_dir') for clip in given) if _is_text(name)}
    for theirs, members in lists.items():
        names = Counter(name for name in members if type(name) is str)
        wrong = {
            'that are no strings': [name for name in members if type(name) is not str],
            'of which there is no annotation': [name for name in names if name not in known],
            'more than once': [name for name, count in names.items() if count > 1],
        }
        found.problems += [
            Problem(
                BAD_SPLIT,
                f'{found.path}: split {theirs!r} has {len(bad)} names {what}'
                + listing([_shown(name) for name in bad]),
            )
            for what, bad in wrong.items()
            if bad
        ]
        ours = _our_name(theirs, lists)
        if ours != theirs:
            found.renamed[ours] = theirs
        found.splits[ours] = [name for name in found.clips if name in names]


def _our_name(split: str, others: Mapping[str, list]) -> str:
    if split != 'val' and not split.endswith('_val'):
        return split
    ours = split.removesuffix('val') + 'test'
    return split if ours in others else ours


def _read_columns(found: Annotations) -> None:
    """Keep the integers of each clip as columns, and note which keys are not kept."""
    not_kept: Counter = Counter()
    for name, annotation in found.clips.items():
        columns = found.columns[name] = {}
        for key, value in annotation.items():
            if key in REQUIRED or key == 'keypoint_score':
                continue
            if key in SIZES and _is_size(value):
                columns |= zip(SIZES[key], value)
            elif _is_integer(value) and _is_column(key):
                columns[key] = int(value)
            else:
                not_kept[_shown(key)] += 1
    absent = dict.fromkeys((key for columns in found.columns.values() for key in columns), MISSING)
    found.columns = {name: {**absent, **columns} for name, columns in found.columns.items()}
    found.not_kept = dict(not_kept)


def _is_integer(value: object) -> bool:
    """Whether a value is an integer of Python or NumPy, and one that int64 can hold."""
    is_number = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return is_number and _INT64.min <= value <= _INT64.max


def _is_size(value: object) -> bool:
    return type(value) in (tuple, list) and len(value) == 2 and all(map(_is_integer, value))


def _is_column(key: object) -> bool:
    return isinstance(key, str) and key.isidentifier() and key not in _NO_COLUMNS
