"""One's own clips: a folder with one file a clip, and a labels file.

For the clips' files see :mod:`~.folder.clip_files`, for the labels file :mod:`~.folder.labels`.
Files are found in the folder and its subfolders; hidden ones are ignored. A clip's name is its
file's path in the folder without the suffix.

Frames stay unchanged. A person who is zero in all frames is dropped, and a clip in which all people
are zero is omitted. A joint that was not tracked is zero; NaN is a problem.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

import numpy as np

from halp_mm.datasets.class_numbers import describe_numbers
from halp_mm.datasets.people import seen_people
from halp_mm.preparation.folder.clip_files import SUFFIXES, parse_clip_file
from halp_mm.preparation.folder.labels import Labels, find_labels, read_labels
from halp_mm.preparation.preparing import prepare
from halp_mm.preparation.raw_files import ParsedClip, RawFiles, find_files, second_file
from halp_mm.preparation.source import ClipFacts, Source
from halp_mm.preparation.summary import Summary
from halp_mm.problems import BAD_LABEL, Problem, listing
from halp_mm.registry import SOURCES
from halp_mm.skeletons import LAYOUTS, SkeletonLayout, get_layout

WITHOUT_ROW = 'without a row in the labels file'
BAD_ROW = 'with a bad row in the labels file'

_MAX_PEOPLE = 50
_FEW_PEOPLE = 2  # more people than frames are taken for frames


@SOURCES.register_module()
class FolderSource(Source):
    """One's own clips, as this module's docstring says.

    Args:
        folder: The folder with the clips' files.
        layout: The joint layout of the clips.
        labels: The labels file; by default ``labels.csv`` in the folder. Without one, no clip has
            a label and all are in the split ``train``.
        classes: A text file with the names of the classes, one a line.
        dataset: Name of the data set; by default the folder's.

    Raises:
        FileNotFoundError: if ``labels`` or ``classes`` is missing.
        ValueError: if the labels or classes file is not as expected.
    """

    parse = staticmethod(parse_clip_file)
    suffixes = SUFFIXES

    def __init__(
        self,
        folder: str | os.PathLike,
        layout: str | Mapping | SkeletonLayout,
        labels: str | os.PathLike | None = None,
        classes: str | os.PathLike | None = None,
        dataset: str | None = None,
    ) -> None:
        self.folder, self.layout = Path(folder), get_layout(layout)
        self.name = dataset or self.folder.resolve().name
        self.labels = find_labels(self.folder) if labels is None else Path(labels)
        self._labels_were_found = labels is None and self.labels is not None
        if self.labels is None and classes is not None:
            raise ValueError(
                f'{os.fspath(classes)} names classes, but there is no labels file; give both or '
                'none'
            )
        self._known = Labels()
        if self.labels is not None:
            self._known = read_labels(self.labels, None if classes is None else Path(classes))
        self.class_names = self._known.class_names
        self._lists = lists_of(self.folder, labels, classes)
        self._files: dict[str, Path] = {}

    def recordings(self, summary: Summary) -> list[RawFiles]:
        """The files that have a row; without a labels file, all."""
        self._files = self._find_files(summary)
        if self.labels is None:
            self._known.clips = dict.fromkeys(self._files, ClipFacts(None, ('train',)))
        summary.problems += self._known.problems
        bad_rows = set(self._known.bad)
        recordings = []
        for name, path in self._files.items():
            if name in self._known.clips:
                recordings.append(RawFiles(name, (path,)))
            elif name in bad_rows:
                summary.leave_out(BAD_ROW, [name])
            else:
                # A file's name may be no text at all; what is said of it is.
                shown = [os.fsencode(text).decode(errors='replace') for text in (path, name)]
                summary.leave_out(WITHOUT_ROW, shown[1:])
                text = f'{shown[0]} has no row in {self.labels}; expected a row of name {shown[1]}'
                summary.problems.append(Problem(BAD_LABEL, text))
        for name in self._known.clips:
            if name not in self._files:
                text = (
                    f'{self.labels}: clip {name!r} has no file; expected one of '
                    f'{", ".join(name + suffix for suffix in self.suffixes)} in the folder'
                )
                summary.problems.append(Problem(BAD_LABEL, text))
        return recordings

    def facts(self, clip: ParsedClip) -> ClipFacts:
        """What the labels file says of a clip."""
        return self._known.clips[clip.name]

    def fit(self, clip: ParsedClip) -> np.ndarray:
        """What a file holds as a clip of the layout, ``[M, T, V, C]``."""
        return shaped_clip(clip.coordinates, self.layout, self._files[clip.name])

    def remarks(self, summary: Summary) -> list[str]:
        """Where labels were found, which classes have no clips, and how integers were numbered."""
        lines = []
        if self._labels_were_found:
            lines.append(f'labels: those in {self.labels}, which was found in the folder')
        numbers = describe_numbers(self._known.class_of_label)
        if numbers:
            lines.append(numbers)
        for column, names in self._known.numbered.items():
            listed = listing([f'{number} {name}' for name, number in names.items()], 10)
            lines.append(f'{column}: names are numbered{listed}')
        empty = [name for name, count in summary.classes.items() if not count]
        if empty:
            total = len(summary.classes)
            lines.append(f'classes without clips: {len(empty)} of {total}{listing(empty, 5)}')
        return lines

    def _find_files(self, summary: Summary) -> dict[str, Path]:
        """The clips' files by name, without labels and classes."""
        if not self.folder.is_dir():
            raise FileNotFoundError(
                f'there is no folder {self.folder}; expected the folder with the clips, one file '
                f'{", ".join(SUFFIXES)} a clip'
            )
        found = find_files(self.folder, SUFFIXES)
        paths = [path for path in found if path.resolve() not in self._lists]
        if not paths:
            raise ValueError(
                f'{self.folder} has no files {", ".join(SUFFIXES)}; expected one a clip in the '
                'folder or its subfolders'
            )
        files: dict[str, Path] = {}
        for path in paths:
            name = path.relative_to(self.folder).with_suffix('').as_posix()
            if name in files:
                summary.problems.append(second_file(name, files[name], path))
            else:
                files[name] = path
        return files


