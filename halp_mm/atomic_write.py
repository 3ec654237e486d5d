"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary name to write to; rename it to ``path`` when the block ends well.

    After an error the temporary file is removed and an older file at ``path`` stays as it was.
    Missing parent folders are made. The content is on the disk before the name is.

    Args:
        path: The file to make.

    Example:
        >>> with atomic_write('results/report.json') as partial:
        ...     partial.write_text('{}')

    Raises:
        OSError: if it cannot be written, as on a full disk; names the file.
    """
    path = Path(path)
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


def replace_durably(partial: str | os.PathLike, path: str | os.PathLike) -> None:
    """Rename a file, with its content on the disk before and its new name after.

    Args:
        partial: The file.
        path: Its new name, in the same folder.
    """
    for name, rename in ((partial, True), (os.path.dirname(path) or '.', False)):
        descriptor = os.open(name, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if rename:
            os.replace(partial, path)
