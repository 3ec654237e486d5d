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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from halp_mm.datasets.annotation_checks import (
    REQUIRED,
    TRANSPOSE,
    AnnotationChecks,
    channels_of,
    is_integer,
    is_text,
    shape_of,
)
from halp_mm.datasets.class_numbers import number_classes
from halp_mm.datasets.ntu_actions import CLASS_NAMES
from halp_mm.datasets.people import seen_people
from halp_mm.datasets.plain_pickle import load_plain_pickle
from halp_mm.name_lists import read_names
from halp_mm.problems import BAD, BAD_CLIP, BAD_SPLIT, Problem, listing
from halp_mm.skeletons import LAYOUTS, SkeletonLayout, get_layout

#: The columns that hold an image's height and width.
SIZES = {
    'img_shape': ('img_height', 'img_width'),
    'original_shape': ('original_height', 'original_width'),
}
#: A column of a clip that lacks the key.
MISSING = -1

_FEW_PEOPLE = 2  # more people than frames are taken for frames
_KNOWN_CLASSES = {'ntu60': CLASS_NAMES[:60], 'ntu120': CLASS_NAMES}
_TOP_LEVEL = ('split', 'annotations')
# Columns that mean something else, and the arguments of ClipWriter.add.
_NO_COLUMNS = {
    *(*SIZES, *(column for columns in SIZES.values() for column in columns)),
    *(*REQUIRED, 'keypoint_score', 'self', 'name', 'clip', 'splits'),
}


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
        return seen_people(channels_of(self.clips[name]), self.layout.dimensions)

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
    checks = AnnotationChecks(
        given, found.layout, None if class_names is None else len(class_names)
    )
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
        if not is_text(name) or type(members) is not list:
            raise ValueError(f'{path}: split {name!r} is a {type(members).__name__}; {expected}')
    if type(annotations) is not list or any(type(clip) is not dict for clip in annotations):
        raise ValueError(f"{path}: 'annotations' is not a list of dicts; {expected}")
    if not annotations:
        raise ValueError(f"{path}: 'annotations' is empty; expected one dict a clip")


def _check_axes(annotations: Sequence[Mapping], path: Path) -> None:
    """Raise a ValueError if most clips have more people than frames, whatever they say of both."""
    shapes = [shape for shape in map(shape_of, annotations) if shape is not None]
    swapped = [shape for shape in shapes if shape[0] > max(shape[1], _FEW_PEOPLE)]
    if 2 * len(swapped) > len(shapes):
        raise ValueError(
            f'{path}: {len(swapped)} of {len(shapes)} keypoints have more people than frames, such '
            f'as {list(swapped[0])}, so they look like [T, M, V, C]; expected [M, T, V, C]: '
            f'{TRANSPOSE}, and the scores in the same way'
        )


def _shown(value: object) -> str:
    """A name as it can be printed."""
    return value if isinstance(value, str) and value.isprintable() and value else repr(value)


def _find_layout(
    layout: str | Mapping | SkeletonLayout | None, annotations: Sequence[Mapping], path: Path
) -> SkeletonLayout:
    if layout is not None:
        return get_layout(layout)
    counts = Counter(shape[2] for shape in map(shape_of, annotations) if shape)
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


def _is_rounded(annotation: Mapping) -> bool:
    """Whether float32 cannot hold all numbers exactly."""
    arrays = (annotation[key] for key in ('keypoint', 'keypoint_score') if key in annotation)
    return any(
        not np.can_cast(array.dtype, np.float32) and (array.astype(np.float32) != array).any()
        for array in arrays
    )


def _read_splits(lists: Mapping[str, list], given: Sequence[Mapping], found: Annotations) -> None:
    """Note the good clips of each split, in the order of the clips, and what is wrong with it."""
    known = {name for name in (clip.get('frame_dir') for clip in given) if is_text(name)}
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
            elif is_integer(value) and _is_column(key):
                columns[key] = int(value)
            else:
                not_kept[_shown(key)] += 1
    absent = dict.fromkeys((key for columns in found.columns.values() for key in columns), MISSING)
    found.columns = {name: {**absent, **columns} for name, columns in found.columns.items()}
    found.not_kept = dict(not_kept)


def _is_size(value: object) -> bool:
    return type(value) in (tuple, list) and len(value) == 2 and all(map(is_integer, value))


def _is_column(key: object) -> bool:
    return isinstance(key, str) and key.isidentifier() and key not in _NO_COLUMNS
