"""Data files to annotation pickles, as MMAction2 and PYSKL expect them.

``test`` splits are called ``val``, and columns are further keys. One channel more than the layout
has dimensions becomes ``keypoint_score``.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

import numpy as np

from halp_mm.atomic_write import atomic_write
from halp_mm.datasets.annotation_checks import REQUIRED
from halp_mm.datasets.annotations import MISSING, SIZES
from halp_mm.datasets.storage import UNLABELLED, ClipStorage
from halp_mm.progress_bar import progress_bar

_PROTOCOL = 4


@dataclass
class PickleContent:
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


def write_annotations(
    path: str | os.PathLike, out: str | os.PathLike, progress: TextIO | None = None
) -> PickleContent:
    """Make an annotation pickle from a data file.

    Args:
        path: The data file.
        out: The pickle to make; NumPy 1 and 2 can read it.
        progress: Where to show the progress, such as ``sys.stderr``.

    Returns:
        What the pickle holds.

    Raises:
        FileNotFoundError: if there is no such data file.
        ValueError: if the data file is damaged, or a column has the name of another key.
    """
    storage = ClipStorage(path)
    wrong = sorted(set(storage.columns) & {*REQUIRED, *SIZES, 'keypoint_score'})
    if wrong:
        raise ValueError(
            f'{storage.path}: columns {wrong} have names that mean something else in annotations'
        )
    columns = {key: column.tolist() for key, column in storage.columns.items()}
    annotations = []
    with progress_bar(len(storage), progress) as step:
        for position, name in enumerate(storage.names):
            facts = {key: values[position] for key, values in columns.items()}
            clip, label = storage.clip(position).numpy(), int(storage.labels[position])
            annotations.append(_annotation(name, label, clip, facts, storage.layout.dimensions))
            step()
    theirs = {split: _their_name(split, storage.splits) for split in storage.splits}
    splits = {
        theirs[split]: [storage.names[i] for i in members.tolist()]
        for split, members in storage.splits.items()
    }
    with atomic_write(out) as partial, partial.open('wb') as file:
        content = {'split': splits, 'annotations': annotations}
        _PortablePickler(file, _PROTOCOL).dump(content)
    keys = dict.fromkeys(key for annotation in annotations for key in annotation)
    counts = {name: len(members) for name, members in splits.items()}
    renamed = {name: ours for ours, name in theirs.items() if name != ours}
    return PickleContent(len(storage), counts, renamed, list(keys))


class _PortablePickler(pickle.Pickler):
    """Name only what every version of NumPy has.

    On its own, NumPy 2 names a module that NumPy 1 does not have.
    """

    def reducer_override(self, value: object) -> object:
        if type(value) is np.ndarray:
            return np.ndarray, ((0,),), value.__reduce__()[2]
        return NotImplemented


def _annotation(
    name: str, label: int, clip: np.ndarray, columns: Mapping[str, int], dimensions: int
) -> dict:
    """The annotation of a clip ``[M, T, V, C]``; columns that it lacks are no keys."""
    columns = {key: value for key, value in columns.items() if value != MISSING}
    sizes = {
        key: tuple(columns.pop(column) for column in names)
        for key, names in SIZES.items()
        if set(names) <= set(columns)
    }
    labels = {} if label == UNLABELLED else {'label': label}
    annotation = {'frame_dir': name, **labels, **sizes, 'total_frames': clip.shape[1]}
    if clip.shape[-1] == dimensions + 1:
        annotation['keypoint'] = np.ascontiguousarray(clip[..., :-1])
        annotation['keypoint_score'] = np.ascontiguousarray(clip[..., -1])
    else:
        annotation['keypoint'] = np.ascontiguousarray(clip)
    return {**annotation, **columns}


def _their_name(split: str, others: Mapping[str, object]) -> str:
    if split != 'test' and not split.endswith('_test'):
        return split
    theirs = split.removesuffix('test') + 'val'
    return split if theirs in others else theirs
