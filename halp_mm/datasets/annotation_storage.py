"""The clips of an annotation pickle in memory, as if they were in a data file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from weakref import WeakValueDictionary

import torch

from halp_mm.datasets.sources.annotations import is_pickle, read_annotations
from halp_mm.datasets.sources.preparation import BadFilesError
from halp_mm.datasets.storage import ClipBlock, ClipStorage
from halp_mm.skeletons import SkeletonLayout, get_layout


class AnnotationStorage(ClipStorage):
    """Read an annotation pickle of MMAction2 or PYSKL. All of it is kept in memory.

    Args:
        path: The pickle; the data set is called like it.
        layout: The layout of its joints, of which the pickle says nothing.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no such pickle, has bad clips, or the layout is missing.
    """

    def __init__(
        self, path: str | os.PathLike, layout: str | Mapping | SkeletonLayout | None
    ) -> None:
        self.path = Path(path)
        try:
            annotations = read_annotations(path, layout)
        except BadFilesError as error:
            raise ValueError(
                f'{error}, an option of tools/data/convert_annotations.py, which makes a data file'
            ) from error
        self.layout = annotations.layout
        self.class_names = annotations.class_names
        self.dataset = annotations.dataset
        self.notes = annotations.notes
        self.names = annotations.names
        self.labels = torch.tensor(annotations.labels)
        self.columns = {key: torch.tensor(column) for key, column in annotations.columns.items()}
        self.splits = {
            key: torch.tensor(split, dtype=torch.int64) for key, split in annotations.splits.items()
        }
        shapes = torch.tensor([clip['keypoint'].shape[:2] for clip in annotations.annotations])
        joints, channels = annotations.clip(0).shape[2:]
        frames = torch.empty(int(shapes.prod(1).sum()), joints, channels)
        self.block = ClipBlock(frames, num_frames=shapes[:, 1], num_people=shapes[:, 0])
        for position in range(len(annotations)):
            self.clip(position).copy_(torch.from_numpy(annotations.clip(position)))


_opened: WeakValueDictionary[tuple, AnnotationStorage] = WeakValueDictionary()


def open_storage(
    path: str | os.PathLike, layout: str | Mapping | SkeletonLayout | None = None
) -> ClipStorage:
    """Open a data file, or a pickle that is called ``.pkl`` or ``.pickle``.

    A pickle that is in use already, such as by the data set of another split, is not read again.

    Args:
        path: The file.
        layout: The layout of its joints. A pickle needs it; a data file has its own.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged or does not have this layout.
    """
    layout = None if layout is None else get_layout(layout)
    if is_pickle(path) and Path(path).is_file():
        status = Path(path).stat()
        key = (Path(path).resolve(), status.st_size, status.st_mtime_ns, layout)
        storage = _opened.get(key)
        if storage is None:
            _opened[key] = storage = AnnotationStorage(path, layout)
        return storage
    storage = ClipStorage(path)
    if layout is not None and layout != storage.layout:
        raise ValueError(
            f'{path} has layout {storage.layout.name!r}, but its data set is given the layout '
            f'{layout.name!r}, which is another one. Leave the layout away: the file has its own'
        )
    return storage
