"""Real processes that talk through gloo."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import torch
import torch.distributed
import torch.multiprocessing

from tests.tool_process import START_METHOD


@contextmanager
def connected(rank: int, folder: str) -> Iterator[None]:
    """This process is one of two."""
    os.environ.update(MASTER_ADDR='127.0.0.1', RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2')
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{folder}/rendezvous', rank=rank, world_size=2
    )
    yield
    # While it has the GIL, a DDP model must not be the last to let go of the process group: gloo's
    # threads want the GIL to end, and the process would hang.
    gc.collect()
    if torch.distributed.is_initialized():  # a tool ends it itself
        torch.distributed.destroy_process_group()


def run_ranks(function: Callable[[int, str], None], folder: Path, count: int = 2) -> list[dict]:
    """Run a function of rank and folder in processes; what each saves as ``rank{i}.pth``."""
    # Without a GPU: two processes may be more than there are, and it draws other numbers.
    with mock.patch.dict(os.environ, CUDA_VISIBLE_DEVICES=''):
        context = torch.multiprocessing.start_processes(
            function, (str(folder),), nprocs=count, join=False, start_method=START_METHOD
        )
    deadline = time.monotonic() + 300
    try:
        while not context.join(timeout=1):
            assert time.monotonic() < deadline, 'a process hangs'
    finally:
        for process in context.processes:
            process.kill()
    return [torch.load(folder / f'rank{rank}.pth', weights_only=True) for rank in range(count)]
