"""How a data file shows that it is as its writer left it.

The writer has looked at every coordinate, so readers need not do it again, as long as nobody has
changed the file. The writer sets the time of its last modification to a fraction of a second that
follows from its header. Whoever writes to the file afterwards, or writes another one, sets another
time; a copy keeps it if it keeps times to the nanosecond (``cp -p``, ``rsync -a``). The content of
the file stays as it is: the same clips make the same bytes.

A file whose time is another one is not bad. Its coordinates are looked at whenever they are read.
"""

from __future__ import annotations

import os
import zlib

from halp_mm.datasets.coordinate_checks import MAX_COORDINATE

_SECOND = 10**9
_STEP = 100  # nanoseconds, the finest that all file systems of today keep


def set_stamp(path: str | os.PathLike, header: bytes) -> None:
    """Stamp a file that is complete and closed.

    Args:
        path: The file, all of whose coordinates have been checked.
        header: The text of its header.
    """
    status = os.stat(path)
    # Of the second before, so that the file is not of the future.
    changed = (status.st_mtime_ns // _SECOND - 1) * _SECOND + _fraction(header)
    os.utime(path, ns=(status.st_atime_ns, changed))


def has_stamp(status: os.stat_result, header: bytes) -> bool:
    """Whether a file has the stamp of its header.

    Args:
        status: What the system says of the opened file.
        header: The text of its header.
    """
    return status.st_mtime_ns % _SECOND == _fraction(header)


def _fraction(header: bytes) -> int:
    """The fraction of the second, in nanoseconds, never zero; another limit gives another one."""
    limit = f'{MAX_COORDINATE:g}'.encode()
    return (1 + zlib.crc32(header, zlib.crc32(limit)) % (_SECOND // _STEP - 1)) * _STEP
