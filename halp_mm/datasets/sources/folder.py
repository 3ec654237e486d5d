"""One's own clips: a folder with one file a clip, and a labels file.

For the clips' files see :mod:`~.folder_clip_files`, for the labels file :mod:`~.folder_labels`.
Files are found in the folder and its subfolders; hidden ones are passed over. A clip's name is its
file's path in the folder without the suffix.

Frames stay as they are. A person who is zero in all frames is not kept; a clip in which everybody
is, is left out. A joint that was not tracked is zero; NaN is a problem.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import numpy as np
import torch

from halp_mm.datasets.sources.folder_clip_files import SUFFIXES, parse_clip_file
from halp_mm.datasets.sources.folder_labels import ClipFacts, Labels, read_labels
from halp_mm.datasets.sources.parallel_parsing import Parsed, RawFiles
from halp_mm.datasets.sources.preparation import BadFilesError, write_data_file
from halp_mm.datasets.sources.reporting import listing
from halp_mm.datasets.storage import ClipWriter
from halp_mm.skeletons import SkeletonLayout, convert_joints, describe_conversion, get_layout

BAD = 'bad'
NOBODY = 'nobody is seen in any frame'
WITHOUT_ROW = 'without a row in the labels file'
BAD_ROW = 'with a bad row in the labels file'

_FILES_PER_SHARD = 64
_MOST_PEOPLE = 50


@dataclass
class FolderSummary:
    """What became of the files.

    Args:
        layout: The layout of the data file.
        files: How many clips' files there are in the folder.
        clips: How many clips the data file has.
        classes: How many clips each class has.
        splits: How many clips each split has.
        without_split: How many clips are in no split.
        people: How many clips have how many people.
        frames: The fewest and the most frames of a clip.
        left_out: For each reason to leave clips out, their names.
        problems: What is wrong with files and rows that were left out.
    """

    layout: str
    files: int = 0
    clips: int = 0
    classes: dict[str, int] = field(default_factory=dict)
    splits: dict[str, int] = field(default_factory=dict)
    without_split: int = 0
    people: dict[int, int] = field(default_factory=dict)
    frames: list[int] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def leave_out(self, reason: str, name: str) -> None:
        """Note that a clip is not in the data file."""
        self.left_out.setdefault(reason, []).append(name)

    def __str__(self) -> str:
        classes = [f'{name} ({count})' for name, count in self.classes.items()]
        people = [f'{number} in {clips} clips' for number, clips in sorted(self.people.items())]
        lines = [f'clips: {self.clips} of {self.files} files']
        lines += [f'  {name} {count}' for name, count in sorted(self.splits.items())]
        lines += [f'  {self.without_split} in no split'] if self.without_split else []
        lines += [
            f'classes: {len(classes)}{listing(classes, len(classes))}',
            f'people: {", ".join(people)}',
            f'frames: {self.frames[0]} to {self.frames[1]} a clip',
            f'layout: {self.layout}',
            f'clips left out: {sum(map(len, self.left_out.values()))}',
        ]
        for reason, names in self.left_out.items():
            lines.append(f'  {len(names)} {reason}{listing(names)}')
        lines += [f'problems: {len(self.problems)}', *(f'  {text}' for text in self.problems)]
        return '\n'.join(lines)


def prepare_folder(
    folder: str | os.PathLike,
    layout: str | Mapping | SkeletonLayout,
    labels: str | os.PathLike,
    out: str | os.PathLike,
    to_layout: str | Mapping | SkeletonLayout | None = None,
    classes: str | os.PathLike | None = None,
    workers: int | None = None,
    skip_bad: bool = False,
    progress: TextIO | None = None,
) -> FolderSummary:
    """Make a data file of one's own clips, as this module's docstring says.

    Read clips are kept in the folder ``OUT.parts`` until the data file is complete, so that an
    interrupted run continues where it stopped.

    Args:
        folder: The folder with the clips' files. Its name is the data set's.
        layout: The joint layout of the clips.
        labels: The labels file.
        out: The data file to make.
        to_layout: The layout to convert the clips to; by default they stay as they are.
        classes: A text file with the names of the classes, one a line.
        workers: How many processes read; by default one for each core.
        skip_bad: Leave out bad files and rows instead of refusing the data.
        progress: Where to draw a progress bar, such as ``sys.stderr``.

    Returns:
        What the file holds and what was left out. The same stands in the file's notes.

    Raises:
        FileNotFoundError: if ``folder``, ``labels`` or ``classes`` is missing.
        BadFilesError: a ``ValueError`` that lists all bad files and rows, unless ``skip_bad``.
        ValueError: if there are no clips, the labels or classes file is not as expected, or the
            clips cannot be converted.
    """
    folder, layout = Path(folder), get_layout(layout)
    target = layout if to_layout is None else get_layout(to_layout)
    conversion = describe_conversion(layout, target)
    known = read_labels(Path(labels), None if classes is None else Path(classes))
    summary = FolderSummary(target.name, classes=dict.fromkeys(known.class_names, 0))
    lists = [Path(file).resolve() for file in (labels, classes) if file is not None]
    files = _find_files(folder, lists, summary)
    recordings = _match(files, known, Path(labels), summary)
    if not recordings:
        raise BadFilesError(summary.problems)
    writer = ClipWriter(out, target, known.class_names, folder.resolve().name)
    channels = None

    def add(parsed: Parsed) -> None:
        nonlocal channels
        problems, clip = parsed.problems, None
        if parsed.clips:
            try:
                clip = _fit(parsed.clips[0].coordinates, layout, channels, files[parsed.name])
            except ValueError as error:
                problems = [str(error)]
        if problems:
            summary.leave_out(BAD, parsed.name)
            summary.problems += problems
        elif not len(clip):
            summary.leave_out(NOBODY, parsed.name)
        else:
            channels = clip.shape[-1]
            clip = convert_joints(torch.from_numpy(clip), layout, target).numpy()
            _add(parsed.name, clip, known.clips[parsed.name], writer, summary)

    write_data_file(
        writer,
        recordings,
        parse_clip_file,
        add,
        summary,
        notes={'layout_conversions': [conversion] if conversion else []},
        files_per_shard=_FILES_PER_SHARD,
        workers=workers,
        skip_bad=skip_bad,
        progress=progress,
    )
    return summary


def _find_files(folder: Path, lists: list[Path], summary: FolderSummary) -> dict[str, Path]:
    """The clips' files by name; those in the lists are none."""
    if not folder.is_dir():
        raise FileNotFoundError(
            f'there is no folder {folder}; expected the folder with the clips, one file '
            f'{", ".join(SUFFIXES)} a clip'
        )
    paths = sorted(
        path
        for path in folder.rglob('*')
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith('.') for part in path.relative_to(folder).parts)
        and path.resolve() not in lists
    )
    if not paths:
        raise ValueError(
            f'{folder} has no files {", ".join(SUFFIXES)}; expected one a clip in the folder or '
            'its subfolders'
        )
    summary.files = len(paths)
    files: dict[str, Path] = {}
    for path in paths:
        name = path.relative_to(folder).with_suffix('').as_posix()
        if name in files:
            summary.problems.append(
                f'{path}: clip {name} is also {files[name]}; expected one file a clip. Of the two, '
                'this one is left out by --skip-bad'
            )
        else:
            files[name] = path
    return files


