"""The annotation pickles of MMAction2 and PYSKL.

Such a file is a pickle of a dict: ``split`` has the names of the clips of each split, and
``annotations`` has one dict a clip:

===================  ==========================================================================
``frame_dir``        the clip's name
``label``            its class, counted from 0
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
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from halp_mm.datasets.sources.annotation_forms import (
    FORM_COLUMN,
    REQUIRED,
    Form,
    describe,
    is_integer,
)
from halp_mm.datasets.sources.ntu import DATASETS
from halp_mm.datasets.sources.ntu_actions import CLASS_NAMES
from halp_mm.datasets.sources.plain_pickle import load_plain_pickle
from halp_mm.datasets.sources.preparation import BadFilesError
from halp_mm.datasets.sources.reporting import listing
from halp_mm.skeletons import LAYOUTS, SkeletonLayout, get_layout

_MOST_CLASSES = 10_000  # without names; a data file has no room for the names of more
_MISSING = -1
_TOP_LEVEL = ('split', 'annotations')


@dataclass
class AnnotationsSummary:
    """What became of the annotations.

    Args:
        clips: How many clips were kept.
        splits: How many of them each split has.
        renamed: The splits that are called otherwise in the pickle, with those names.
        in_no_split: How many clips are in no split.
        classes: How many classes there are.
        channels: How many channels a joint has, a score among them.
        has_score: Whether the last channel is ``keypoint_score``.
        people: For each number of people, how many clips have them.
        rounded: How many clips have numbers that float32 cannot hold exactly.
        not_kept: Keys of clips that were not kept, with the number of clips that have them.
        file_keys_not_kept: Keys beside ``split`` and ``annotations``; they are not kept either.
        left_out: Names of the bad clips that were left out.
        problems: What is wrong with them and with the splits.
    """

    clips: int = 0
    splits: dict[str, int] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    in_no_split: int = 0
    classes: int = 0
    channels: int = 0
    has_score: bool = False
    people: dict[int, int] = field(default_factory=dict)
    rounded: int = 0
    not_kept: dict[str, int] = field(default_factory=dict)
    file_keys_not_kept: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f'clips: {self.clips}']
        for name, count in self.splits.items():
            renamed = f' (in the pickle {self.renamed[name]})' if name in self.renamed else ''
            lines.append(f'  {name} {count}{renamed}')
        people = ', '.join(f'{number} in {count} clips' for number, count in self.people.items())
        score = ', the last one keypoint_score' if self.has_score else ''
        lines += [
            f'  {self.in_no_split} in no split',
            f'classes: {self.classes}',
            f'people: {people}',
            f'channels: {self.channels}{score}',
            f'rounded to float32: {self.rounded} clips',
            f'keys not kept: {len(self.file_keys_not_kept) + len(self.not_kept)}',
            *(f'  {key} of the file' for key in self.file_keys_not_kept),
            *(f'  {key} of {count} clips' for key, count in self.not_kept.items()),
            f'clips left out: {len(self.left_out)}{listing(self.left_out)}',
            f'problems: {len(self.problems)}',
            *(f'  {text}' for text in self.problems),
        ]
        return '\n'.join(lines)


@dataclass
class Annotations:
    """The good clips of an annotation pickle, with everything that a data file has.

    Args:
        layout: The layout of the joints.
        dataset: Name of the data set.
        class_names: Class names; labels count from 0 in this list.
        names: The clips' names.
        labels: Their classes.
        columns: Further facts of each clip.
        splits: For each split the positions of its clips, in the order of the clips.
        notes: What is needed to write an equal pickle, and the summary.
        summary: What became of the annotations.
        annotations: The annotations themselves, for :meth:`clip`.
    """

    layout: SkeletonLayout
    dataset: str
    class_names: list[str]
    names: list[str]
    labels: list[int]
    columns: dict[str, list[int]]
    splits: dict[str, list[int]]
    notes: dict
    summary: AnnotationsSummary
    annotations: list[dict]

    def __len__(self) -> int:
        return len(self.annotations)

    def clip(self, position: int) -> np.ndarray:
        """A clip, float32 ``[M, T, V, C]``; a score is its last channel."""
        return _channels(self.annotations[position])


def read_annotations(
    path: str | os.PathLike,
    layout: str | Mapping | SkeletonLayout | None,
    dataset: str | None = None,
    classes: str | os.PathLike | None = None,
    skip_bad: bool = False,
) -> Annotations:
    """Read an annotation pickle and check it. Nothing that the pickle names is run.

    Args:
        path: The pickle.
        layout: The layout of its joints, of which the pickle says nothing.
        dataset: Name of the data set; by default the file's name. For ``'ntu60'`` and
            ``'ntu120'`` the class names are known.
        classes: A text file with the names of the classes, one a line. Otherwise, classes that
            are not known are called ``class 0``, ``class 1``, ...
        skip_bad: Leave bad clips out instead of refusing the file.

    Raises:
        FileNotFoundError: if there is no such file.
        BadFilesError: a ``ValueError`` that lists all bad clips, unless ``skip_bad``.
        ValueError: if the file is no such pickle, holds anything but plain data, or the layout is
            missing; says what is wrong.
    """
    path = Path(path)
    content = load_plain_pickle(path)
    _check_content(content, path)
    given, lists = content['annotations'], content['split']
    layout = _find_layout(layout, given, path)
    dataset = path.stem if dataset is None else dataset
    class_names = _class_names(dataset, classes)
    summary = AnnotationsSummary()
    checks = _Checks(given, layout, None if class_names is None else len(class_names))
    kept: dict[str, dict] = {}
    for number, annotation in enumerate(given):
        name = annotation.get('frame_dir')
        problems = list(checks.problems(annotation))
        if isinstance(name, str) and name in kept:
            problems.append('has the name of an earlier one; expected each frame_dir once')
        if problems:
            found = name if isinstance(name, str) else f'annotation {number}'
            summary.problems += [f'{path}: {found!r:.200} {problem}' for problem in problems]
            summary.left_out.append(_shown(found))
        else:
            kept[name] = annotation
    splits, orders = _read_splits(lists, kept, given, path, summary)
    if summary.problems and not skip_bad:
        raise BadFilesError(summary.problems)
    if not kept:
        raise ValueError(f'{path}: none of its {len(given)} clips is good, so nothing is left')
    clips = list(kept.values())
    labels = [int(clip['label']) for clip in clips]
    if class_names is None:
        class_names = [f'class {label}' for label in range(max(labels) + 1)]
    forms, columns = _take_apart(clips, summary)
    summary.clips, summary.classes = len(clips), len(class_names)
    summary.channels = _channels(clips[0]).shape[-1]
    summary.has_score = 'keypoint_score' in clips[0]
    summary.people = dict(sorted(Counter(len(clip['keypoint']) for clip in clips).items()))
    summary.rounded = sum(map(_is_rounded, clips))
    summary.file_keys_not_kept = [_shown(key) for key in content if key not in _TOP_LEVEL]
    restoring = {
        'keys': [key for key in content if key in _TOP_LEVEL],
        'forms': forms,
        'splits': [[ours, summary.renamed.get(ours, ours), orders.get(ours)] for ours in splits],
    }
    return Annotations(
        layout=layout,
        dataset=dataset,
        class_names=class_names,
        names=list(kept),
        labels=labels,
        columns=columns,
        splits=splits,
        notes={'annotations': restoring, **asdict(summary)},
        summary=summary,
        annotations=clips,
    )


def is_pickle(path: str | os.PathLike) -> bool:
    """Whether a file is called as pickles are."""
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


def _class_names(dataset: str, path: str | os.PathLike | None) -> list[str] | None:
    if path is None:
        facts = DATASETS.get(dataset)
        return None if facts is None else list(CLASS_NAMES[: facts.limits[-1]])
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'there is no file of class names {path}')
    names = [line.strip() for line in path.read_text(encoding='utf-8').rstrip().splitlines()]
    if '' in names or not names:
        line = names.index('') + 1 if names else 1
        raise ValueError(f'{path}, line {line} is empty; expected the name of class {line - 1}')
    return names


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
        missing = [key for key in REQUIRED if key not in annotation]
        if missing:
            yield f'has no {", ".join(missing)}; expected {", ".join(REQUIRED)}'
            return
        if not _is_text(annotation['frame_dir']):
            yield f'has frame_dir {annotation["frame_dir"]!r:.60}; expected a name on one line'
        label = annotation['label']
        most = self._num_classes or _MOST_CLASSES
        if not is_integer(label) or not 0 <= label < most:
            hint = '' if self._num_classes else ', or names of the classes'
            yield f'has label {label!r:.60}; expected an integer from 0 to {most - 1}{hint}'
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
        if not is_integer(total) or total != frames:
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


def _read_splits(
    lists: Mapping[str, list],
    kept: Mapping[str, dict],
    annotations: Sequence[Mapping],
    path: Path,
    summary: AnnotationsSummary,
) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Positions by split in the order of the clips; and in the splits' order where it differs."""
    positions = {name: position for position, name in enumerate(kept)}
    known = {name for name in (clip.get('frame_dir') for clip in annotations) if _is_text(name)}
    splits, orders = {}, {}
    for theirs, members in lists.items():
        names = Counter(name for name in members if type(name) is str)
        wrong = {
            'that are no strings': [name for name in members if type(name) is not str],
            'of which there is no annotation': [name for name in names if name not in known],
            'more than once': [name for name, count in names.items() if count > 1],
        }
        summary.problems += [
            f'{path}: split {theirs!r} has {len(found)} names {what}'
            + listing([_shown(name) for name in found])
            for what, found in wrong.items()
            if found
        ]
        ours = _our_name(theirs, lists)
        if ours != theirs:
            summary.renamed[ours] = theirs
        order = [positions[name] for name in names if name in positions]
        splits[ours] = sorted(order)
        summary.splits[ours] = len(order)
        if order != splits[ours]:
            orders[ours] = order
    summary.in_no_split = len(set(positions.values()).difference(*splits.values()))
    return splits, orders


def _our_name(split: str, others: Mapping[str, list]) -> str:
    if split != 'val' and not split.endswith('_val'):
        return split
    ours = split.removesuffix('val') + 'test'
    return split if ours in others else ours


def _take_apart(
    clips: Sequence[Mapping], summary: AnnotationsSummary
) -> tuple[list[Form], dict[str, list[int]]]:
    """The distinct forms of the clips, and their facts with what is missing filled in."""
    forms: dict[Form, int] = {}
    facts, not_kept = [], Counter()
    for clip in clips:
        form, columns, lost = describe(clip)
        facts.append({FORM_COLUMN: forms.setdefault(form, len(forms)), **columns})
        not_kept.update(lost)
    summary.not_kept = {_shown(key): count for key, count in not_kept.items()}
    keys = dict.fromkeys(key for columns in facts for key in columns)
    columns = {key: [fact.get(key, _MISSING) for fact in facts] for key in keys}
    return list(forms), columns
