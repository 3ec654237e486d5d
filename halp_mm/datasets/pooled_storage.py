"""Several data files of one layout, read as if they were one."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence

import numpy as np
import torch
from mmengine.logging import print_log
from torch import Tensor

from halp_mm.datasets.body_lengths import body_length
from halp_mm.datasets.clip_block import ClipBlock
from halp_mm.datasets.pool import (
    describe_classes,
    first_positions,
    join_classes,
    join_columns,
    join_labels,
    join_names,
    join_splits,
    name_sources,
)
from halp_mm.datasets.storage import ClipStorage
from halp_mm.skeletons import describe_units

_MERGE = 'make one file of them with tools/data/merge_data.py'


class PooledBlock(ClipBlock):
    """The clips of several blocks, one block after the other.

    Args:
        blocks: Blocks of the same joints and channels.
    """

    def __init__(self, blocks: Sequence[ClipBlock]) -> None:
        self.num_frames = torch.cat([block.num_frames for block in blocks])
        self.num_people = torch.cat([block.num_people for block in blocks])
        self._blocks = list(blocks)
        self._last_clips = np.cumsum([len(block.num_frames) for block in blocks])
        self._last_rows = np.cumsum([block.num_skeletons for block in blocks])

    @property
    def num_skeletons(self) -> int:
        """R of all blocks."""
        return int(self._last_rows[-1])

    @property
    def skeleton_shape(self) -> tuple[int, int]:
        """V and C."""
        return self._blocks[0].skeleton_shape

    def clip(self, position: int) -> Tensor:
        """The clip at a position, ``[M, T, V, C]``: a view of what is in memory, or read."""
        block, position = self._place(position)
        return block.clip(position)

    def fill(self, position: int, people: np.ndarray) -> None:
        """Copy the first people of a clip into an array; see :meth:`ClipBlock.fill`."""
        block, position = self._place(position)
        block.fill(position, people)

    def skeletons(self, rows: np.ndarray) -> np.ndarray:
        """The skeletons of some rows; see :meth:`ClipBlock.skeletons`."""
        found = np.empty((*rows.shape, *self.skeleton_shape), np.float32)
        parts = np.searchsorted(self._last_rows, rows, side='right')
        for part, block in enumerate(self._blocks):
            first = self._last_rows[part - 1] if part else 0
            found[parts == part] = block.skeletons(rows[parts == part] - first)
        return found

    def _place(self, position: int) -> tuple[ClipBlock, int]:
        """The block that has the clip at a position, and the clip's position in it."""
        part = int(np.searchsorted(self._last_clips, position, side='right'))
        first = int(self._last_clips[part - 1]) if part else 0
        return self._blocks[part], position - first


class PooledStorage(ClipStorage):
    """Read several data files of one layout. The frames stay where they are.

    Clips are called ``SOURCE/CLIP``, classes are joined by name, and a split has the clips of all
    the files' splits of its name. See :mod:`~halp_mm.datasets.pool`.

    Args:
        parts: The opened data files.

    Raises:
        ValueError: if they are of different layouts, units or numbers of channels, or their classes
            have no names.
    """

    def __init__(self, parts: Sequence[ClipStorage]) -> None:
        self.parts = list(parts)
        self.path = ' + '.join(str(part.path) for part in parts)
        _check_agreement(parts)
        self.layout = parts[0].layout
        sources = dict(zip(name_sources(parts), parts))
        classes = join_classes(sources)
        self.class_names = classes.names
        self.labels = join_labels(sources, classes)
        self.names = join_names(sources)
        self.columns, subjects = join_columns(sources)
        self.splits = join_splits(sources)
        self.dataset = ' + '.join(sources)
        self.notes = {'subjects': subjects}
        self.block = PooledBlock([part.block for part in parts])
        self.stays_in_file = all(part.stays_in_file for part in parts)
        self.is_checked = all(part.is_checked for part in parts)
        if multiprocessing.parent_process() is None:  # a loader's workers open the files again
            print_log(
                f'{self.path}: {len(self)} clips ({", ".join(map(str, map(len, parts)))}) of '
                f'{len(self.class_names)} classes; {describe_classes(classes)}',
                'current',
            )

    def split(self, name: str) -> Tensor:
        """Positions of the clips of a split, int64; every file needs the split.

        Raises:
            ValueError: if a file has no such split, or it is empty there.
        """
        starts = first_positions(dict(enumerate(self.parts))).values()
        return torch.cat([part.split(name) + start for part, start in zip(self.parts, starts)])


def _check_agreement(parts: Sequence[ClipStorage]) -> None:
    """Raise a ValueError unless clips of all files can stand in one batch."""
    paths = [part.path for part in parts]
    if len(set(paths)) < len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise ValueError(f'{twice} is named twice; expected each data file once')
    first = parts[0]
    length = body_length(first.block, torch.arange(len(first)), first.layout)
    for other in parts[1:]:
        ours, theirs = first.layout.to_dict(), other.layout.to_dict()
        keys = [key for key in ours if key != 'name' and ours[key] != theirs[key]]
        if keys:
            raise ValueError(
                f'{first.path} has layout {first.layout.name!r} and {other.path} has '
                f'{other.layout.name!r}, which differ in {", ".join(keys)}; expected one layout. '
                f'Convert them: {_MERGE} --to-layout'
            )
        channels = [part.block.skeleton_shape[1] for part in (first, other)]
        if channels[0] != channels[1]:
            raise ValueError(
                f'{first.path} has {channels[0]} numbers a joint and {other.path} has '
                f'{channels[1]}; expected as many. To drop the scores, {_MERGE}'
            )
        other_length = body_length(other.block, torch.arange(len(other)), other.layout)
        units = describe_units({str(first.path): length, str(other.path): other_length})
        if units:
            raise ValueError(f'{units}, or {_MERGE} --scale')
