"""A frame of two GRU cells between the products by their weights, in C."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import c_int64, c_void_p
from typing import Any

import torch
from torch import Tensor

from halp_mm.compiled_c import compiled

#: Up to which number of threads one of C's is faster than all of them with PyTorch's operators.
FASTER_THAN = 4
#: Numbers from which on PyTorch's operators use several threads.
SHARED_FROM = 32768


def library_for(states: Tensor) -> ctypes.CDLL | None:
    """The functions of ``gru_gates.c``, if they can compute these states, and sooner.

    Args:
        states: ``[1 + T, N, 2, H]``.
    """
    threads = torch.get_num_threads() if states[0].numel() >= SHARED_FROM else 1
    if states.dtype != torch.float32 or threads > FASTER_THAN:
        return None
    return compiled(__package__, 'gru_gates.c')


def of_frame(function: Any, states: Tensor, *tensors: Tensor | None) -> Callable[[int], None]:
    """A C function of tensors and a frame's number, as one of the number."""
    clips, _, size = states.shape[1:]
    function.argtypes = [c_void_p] * len(tensors) + [c_int64] * 3

    def call(frame: int) -> None:
        addresses = (None if tensor is None else tensor.data_ptr() for tensor in tensors)
        function(*addresses, frame, clips, size)

    return call
