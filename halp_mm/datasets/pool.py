"""Several data files as one: what their clips, classes, splits and columns are called together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from halp_mm.datasets.annotations import MISSING
from halp_mm.datasets.storage import UNLABELLED, ClipStorage
from halp_mm.problems import listing

_SUBJECT = 'subject'
_NO_NAME = re.compile(r'(class )?\d+')  # what a class is called whose name nobody gave


@dataclass(frozen=True)
class JoinedClasses:
    """The classes of several data files.

    Args:
        names: The names of all classes; the labels of the pool count from 0 in this list.
        numbers: For each data file, the class in ``names`` of each of its classes.
        shared: The classes that more than one data file has.
    """

    names: list[str]
    numbers: dict[str, list[int]]
    shared: list[str]


def name_sources(storages: Sequence[ClipStorage]) -> list[str]:
    """Choose a name for each data file: that of its data set, else that of the file.

    Names of files that repeat are numbered: ``mine1``, ``mine2``.
    """
    names = [storage.dataset for storage in storages]
    if len(set(names)) < len(names) or '' in names:
        names = [Path(storage.path).stem for storage in storages]
    if len(set(names)) < len(names):
        names = [f'{name}{number}' for number, name in enumerate(names, 1)]
    return names


def join_classes(sources: Mapping[str, ClipStorage]) -> JoinedClasses:
    """Join the classes of data files by name.

    Names are the same if they differ only in case, spaces, hyphens and underscores, unless a data
    file itself tells classes apart in this way.

    Args:
        sources: The data files by name.

    Raises:
        ValueError: if the classes of several files are only numbered: ``class 0``, or ``0``.
    """
    numbered = [
        name
        for name, storage in sources.items()
        if storage.class_names and all(map(_NO_NAME.fullmatch, storage.class_names))
    ]
    if len(numbered) > 1:
        raise ValueError(
            f'the classes of {" and ".join(numbered)} have numbers for names, so they cannot be '
            'joined by name. Name them (--classes of the tool that made the file), or merge the '
            'files with merge_data.py --classes apart'
        )
    names: dict[str, str] = {}
    positions: dict[str, int] = {}
    numbers = {}
    for source, storage in sources.items():
        keys = [_plain(name) for name in storage.class_names]
        if len(set(keys)) < len(keys):
            keys = list(storage.class_names)
        for key, name in zip(keys, storage.class_names):
            names.setdefault(key, name)
            positions.setdefault(key, len(positions))
        numbers[source] = [positions[key] for key in keys]
    counts = Counter(number for found in numbers.values() for number in found)
    all_names = list(names.values())
    shared = [name for number, name in enumerate(all_names) if counts[number] > 1]
    return JoinedClasses(all_names, numbers, shared)


def keep_classes_apart(sources: Mapping[str, ClipStorage]) -> JoinedClasses:
    """Keep all classes of data files, as ``SOURCE/CLASS``."""
    names: list[str] = []
    numbers = {}
    for source, storage in sources.items():
        numbers[source] = [len(names) + number for number in range(len(storage.class_names))]
        names += [f'{source}/{name}' for name in storage.class_names]
    return JoinedClasses(names, numbers, [])


def describe_classes(classes: JoinedClasses) -> str:
    """Say which classes were joined: ``'2 are in several files, joined by name: nod, wave'``."""
    if not classes.shared:
        return 'no class is in several files'
    verb = 'is' if len(classes.shared) == 1 else 'are'
    count = f'{len(classes.shared)} {verb} in several files'
    return f'{count}, joined by name{listing(classes.shared)}'


def join_labels(sources: Mapping[str, ClipStorage], classes: JoinedClasses) -> Tensor:
    """The class of each clip of all data files, int64 ``[N]``."""
    labels = []
    for source, storage in sources.items():
        # The last entry is that of clips without a label, whose label is -1.
        numbers = torch.tensor([*classes.numbers[source], UNLABELLED])
        labels.append(numbers[storage.labels])
    return torch.cat(labels)


def join_names(sources: Mapping[str, ClipStorage]) -> list[str]:
    """The name of each clip of all data files: ``SOURCE/CLIP``."""
    return [f'{source}/{name}' for source, storage in sources.items() for name in storage.names]


def first_positions(sources: Mapping[str, ClipStorage]) -> dict[str, int]:
    """The position of each data file's first clip among the clips of all."""
    positions, end = {}, 0
    for source, storage in sources.items():
        positions[source] = end
        end += len(storage)
    return positions


def join_splits(sources: Mapping[str, ClipStorage]) -> dict[str, Tensor]:
    """The splits that all data files have, each with the clips of all of them."""
    known = [storage.splits for storage in sources.values()]
    starts = first_positions(sources).values()
    return {
        name: torch.cat([splits[name] + start for splits, start in zip(known, starts)])
        for name in known[0]
        if all(name in splits for splits in known)
    }


def join_columns(sources: Mapping[str, ClipStorage]) -> tuple[dict[str, Tensor], list[str]]:
    """The columns of all data files.

    A clip of a file that lacks a column has -1 there. Subjects are numbered anew, from 1, so that
    those of different files are different people. The new column ``source`` counts the files.

    Args:
        sources: The data files by name.

    Returns:
        int64 ``[N]`` by column, and the subjects in the order of their new numbers:
        ``SOURCE/SUBJECT``.
    """
    columns: dict[str, list[Tensor]] = {}
    subjects: list[str] = []
    keys = dict.fromkeys(key for storage in sources.values() for key in storage.columns)
    for number, (source, storage) in enumerate(sources.items()):
        absent = torch.full((len(storage),), MISSING)
        own = {key: storage.columns.get(key, absent) for key in keys}
        if _SUBJECT in storage.columns:
            known, own[_SUBJECT] = _number_anew(own[_SUBJECT], len(subjects) + 1)
            subjects += [f'{source}/{subject}' for subject in known]
        own['source'] = torch.full((len(storage),), number)
        for key, column in own.items():
            columns.setdefault(key, []).append(column)
    return {key: torch.cat(parts) for key, parts in columns.items()}, subjects


def _number_anew(column: Tensor, first: int) -> tuple[list[int], Tensor]:
    """The values of a column, and the column that counts them from a number on."""
    is_known = column != MISSING
    values, places = column[is_known].unique(return_inverse=True)
    numbered = column.clone()
    numbered[is_known] = places + first
    return values.tolist(), numbered


def _plain(name: str) -> str:
    return ' '.join(re.split(r'[\s_-]+', name.casefold()))
