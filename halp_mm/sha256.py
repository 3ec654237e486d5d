"""Digests of files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import lru_cache


def file_sha256(path: str | os.PathLike) -> str:
    """The SHA-256 of a file's content, in hexadecimal digits."""
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(2**20))
    with open(path, 'rb', buffering=0) as file:
        while size := file.readinto(buffer):
            digest.update(buffer[:size])
    return digest.hexdigest()


def unchanged_file_sha256(path: str | os.PathLike) -> str:
    """:func:`file_sha256` of a file that this process may have read before.

    It is read again if its size, its time of change or the file itself is another.
    """
    status = os.stat(path)
    state = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    return _sha256_of_state(os.path.realpath(path), state)


@lru_cache(maxsize=64)
def _sha256_of_state(path: str, state: tuple[int, ...]) -> str:
    return file_sha256(path)


def files_sha256(paths: Sequence[str | os.PathLike]) -> str:
    """The SHA-256 of a file's content, or of the digests of several files in their order."""
    return joined_digest([file_sha256(path) for path in paths])


def joined_digest(digests: Sequence[str]) -> str:
    """The only digest, or the SHA-256 of several."""
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256('\n'.join(digests).encode()).hexdigest()
