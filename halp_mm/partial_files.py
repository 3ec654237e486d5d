"""Temporary files of processes that were killed while writing."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

_PARTIAL = re.compile(r'\.(\d+)\.partial(\.\w+)?$')


def remove_dead_partial_files(folder: str | os.PathLike) -> list[Path]:
    """Remove the temporary files in a folder whose processes no longer exist.

    Args:
        folder: The folder; its subfolders are not searched.

    Returns:
        The removed files.
    """
    removed = []
    for path in Path(folder).glob('*.partial*'):
        found = _PARTIAL.search(path.name)
        if found and path.is_file() and not _is_alive(int(found[1])):
            path.unlink(missing_ok=True)
            removed.append(path)
    return removed


def _is_alive(process: int) -> bool:
    if sys.platform == 'win32':  # where os.kill would end the process; the files stay
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's process
        return True
    return True
