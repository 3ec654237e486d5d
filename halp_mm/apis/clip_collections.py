"""Clips from wherever they are: a data file, a folder of clips' files, or one file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from mmengine.logging import print_log
from torch import Tensor

from halp_mm.apis.clip_reading import Layout, people_seen
from halp_mm.datasets.annotations import is_pickle
from halp_mm.datasets.opening import open_storage
from halp_mm.datasets.storage import UNLABELLED, ClipStorage
from halp_mm.preparation.folder.pose_files import find_format
from halp_mm.preparation.folder.source import prepare_folder, read_clip
from halp_mm.problems import NOBODY, listing
from halp_mm.skeletons import SkeletonLayout, get_layout


@dataclass(frozen=True)
class ClipCollection:
    """Clips of one source, without those in which nobody is seen.

    Args:
        source: The file or folder.
        layout: The layout of their joints.
        names: Their names.
        clips: The clips ``[M, T, V, C]``; those of a data file stay there until they are read.
        actions: The names of their classes; None of a clip without a label.
        classes: The names of all classes.
    """

    source: str
    layout: SkeletonLayout
    names: list[str]
    clips: list[Tensor]
    actions: list[str | None]
    classes: list[str]


def open_clips(
    source: str | os.PathLike,
    default_layout: SkeletonLayout,
    layout: Layout | None = None,
    labels: str | os.PathLike | None = None,
    split: str | None = None,
    skip_bad: bool = False,
) -> ClipCollection:
    """Find the clips of a source.

    Args:
        source: A data file, or an annotation pickle; a folder of clips' files, as
            :func:`~halp_mm.preparation.folder.source.prepare_folder` reads it; or one clip's file.
        default_layout: The layout of arrays that say none.
        layout: The layout of arrays and pickles; data files and the files of pose estimators say
            theirs.
        labels: The labels file of a folder; without one, its clips have no labels.
        split: The split of a data file; by default all of its clips.
        skip_bad: Leave out the bad files of a folder instead of refusing it.

    Raises:
        FileNotFoundError: if there is no such file or folder.
        ValueError: if it is not as expected, or has no clip in which somebody is seen.
    """
    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(f'there is no file or folder {path}')
    if (labels is not None or skip_bad) and not path.is_dir():
        raise ValueError(f'{path} is no folder, whose labels or bad files options could concern')
    if path.is_dir():
        if split is not None:
            raise ValueError(f'{path} is a folder, which has no split {split!r}; omit the split')
        return _from_folder(path, default_layout, layout, labels, skip_bad)
    if path.suffix == '.safetensors' or is_pickle(path):
        # What a data file's own layout is, it says; a pickle needs to be told.
        named = (default_layout if layout is None else layout) if is_pickle(path) else layout
        return _from_storage(open_storage(path, named), str(path), split)
    if split is not None:
        raise ValueError(f'{path} is a single clip, which has no split {split!r}; omit the split')
    clip_layout = default_layout if layout is None else get_layout(layout)
    clip = torch.from_numpy(read_clip(path, clip_layout))
    return _seen(ClipCollection(str(path), clip_layout, [path.stem], [clip], [None], []))


def find_clip(collection: ClipCollection, name: str) -> Tensor:
    """The clip of a name, ``[M, T, V, C]``.

    Raises:
        ValueError: if there is none.
    """
    if name not in collection.names:
        raise ValueError(f'{collection.source} has no clip {name!r}{listing(collection.names, 3)}')
    return collection.clips[collection.names.index(name)]


def names_in_messages(collection: ClipCollection) -> list[str]:
    """What to call the clips of a collection in messages."""
    if len(collection.names) == 1:
        return [collection.source]
    return [f'{collection.source}: clip {name!r}' for name in collection.names]


def _from_folder(
    folder: Path,
    default_layout: SkeletonLayout,
    layout: Layout | None,
    labels: str | os.PathLike | None,
    skip_bad: bool,
) -> ClipCollection:
    lists = [] if labels is None else [Path(labels)]
    if layout is None and find_format(folder, lists) is None:
        layout = default_layout
    with tempfile.TemporaryDirectory(prefix='halp_mm_', ignore_cleanup_errors=True) as temporary:
        out = Path(temporary, 'clips.safetensors')
        summary = prepare_folder(folder, layout, labels, out, skip_bad=skip_bad)
        for reason, names in summary.left_out.items():
            print_log(f'{folder}: left out, {reason}: {len(names)}{listing(names, 5)}', 'current')
        return _from_storage(ClipStorage(out), str(folder), None)  # it is mapped: its name may go


def _from_storage(storage: ClipStorage, source: str, split: str | None) -> ClipCollection:
    positions = range(len(storage)) if split is None else storage.split(split).tolist()
    names = storage.class_names
    labels = [int(storage.labels[position]) for position in positions]
    return _seen(
        ClipCollection(
            source,
            storage.layout,
            [storage.names[position] for position in positions],
            [storage.clip(position) for position in positions],
            [None if label == UNLABELLED else names[label] for label in labels],
            list(names),
        )
    )


def _seen(collection: ClipCollection) -> ClipCollection:
    """The clips in which somebody is seen; the log names the others."""
    is_seen = [bool(people_seen(clip, collection.layout).any()) for clip in collection.clips]
    if all(is_seen):
        return collection
    unseen = [name for name, seen in zip(collection.names, is_seen) if not seen]
    if len(unseen) == len(is_seen):
        raise ValueError(f'{collection.source}: {NOBODY} of its clips, so nothing is left')
    print_log(
        f'{collection.source}: left out, as {NOBODY}: {len(unseen)}{listing(unseen, 5)}', 'current'
    )
    kept: Mapping[str, list] = {
        key: [part for part, seen in zip(getattr(collection, key), is_seen) if seen]
        for key in ('names', 'clips', 'actions')
    }
    return ClipCollection(collection.source, collection.layout, classes=collection.classes, **kept)
