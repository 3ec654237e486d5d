"""Memory that a training on a CPU gives back and takes again in every step."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# Parameters of glibc's mallopt, with the values that they have by default.
_TRIM_THRESHOLD = (-1, 128 * 1024)
_TOP_PAD = (-2, 0)
_MMAP_MAX = (-4, 65536)
#: Settings of the allocator that a user may have made; they are left alone.
_USERS_SETTINGS = ('MALLOC_', 'GLIBC_TUNABLES', 'LD_PRELOAD')


@contextmanager
def kept_memory() -> Iterator[None]:
    """Meanwhile, keep freed memory in the process if it trains on a CPU and its C library is glibc.

    By default glibc gives large arrays back to the system as soon as they are freed. The next step
    takes them again, and the system fills every page with zeros at its first touch. Kept, they are
    there already. What is kept is at most what the largest step needs, and is given back
    afterwards.
    """
    library = _glibc()
    if library is None or torch.cuda.is_available():
        yield
        return
    library.mallopt(_MMAP_MAX[0], 0)
    library.mallopt(_TRIM_THRESHOLD[0], 2**31 - 1)
    library.mallopt(_TOP_PAD[0], 64 * 2**20)
    try:
        yield
    finally:
        for parameter, default in (_MMAP_MAX, _TRIM_THRESHOLD, _TOP_PAD):
            library.mallopt(parameter, default)
        library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    """The process's glibc; None with another C library, or an allocator that the user has set."""
    if any(name.startswith(_USERS_SETTINGS) for name in os.environ):
        return None
    try:
        library = ctypes.CDLL(None)
    except (OSError, TypeError):  # Windows has no such handle
        return None
    return library if hasattr(library, 'gnu_get_libc_version') else None
