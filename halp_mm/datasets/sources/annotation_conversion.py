"""Annotation pickles to data files and back.

A pickle that became a data file comes back equal: the notes of the data file keep what its clips
and splits looked like (see :mod:`~.annotation_forms`). From any other data file a pickle is made
as MMAction2 and PYSKL expect it: ``test`` splits are called ``val``, and the columns are further
keys.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

import numpy as np

from halp_mm.datasets.sources.annotation_forms import FORM_COLUMN, Form, default_form, restore
from halp_mm.datasets.sources.annotations import AnnotationsSummary, read_annotations
from halp_mm.datasets.sources.reporting import progress_bar
from halp_mm.datasets.storage import ClipStorage, ClipWriter
from halp_mm.skeletons import SkeletonLayout
from halp_mm.whole_files import written_whole

_PROTOCOL = 4


@dataclass
class PickleSummary:
    """What an annotation pickle got.

    Args:
        clips: How many clips it has.
        splits: How many clips each split has.
        renamed: The splits that are called otherwise in the data file, with those names.
        keys: The keys of the clips.
    """

    clips: int
    splits: dict[str, int]
    renamed: dict[str, str]
    keys: list[str]

    def __str__(self) -> str:
        lines = [f'clips: {self.clips}']
        for name, count in self.splits.items():
            renamed = f' (in the data file {self.renamed[name]})' if name in self.renamed else ''
            lines.append(f'  {name} {count}{renamed}')
        lines.append(f'keys: {", ".join(self.keys)}')
        lines.append('not kept, as such pickles have no place for it: layout, class names, notes')
        return '\n'.join(lines)


def convert_annotations(
    path: str | os.PathLike,
    out: str | os.PathLike,
    layout: str | Mapping | SkeletonLayout | None,
    dataset: str | None = None,
    classes: str | os.PathLike | None = None,
    skip_bad: bool = False,
    progress: TextIO | None = None,
) -> AnnotationsSummary:
    """Make a data file from an annotation pickle.

    The pickle has to fit into memory; the data file is written clip by clip.

    Args:
        path: The pickle.
        out: The data file to make.
        layout: The layout of its joints.
        dataset: Name of the data set; see :func:`~.annotations.read_annotations`.
        classes: A text file with the names of the classes, one a line.
        skip_bad: Leave bad clips out instead of refusing the file.
        progress: Where to draw a progress bar, such as ``sys.stderr``.

    Returns:
        What the file holds and what was left out. The same stands in the file's notes.

    Raises:
        FileNotFoundError: if a file is missing.
        BadFilesError: a ``ValueError`` that lists all bad clips, unless ``skip_bad``.
        ValueError: if the pickle or an argument is not as expected.
    """
    annotations = read_annotations(path, layout, dataset, classes, skip_bad)
    splits_of: list[list[str]] = [[] for _ in annotations.names]
    for split, members in annotations.splits.items():
        for position in members:
            splits_of[position].append(split)
    with (
        ClipWriter(out, annotations.layout, annotations.class_names, annotations.dataset) as writer,
        progress_bar(len(annotations), progress) as step,
    ):
        writer.notes = annotations.notes
        for position, name in enumerate(annotations.names):
            columns = {key: column[position] for key, column in annotations.columns.items()}
            label, splits = annotations.labels[position], splits_of[position]
            writer.add(name, annotations.clip(position), label, splits, **columns)
            step()
    return annotations.summary


def write_annotations(
    path: str | os.PathLike, out: str | os.PathLike, progress: TextIO | None = None
) -> PickleSummary:
    """Make an annotation pickle from a data file.

    Args:
        path: The data file.
        out: The pickle to make; NumPy 1 and 2 can read it.
        progress: Where to draw a progress bar, such as ``sys.stderr``.

    Returns:
        What the pickle holds.

    Raises:
        FileNotFoundError: if there is no such data file.
        ValueError: if the data file is damaged, its notes contradict it, or a column has the name
            of another key.
    """
    storage = ClipStorage(path)
    try:
        forms, form_of = _forms(storage)
        splits, renamed = _splits(storage)
        annotations = []
        with progress_bar(len(storage), progress) as step:
            for position, name in enumerate(storage.names):
                columns = {key: int(column[position]) for key, column in storage.columns.items()}
                label, clip = int(storage.labels[position]), storage.clip(position).numpy()
                annotations.append(restore(forms[form_of[position]], name, label, clip, columns))
                step()
        restoring = storage.notes.get('annotations', {})
        parts = {'split': splits, 'annotations': annotations}
        content = {key: parts[key] for key in restoring.get('keys', parts)}
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(
            f'{storage.path}: the notes on its annotations do not fit it ({error!r}). Make it '
            "again from the pickle, or without 'annotations' in its notes"
        ) from error
    except ValueError as error:
        raise ValueError(f'{storage.path}: {error}') from error
    with written_whole(out) as partial, partial.open('wb') as file:
        _PortablePickler(file, _PROTOCOL).dump(content)
    keys = dict.fromkeys(key for annotation in annotations for key in annotation)
    counts = {name: len(members) for name, members in splits.items()}
    return PickleSummary(len(storage), counts, renamed, list(keys))


class _PortablePickler(pickle.Pickler):
    """Name only what every version of NumPy has.

    On its own, NumPy 2 names a module that NumPy 1 does not have.
    """

    def reducer_override(self, value: object) -> object:
        if type(value) is np.ndarray:
            return np.ndarray, ((0,),), value.__reduce__()[2]
        if isinstance(value, np.generic):
            return type(value), (value.item(),)
        return NotImplemented


def _forms(storage: ClipStorage) -> tuple[Sequence[Form], Sequence[int]]:
    """The forms of the annotations, and which of them each clip has."""
    restoring = storage.notes.get('annotations')
    if restoring is None:
        channels = storage.block.frames.shape[-1]
        columns = [key for key in storage.columns if key != FORM_COLUMN]
        return [default_form(columns, channels, storage.layout.dimensions)], [0] * len(storage)
    return restoring['forms'], storage.columns[FORM_COLUMN].tolist()


def _splits(storage: ClipStorage) -> tuple[dict[str, list[str]], dict[str, str]]:
    """The splits by the names that they have in the pickle, and which names those replace."""
    restoring = storage.notes.get('annotations')
    if restoring is None:
        described = [(ours, _their_name(ours, storage.splits), None) for ours in storage.splits]
    else:
        described = restoring['splits']
    missing = sorted(set(storage.splits) - {ours for ours, _, _ in described})
    if missing:
        raise LookupError(f'nothing is said of splits {missing}')
    splits, renamed = {}, {}
    for ours, theirs, order in described:
        # A split without clips has no tensor.
        members = storage.splits[ours].tolist() if ours in storage.splits else []
        if order is not None and sorted(order) != sorted(members):
            raise LookupError(f'the order of split {ours!r} is one of other clips')
        splits[theirs] = [storage.names[i] for i in (members if order is None else order)]
        if ours != theirs:
            renamed[theirs] = ours
    return splits, renamed


def _their_name(split: str, others: Mapping[str, object]) -> str:
    if split != 'test' and not split.endswith('_test'):
        return split
    theirs = split.removesuffix('test') + 'val'
    return split if theirs in others else theirs
