"""Open what a config calls ``data_file``: a data file, an annotation pickle, or several of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from weakref import WeakValueDictionary

from halp_mm.datasets.annotation_storage import AnnotationStorage
from halp_mm.datasets.annotations import is_pickle
from halp_mm.datasets.pooled_storage import PooledStorage
from halp_mm.datasets.storage import ClipStorage
from halp_mm.skeletons import SkeletonLayout, get_layout

DataFile = str | os.PathLike | Sequence[str | os.PathLike]

_opened: WeakValueDictionary[tuple, ClipStorage] = WeakValueDictionary()


def data_files(data_file: DataFile) -> list[str]:
    """The files of a config's ``data_file``, which is one or several.

    Raises:
        ValueError: if it is something else.
    """
    files = [data_file] if isinstance(data_file, (str, os.PathLike)) else data_file
    is_list = isinstance(files, (list, tuple))
    if not is_list or not all(isinstance(file, (str, os.PathLike)) for file in files):
        raise ValueError(f'data_file is {data_file!r}; expected a path, or a list of paths')
    return list(map(os.fspath, files))


def open_storage(
    data_file: DataFile, layout: str | Mapping | SkeletonLayout | None = None
) -> ClipStorage:
    """Open a data file, a pickle that is called ``.pkl`` or ``.pickle``, or several of them.

    A pickle, or a list of files, that is in use already, for example by the data set of another
    split, is not read again.

    Args:
        data_file: The file or files.
        layout: The layout of the joints. A pickle needs it; a data file has its own.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if a file is damaged, does not have this layout, or files do not go together.
    """
    layout = None if layout is None else get_layout(layout)
    files = data_files(data_file)
    if not files:
        raise ValueError('data_file is an empty list; expected at least one data file')
    if len(files) == 1 and not (is_pickle(files[0]) and os.path.isfile(files[0])):
        return _open_data_file(files[0], layout)
    key = tuple(_state(file, layout) for file in files)
    storage = _opened.get(key)
    if storage is None:
        if len(files) == 1:
            storage = AnnotationStorage(files[0], layout)
        else:
            storage = PooledStorage([open_storage(file, layout) for file in files])
        _opened[key] = storage
    return storage


def check_data_file(data_file: DataFile, prepare_with: str = '') -> None:
    """Raise a FileNotFoundError that says which command makes a missing data file."""
    for path in data_files(data_file):
        if not os.path.isfile(path):
            hint = prepare_with or 'one of the tools under tools/data/ (see docs/data.md)'
            raise FileNotFoundError(f'there is no data file {path}. Make it with: {hint}')


def _open_data_file(path: str, layout: SkeletonLayout | None) -> ClipStorage:
    storage = ClipStorage(path)
    if layout is not None and layout != storage.layout:
        raise ValueError(
            f'{path} has layout {storage.layout.name!r}, but its data set is given the layout '
            f'{layout.name!r}, which is another one. Omit the layout: the file has its own'
        )
    return storage


def _state(path: str, layout: SkeletonLayout | None) -> tuple:
    """What distinguishes an opened file from another one, or from a later one of the same name."""
    if not os.path.isfile(path):
        raise FileNotFoundError(f'there is no data file {path}')
    status = os.stat(path)
    return Path(path).resolve(), status.st_size, status.st_mtime_ns, layout