def prepare_folder(
    folder: str | os.PathLike,
    layout: str | Mapping | SkeletonLayout | None,
    labels: str | os.PathLike | None,
    out: str | os.PathLike,
    to_layout: str | Mapping | SkeletonLayout | None = None,
    classes: str | os.PathLike | None = None,
    workers: int | None = None,
    skip_bad: bool = False,
    progress: TextIO | None = None,
    dataset: str | None = None,
    format: str | None = None,
) -> Summary:
    """Make a data file of your own clips: a folder with one file a clip, and a labels file.

    See :class:`FolderSource`, :class:`~.pose_files.PoseFilesSource` and
    :func:`~.preparing.prepare`, which raise its errors.

    Args:
        folder: The folder with the clips' files.
        layout: The joint layout of the clips. Files of pose estimators and motion capture say it.
        labels: The labels file; by default ``labels.csv`` in the folder. Without one, no clip has
            a label and all are in the split ``train``.
        out: The data file to make.
        to_layout: The layout to convert the clips to; by default they stay as they are.
        classes: A text file with the names of the classes, one a line.
        workers: How many processes read; by default one for each core.
        skip_bad: Skip bad files and rows instead of refusing the data.
        progress: Where to show the progress, such as ``sys.stderr``.
        dataset: Name of the data set; by default the folder's.
        format: What wrote the files: openpose, alphapose, mmpose, mediapipe, azure_kinect or bvh;
            by default, the files themselves say it.

    Returns:
        What the file holds and what was omitted.
    """
    from halp_mm.preparation.folder.pose_files import PoseFilesSource, find_format  # needs this

    if format is None:
        format = find_format(Path(folder), lists_of(Path(folder), labels, classes))
    if format is not None:
        source = PoseFilesSource(folder, format, labels, classes, layout, dataset)
    elif layout is None:
        raise ValueError(
            f'nothing in {folder} says which joints there are; name the layout of arrays by '
            '--layout, or what wrote other files by --format'
        )
    else:
        source = FolderSource(folder, layout, labels, classes, dataset)
    return prepare(source, out, workers, skip_bad, progress, to_layout)


def lists_of(folder: Path, *given: str | os.PathLike | None) -> set[Path]:
    """The files in a folder that are no clips: labels and classes.

    Args:
        folder: The folder.
        given: The labels file, then others; without a labels file, the one in the folder counts.
    """
    found = [find_labels(folder) if given[0] is None else given[0], *given[1:]]
    return {Path(file).resolve() for file in found if file is not None}


