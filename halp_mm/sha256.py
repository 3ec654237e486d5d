"""Digests of files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence


def file_sha256(path: str | os.PathLike) -> str:
    """The SHA-256 of a file's content, in hexadecimal digits."""
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(2**20))
    with open(path, 'rb', buffering=0) as file:
        while size := file.readinto(buffer):
            digest.update(buffer[:size])
    return digest.hexdigest()


def files_sha256(paths: Sequence[str | os.PathLike]) -> str:
    """The SHA-256 of a file's content, or of the digests of several files in their order."""
    return joined_digest([file_sha256(path) for path in paths])


def joined_digest(digests: Sequence[str]) -> str:
    """The only digest, or the SHA-256 of several."""
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256('\n'.join(digests).encode()).hexdigest()