def _match(
    files: Mapping[str, Path], known: Labels, labels: Path, summary: FolderSummary
) -> list[RawFiles]:
    """The files that have a row."""
    summary.problems += known.problems
    bad_rows = set(known.bad)
    recordings = []
    for name, path in files.items():
        if name in known.clips:
            recordings.append(RawFiles(name, (path,)))
        elif name in bad_rows:
            summary.leave_out(BAD_ROW, name)
        else:
            # A file's name may be no text at all; what is said of it is.
            shown = [os.fsencode(text).decode(errors='replace') for text in (path, name)]
            summary.leave_out(WITHOUT_ROW, shown[1])
            summary.problems.append(
                f'{shown[0]} has no row in {labels}; expected a row of name {shown[1]}'
            )
    summary.problems += [
        f'{labels}: clip {name!r} has no file; expected one of '
        f'{", ".join(name + suffix for suffix in SUFFIXES)} in the folder'
        for name in known.clips
        if name not in files
    ]
    return recordings


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
    return _fit(parsed.coordinates, layout, None, path)


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
            )
        values = values.reshape(*values.shape[:2], joints, -1)
    elif values.shape[2] != joints or values.shape[3] not in (dimensions, dimensions + 1):
        raise ValueError(
            f'{where} has people, frames, joints and coordinates {list(values.shape)}; expected '
            f'{expected}. {advice}'
        )
    if len(values) > _MOST_PEOPLE:
        raise ValueError(
            f'{where} has {len(values)} people and {values.shape[1]} frames; expected at most '
            f'{_MOST_PEOPLE} people. The order of the axes is [M, T, V, C], people before frames: '
            'transpose the clip'
        )
    return values


def _fit(
    values: np.ndarray, layout: SkeletonLayout, channels: int | None, path: Path
) -> np.ndarray:
    """What a file holds as a clip of the layout, ``[M, T, V, C]``, without people who are zero."""
    values = shaped_clip(values, layout, path)
    if channels not in (None, values.shape[3]):
        raise ValueError(
            f'{path} has {values.shape[3]} numbers a joint; the clips before it have {channels}. '
            'Export all clips with a score or all without'
        )
    return values[values[..., : layout.dimensions].any(axis=(1, 2, 3))]


def _add(
    name: str, clip: np.ndarray, facts: ClipFacts, writer: ClipWriter, summary: FolderSummary
) -> None:
    writer.add(name, clip, facts.label, facts.splits, **facts.columns)
    people, frames = clip.shape[:2]
    summary.clips += 1
    summary.classes[writer.class_names[facts.label]] += 1
    for split in facts.splits:
        summary.splits[split] = summary.splits.get(split, 0) + 1
    summary.without_split += not facts.splits
    summary.people[people] = summary.people.get(people, 0) + 1
    shortest, longest = summary.frames or (frames, frames)
    summary.frames = [min(shortest, frames), max(longest, frames)]
