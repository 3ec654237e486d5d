"""What the machine can do at best, found out by two probes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import torch

_REPETITIONS = 5
_MATRIX_SIZES = {'cpu': 1024, 'cuda': 8192}
_COPIED_BYTES = {'cpu': 2**27, 'cuda': 2**30}  # many times what caches hold


class MachinePeak(NamedTuple):
    """The best of several tries of each probe."""

    flops: float  #: Floating-point operations a second of a square matrix product
    bandwidth: float  #: Bytes a second that a copy reads and writes


def measure_peak(
    device: torch.device | str, dtype: torch.dtype = torch.float32, clock: str = 'wall'
) -> MachinePeak:
    """Measure a matrix product and a copy, with as many threads as PyTorch uses now.

    On a GPU, a product of float32 may take the 19 bits of TF32 if cuDNN's may, in which most of a
    training's work is.

    Args:
        device: The device.
        dtype: The type of the matrices' entries.
        clock: See :class:`~halp_mm.benchmarking.stopwatch.Stopwatch`.
    """
    device = torch.device(device)
    size = _MATRIX_SIZES[device.type]
    factor = torch.randn(size, size, device=device).to(dtype)
    product = torch.empty_like(factor)
    source = torch.ones(_COPIED_BYTES[device.type] // 4, device=device)
    target = torch.zeros_like(source)
    allowed = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32
    multiplying = _best_seconds(lambda: torch.mm(factor, factor, out=product), device, clock)
    torch.backends.cuda.matmul.allow_tf32 = allowed
    copying = _best_seconds(lambda: target.copy_(source), device, clock)
    return MachinePeak(2 * size**3 / multiplying, 2 * 4 * len(source) / copying)


def _best_seconds(function: Callable[[], object], device: torch.device, clock: str) -> float:
    now = time.process_time if clock == 'cpu' and device.type == 'cpu' else time.perf_counter
    found = []
    for _ in range(_REPETITIONS + 1):  # the first is a warm-up
        if device.type == 'cuda':
            torch.cuda.synchronize()
        start = now()
        function()
        if device.type == 'cuda':
            torch.cuda.synchronize()
        found.append(now() - start)
    return min(found[1:])
