"""A data file in another layout."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TextIO

from torch import Tensor

from halp_mm.datasets.people import seen_people
from halp_mm.datasets.storage import UNLABELLED, ClipStorage, ClipWriter
from halp_mm.progress_bar import progress_bar
from halp_mm.skeletons import SkeletonLayout, convert_joints, describe_conversion, get_layout


def convert_data_file(
    data_file: str | os.PathLike,
    layout: str | Mapping | SkeletonLayout,
    out: str | os.PathLike,
    progress: TextIO | None = None,
) -> dict:
    """Write a data file anew with its clips in another layout; all else stays as it is.

    People who are seen in no frame of a clip are not kept. The notes get one entry more in the
    list ``layout_conversions``.

    Args:
        data_file: The data file to convert.
        layout: The new layout of its clips.
        out: The data file to make.
        progress: Where to draw a progress bar, such as ``sys.stderr``.

    Returns:
        What was done, as :func:`~halp_mm.skeletons.describe_conversion` says it.

    Raises:
        FileNotFoundError: if there is no data file.
        ValueError: if the data file is damaged, has this layout already, or cannot be converted.
    """
    storage, target = ClipStorage(data_file), get_layout(layout)
    conversion = describe_conversion(storage.layout, target)
    if not conversion:
        raise ValueError(f'{data_file} has layout {target.name!r} already; use it as it is')
    splits = splits_by_clip(storage.splits, len(storage))
    with (
        ClipWriter(out, target, storage.class_names, storage.dataset) as writer,
        progress_bar(len(storage), progress) as step,
    ):
        for position, name in enumerate(storage.names):
            clip = converted_clip(storage, position, target)
            columns = {key: int(column[position]) for key, column in storage.columns.items()}
            label = label_of(storage.labels, position)
            writer.add(name, clip.numpy(), label, splits[position], **columns)
            step()
        done_before = storage.notes.get('layout_conversions', [])
        writer.notes = {**storage.notes, 'layout_conversions': [*done_before, conversion]}
    return conversion


def converted_clip(storage: ClipStorage, position: int, layout: SkeletonLayout) -> Tensor:
    """The people who are seen in a clip, in another layout, ``[M, T, V, C]``.

    A clip in which nobody is seen keeps one person, as a data file has no other form for it.
    """
    clip = storage.clip(position)
    people = seen_people(clip, storage.layout.dimensions)
    return convert_joints(people if len(people) else clip[:1], storage.layout, layout)


def splits_by_clip(splits: Mapping[str, Tensor], num_clips: int) -> list[list[str]]:
    """The splits of each clip."""
    found: list[list[str]] = [[] for _ in range(num_clips)]
    for name, members in splits.items():
        for position in members.tolist():
            found[position].append(name)
    return found


def label_of(labels: Tensor, position: int) -> int | None:
    """A clip's class; None if it has no label."""
    label = int(labels[position])
    return None if label == UNLABELLED else label
