"""Annotation pickles of MMAction2 and PYSKL to data files; see :mod:`halp_mm.datasets.annotations`.

The pickle has to fit into memory; the data file is written clip by clip.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TextIO

from halp_mm.datasets.annotations import read_annotations
from halp_mm.datasets.class_numbers import describe_numbers
from halp_mm.preparation.preparing import prepare
from halp_mm.preparation.raw_files import Parsed, ParsedClip, RawFiles
from halp_mm.preparation.source import ClipFacts, Source
from halp_mm.preparation.summary import Summary
from halp_mm.registry import SOURCES
from halp_mm.skeletons import SkeletonLayout


@SOURCES.register_module()
class AnnotationSource(Source):
    """The clips of an annotation pickle.

    Args:
        path: The pickle.
        layout: The layout of its joints, of which the pickle says nothing.
        dataset: Name of the data set; by default the file's name. For ``'ntu60'`` and
            ``'ntu120'`` the class names are known.
        classes: A text file with the names of the classes, one a line.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if the pickle or an argument is not as expected.
    """

    in_workers = False

    def __init__(
        self,
        path: str | os.PathLike,
        layout: str | Mapping | SkeletonLayout | None,
        dataset: str | None = None,
        classes: str | os.PathLike | None = None,
    ) -> None:
        self._annotations = read_annotations(path, layout, dataset, classes)
        self.name, self.layout = self._annotations.dataset, self._annotations.layout
        self.class_names = self._annotations.class_names
        self.splits = dict.fromkeys(self._annotations.splits)
        members = {split: set(names) for split, names in self._annotations.splits.items()}
        self._splits_of = {
            name: [split for split in members if name in members[split]]
            for name in self._annotations.clips
        }

    def recordings(self, summary: Summary) -> list[RawFiles]:
        """The good clips."""
        summary.problems += self._annotations.problems
        for reason, names in self._annotations.left_out.items():
            summary.leave_out(reason, names)
        return [RawFiles(name, (self._annotations.path,)) for name in self._annotations.clips]

    def parse(self, files: RawFiles) -> Parsed:
        """A clip from memory."""
        return Parsed(files.name, [ParsedClip(files.name, self._annotations.clip(files.name))])

    def facts(self, clip: ParsedClip) -> ClipFacts:
        """What the annotation says."""
        label = self._annotations.label(clip.name)
        return ClipFacts(label, self._splits_of[clip.name], self._annotations.columns[clip.name])

    def remarks(self, summary: Summary) -> list[str]:
        """What is called otherwise, and what is not kept."""
        found = self._annotations
        not_kept = [f'{key} of the file' for key in found.file_keys_not_kept]
        not_kept += [f'{key} of {count} clips' for key, count in found.not_kept.items()]
        lines = [
            f'split {ours} is {theirs} in the pickle' for ours, theirs in found.renamed.items()
        ]
        has_score = any('keypoint_score' in clip for clip in found.clips.values())
        numbers = describe_numbers(found.class_of_label)
        lines += [numbers] if numbers else []
        lines += ['keypoint_score is the last channel'] if has_score else []
        return [
            *lines,
            f'rounded to float32: {found.rounded} clips',
            f'keys not kept: {len(not_kept)}',
            *(f'  {text}' for text in not_kept),
        ]


def prepare_annotations(
    path: str | os.PathLike,
    out: str | os.PathLike,
    layout: str | Mapping | SkeletonLayout | None,
    dataset: str | None = None,
    classes: str | os.PathLike | None = None,
    skip_bad: bool = False,
    progress: TextIO | None = None,
) -> Summary:
    """Make a data file from an annotation pickle.

    See :class:`AnnotationSource` and :func:`~.preparing.prepare`, which raise its errors.

    Args:
        path: The pickle.
        out: The data file to make.
        layout: The layout of its joints, of which the pickle says nothing.
        dataset: Name of the data set; by default the file's name. For ``'ntu60'`` and
            ``'ntu120'`` the class names are known.
        classes: A text file with the names of the classes, one a line.
        skip_bad: Leave bad clips out instead of refusing the file.
        progress: Where to show the progress, such as ``sys.stderr``.

    Returns:
        A summary of what the file holds and what was omitted.
    """
    source = AnnotationSource(path, layout, dataset, classes)
    return prepare(source, out, skip_bad=skip_bad, progress=progress)