def read_clip(path: Path, layout: SkeletonLayout) -> np.ndarray:
    """Read one clip's file as :func:`prepare_folder` does.

    Args:
        path: The file.
        layout: The layout of its joints.

    Returns:
        float32 ``[M, T, V, C]``, without people who are zero in all frames; M may be 0.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not as expected.
    """
    if not path.is_file():
        raise FileNotFoundError(f'there is no file {path}; expected a clip in it')
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(
            f'{path} is called {path.suffix or "without a suffix"}; expected a clip called '
            f'{", ".join(SUFFIXES)}. Export it as one of these'
        )
    (parsed,) = parse_clip_file(RawFiles(path.stem, (path,))).clips
    return seen_people(shaped_clip(parsed.coordinates, layout, path), layout.dimensions)


def shaped_clip(values: np.ndarray, layout: SkeletonLayout, where: str | os.PathLike) -> np.ndarray:
    """What a file holds as a clip of a layout.

    Args:
        values: ``[M, T, V, C]``, or ``[M, T, V * C]``.
        layout: Its layout.
        where: What it is, for errors.

    Returns:
        ``[M, T, V, C]``.

    Raises:
        ValueError: if the numbers of joints or coordinates are not the layout's, or there are too
            many people.
    """
    joints, dimensions = layout.num_joints, layout.dimensions
    expected = (
        f'{joints} joints of layout {layout.name!r} with {dimensions} coordinates, or '
        f'{dimensions + 1} with a score'
    )
    advice = 'Name the layout of the clips (layout), or correct the file'
    if values.ndim == 3:
        width = values.shape[2]
        if width not in (joints * dimensions, joints * (dimensions + 1)):
            raise ValueError(
                f'{where} has {width} numbers a person and frame; expected {joints * dimensions} '
                f'or {joints * (dimensions + 1)}: {expected}. {advice}'
                f'{_named_layouts(lambda other: width == other.num_joints * other.dimensions)}'
            )
        values = values.reshape(*values.shape[:2], joints, -1)
    elif (transpose := _transpose_to_make(values, layout)) is not None:
        raise ValueError(
            f'{where} is of shape {list(values.shape)}, whose axes are not in the order people, '
            f'frames, joints, coordinates; expected {expected}. {transpose}'
        )
    elif values.shape[2] != joints or values.shape[3] not in (dimensions, dimensions + 1):
        raise ValueError(
            f'{where} has people, frames, joints and coordinates {list(values.shape)}; expected '
            f'{expected}. {advice}'
            f'{_named_layouts(lambda other: values.shape[2] == other.num_joints != joints)}'
        )
    if len(values) > _MAX_PEOPLE:
        raise ValueError(
            f'{where} has {len(values)} people and {values.shape[1]} frames; expected at most '
            f'{_MAX_PEOPLE} people. The order of the axes is [M, T, V, C], people before frames: '
            'transpose the clip'
        )
    return values


def _named_layouts(fits: Callable[[SkeletonLayout], bool]) -> str:
    """The end of a sentence that names built-in layouts which fit, if there are any."""
    names = [name for name, layout in LAYOUTS.items() if fits(layout)]
    return f'. It may be {" or ".join(names)}' if names else ''


def _transpose_to_make(values: np.ndarray, layout: SkeletonLayout) -> str | None:
    """What to do with an array whose axes are in another order; None if they are not."""
    first, second, third, last = values.shape
    joints, dimensions = layout.num_joints, layout.dimensions
    channels = (dimensions, dimensions + 1)
    if first == 1 and second in channels and last == joints:
        return 'It looks like [C, T, V]: save clip.transpose(1, 2, 0)'
    if first in channels and third == joints and (last not in channels or _has_scores(values)):
        return 'It looks like [C, T, V, M], as ST-GCN has it: save clip.transpose(3, 1, 2, 0)'
    is_clip = third == joints and last in channels
    if is_clip and first > max(second, _FEW_PEOPLE) and first <= _MAX_PEOPLE:
        return (
            f'It has {first} people of {second} frames, or looks like [T, M, V, C]: save '
            'clip.transpose(1, 0, 2, 3). So many people in so few frames can be a .csv file'
        )
    return None


def _has_scores(values: np.ndarray) -> bool:
    """Whether the last entry of the first axis is a score, 0 to 1, and the others are pixels."""
    scores, others = values[-1], values[:-1]
    return len(values) == 3 and bool(
        scores.min() >= 0 and 0 < scores.max() <= 1 and (np.abs(others).max((1, 2, 3)) > 2).all()
    )
