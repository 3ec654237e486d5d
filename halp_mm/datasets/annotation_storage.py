"""The clips of an annotation pickle in memory, as if they were in a data file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from mmengine.logging import print_log

from halp_mm.datasets.annotations import read_annotations
from halp_mm.datasets.class_numbers import describe_numbers
from halp_mm.datasets.clip_block import ClipBlock
from halp_mm.datasets.storage import UNLABELLED, ClipStorage
from halp_mm.problems import NOBODY, BadDataError, listing
from halp_mm.skeletons import SkeletonLayout


class AnnotationStorage(ClipStorage):
    """Read an annotation pickle of MMAction2 or PYSKL. All of it is kept in memory.

    Args:
        path: The pickle; its name is the data set's.
        layout: The layout of its joints, of which the pickle says nothing.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no such pickle, has bad clips, or the layout is missing.
    """

    stays_in_file = False
    is_checked = True

    def __init__(
        self, path: str | os.PathLike, layout: str | Mapping | SkeletonLayout | None
    ) -> None:
        self.path = Path(path)
        annotations = read_annotations(path, layout)
        if annotations.problems:
            raise ValueError(
                f'{BadDataError(annotations.problems)}, an option of '
                'tools/data/convert_annotations.py, which makes a data file'
            )
        numbers = describe_numbers(annotations.class_of_label)
        if numbers:
            print_log(f'{path}: {numbers}', 'current')
        clips = {name: annotations.clip(name) for name in annotations.clips}
        unseen = [name for name, clip in clips.items() if not len(clip)]
        if unseen:
            print_log(f'{path}: left out, as {NOBODY}: {len(unseen)}{listing(unseen)}', 'current')
        clips = {name: clip for name, clip in clips.items() if len(clip)}
        if not clips:
            raise ValueError(f'{path}: {NOBODY} of its clips, so nothing is left')
        self.layout = annotations.layout
        self.class_names = list(annotations.class_names)
        self.dataset = annotations.dataset
        self.notes = {}
        self.names = list(clips)
        labels = map(annotations.label, clips)
        self.labels = torch.tensor([UNLABELLED if label is None else label for label in labels])
        facts = [annotations.columns[name] for name in clips]
        self.columns = {key: torch.tensor([fact[key] for fact in facts]) for key in facts[0]}
        position = {name: i for i, name in enumerate(clips)}
        self.splits = {
            split: torch.tensor([position[name] for name in names if name in position]).long()
            for split, names in annotations.splits.items()
        }
        shapes = torch.tensor([clip.shape[:2] for clip in clips.values()])
        joints, channels = next(iter(clips.values())).shape[2:]
        frames = torch.empty(int(shapes.prod(1).sum()), joints, channels)
        self.block = ClipBlock(frames, num_frames=shapes[:, 1], num_people=shapes[:, 0])
        for i, clip in enumerate(clips.values()):
            self.clip(i).copy_(torch.from_numpy(clip))
