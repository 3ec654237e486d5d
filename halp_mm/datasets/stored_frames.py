"""Frames that stay in a file until they are asked for."""

from __future__ import annotations

import json
import math
import os
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from halp_mm.datasets.writer_stamp import has_stamp
from halp_mm.problems import BadClipError


class StoredFrames:
    """The float32 tensor ``frames`` ``[R, V, C]`` of a safetensors file, read piece by piece.

    The file is read, not mapped: to touch a mapped file beyond its end kills the process without a
    word. It is kept open, so a file that is replaced or deleted meanwhile does no harm.

    Args:
        path: The file; its header is known to be good.

    Raises:
        ValueError: if the tensor is of another type or has other dimensions.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        file = path.open('rb', buffering=0)
        weakref.finalize(self, file.close)
        header_bytes = int.from_bytes(file.read(8), 'little')
        header = file.read(header_bytes)
        #: Whether the file is as its writer left it, who checked all coordinates.
        self.is_checked = has_stamp(os.fstat(file.fileno()), header)
        entry = json.loads(header)['frames']
        self.shape = torch.Size(entry['shape'])
        if entry['dtype'] != 'F32' or len(self.shape) != 3:
            raise ValueError(
                f'the frames of {path} are {entry["dtype"]} {list(self.shape)}; expected F32 '
                '[skeletons, joints, coordinates]. Make it again with the tool that made it'
            )
        self._start = 8 + header_bytes + entry['data_offsets'][0]
        self._row_bytes = math.prod(self.shape[1:]) * 4
        self._read_into = _positioned_read(file)

    def __getitem__(self, rows: slice | np.ndarray) -> Tensor:
        """Read some rows.

        Args:
            rows: A slice without step, or int ``[...]``.

        Returns:
            float32 ``[..., V, C]``.

        Raises:
            BadClipError: if the file has been cut off since it was opened, or cannot be read.
        """
        if isinstance(rows, slice):
            start, stop, _ = rows.indices(self.shape[0])
            found = self._empty(max(0, stop - start))
            self.read_into(found.numpy(), start)
            return found
        found = self._empty(*rows.shape)
        for row, target in zip(rows.ravel(), found.numpy().reshape(-1, 1, *self.shape[1:])):
            self.read_into(target, int(row))
        return found

    def read_into(self, target: np.ndarray, row: int) -> None:
        """Fill an array with the rows from this one on.

        Args:
            target: float32 ``[n, V, C]``, contiguous.
            row: The first row.

        Raises:
            BadClipError: see :meth:`__getitem__`.
        """
        rest = memoryview(target).cast('B') if target.size else memoryview(b'')
        position = self._start + row * self._row_bytes
        while len(rest):
            try:
                count = self._read_into(rest, position)
            except OSError as error:
                raise BadClipError(f'cannot read {self._path}: {error}') from error
            if not count:
                raise BadClipError(
                    f'{self._path} was cut off since it was opened: {len(rest)} bytes are missing '
                    f'at {position}. Make it again with the tool that made it'
                )
            rest, position = rest[count:], position + count

    def _empty(self, *size: int) -> Tensor:
        return torch.empty(*size, *self.shape[1:], dtype=torch.float32, device='cpu')


def _positioned_read(file) -> Callable[[memoryview, int], int]:
    """A function that reads from a position: into a buffer, and returns how many bytes."""
    if hasattr(os, 'preadv'):  # forked processes share the place in a file, but not this one
        return partial(_preadv, file.fileno())

    def read(buffer: memoryview, position: int) -> int:
        file.seek(position)
        return file.readinto(buffer)

    return read


def _preadv(descriptor: int, buffer: memoryview, position: int) -> int:
    return os.preadv(descriptor, [buffer], position)
