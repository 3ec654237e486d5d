"""Files that are written completely or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[Path]:
    """Provide a temporary name to write to, and rename it to ``path`` at the end of the block.

    After an error, the temporary file is removed, and an existing file at ``path`` is unchanged.
    Missing parent folders are created. The content is on the disk before the name.

    Args:
        path: The file to write.

    Example:
        >>> with atomic_write('results/report.json') as partial:
        ...     partial.write_text('{}')

    Raises:
        OSError: if the file cannot be written, as on a full disk; names the file.
    """
    path = Path(path)
    check_replaceable(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f'{path.stem}.{os.getpid()}.partial{path.suffix}')
    try:
        yield partial
        replace_durably(partial, path)
    except OSError as error:
        if error.filename is not None:
            raise
        raise OSError(f'cannot write {path}: {error}') from error
    finally:
        partial.unlink(missing_ok=True)


def check_replaceable(path: Path) -> None:
    """Raise an OSError if there is something else than a file at a path.

    A rename would put a file in the place of a device: ``--out /dev/null``, as root, for everybody.
    """
    if path.exists() and not path.is_file():
        kind = 'a folder' if path.is_dir() else 'a device or pipe'
        raise OSError(f'cannot write {path}: it is {kind}; expected the name of a file')


def replace_durably(partial: str | os.PathLike, path: str | os.PathLike) -> None:
    """Rename a file durably: sync its content before, and its folder after.

    Args:
        partial: The file.
        path: The new name in the same folder.
    """
    with open(partial, 'r+b') as file:  # Windows syncs what is open for writing only
        os.fsync(file.fileno())
    os.replace(partial, path)
    if hasattr(os, 'O_DIRECTORY'):  # Windows opens no folders
        descriptor = os.open(os.path.dirname(path) or '.', os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
