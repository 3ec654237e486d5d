"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary name to write to; rename it to ``path`` when the block ends well.

    After an error the temporary file is removed and an older file at ``path`` stays as it was.
    Missing parent folders are made.

    Args:
        path: The file to make.

    Example:
        >>> with written_whole('results/report.json') as partial:
        ...     partial.write_text('{}')
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f'{path.stem}.{os.getpid()}.partial{path.suffix}')
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
