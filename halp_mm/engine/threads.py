"""The number of threads of PyTorch's operators on CPUs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from halp_mm.available_cpus import available_cpus


@contextmanager
def limited_threads(num_threads: int | None = None) -> Iterator[None]:
    """Meanwhile, use a thread for each CPU that there is, or ``OMP_NUM_THREADS`` if it is set.

    Args:
        num_threads: Use no more threads than this.
    """
    former = torch.get_num_threads()
    if 'OMP_NUM_THREADS' not in os.environ:
        torch.set_num_threads(min(former, available_cpus(), num_threads or former))
    try:
        yield
    finally:
        torch.set_num_threads(former)
