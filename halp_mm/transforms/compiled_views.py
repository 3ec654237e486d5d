"""The functions of ``views.c``."""

from __future__ import annotations

from ctypes import CDLL

import torch
from torch import Tensor

from halp_mm.compiled_c import BoundToTensors, compiled_for


def library_for(coordinates: Tensor) -> CDLL | None:
    """The functions of ``views.c``, if they can compute views of these, and sooner.

    They are for views that are drawn: evaluation and inference should start no compiler.
    """
    return compiled_for(coordinates, __package__, 'views.c')


def mixed_frames(
    library: CDLL, coordinates: Tensor, first: Tensor, second: Tensor, share: Tensor
) -> Tensor:
    """Mix two frames for each of the result; see ``temporal.mixed_frames``."""
    clips, people, length = coordinates.shape[:3]
    taken = share.shape[1]
    mixed = coordinates.new_empty(clips, people, taken, *coordinates.shape[3:])
    tensors = [tensor.contiguous() for tensor in (coordinates, first, second, share)]
    mix_frames = BoundToTensors(library.mix_frames, [*tensors, mixed], 5)
    mix_frames(clips, people, length, taken, coordinates.shape[3:].numel())
    return mixed


def mapped_joints(library: CDLL, rows: Tensor, matrices: Tensor) -> Tensor:
    """Multiply each joint of rows ``[N, R, V D]`` with its clip's matrix, ``[N, V, D, D]``."""
    rows, dimensions = rows.contiguous(), matrices.shape[-1]
    mapped = torch.empty_like(rows)
    room = rows.new_zeros((2 * dimensions + 1) * (rows.shape[2] + 16 + dimensions))
    tensors = rows, matrices.contiguous(), mapped, room
    map_joints = BoundToTensors(library.map_joints, tensors, 4)
    map_joints(*rows.shape[:2], *matrices.shape[1:3])
    return mapped
