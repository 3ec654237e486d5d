"""Connecting the processes of a distributed run."""

from __future__ import annotations

import gc
import os

import torch
import torch.distributed
from mmengine.dist import init_dist, is_distributed
from mmengine.model import BaseModel, is_model_wrapper
from mmengine.runner import Runner


def init_distributed(launcher: str) -> None:
    """Connect the processes: through NCCL with GPUs, through gloo without.

    Args:
        launcher: What started the processes: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.
            Without GPUs only ``'pytorch'`` (torchrun) works.

    Raises:
        ValueError: if there are GPUs, but fewer than processes on this machine.
    """
    if launcher == 'none' or is_distributed():
        return
    if torch.cuda.is_available():
        processes, gpus = int(os.environ.get('LOCAL_WORLD_SIZE', 1)), torch.cuda.device_count()
        if processes > gpus:
            raise ValueError(
                f'{processes} processes on this machine, found GPUs: {gpus}; expected one for each '
                'process. Start fewer, or set CUDA_VISIBLE_DEVICES to an empty string to train on '
                'the CPU'
            )
        init_dist(launcher, backend='nccl')
    else:
        store, rank, world_size = next(torch.distributed.rendezvous('env://'))
        # After a restart by torchrun the store still has the addresses of the processes that died.
        attempt = os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')
        store = torch.distributed.PrefixStore(f'attempt_{attempt}', store)
        torch.distributed.init_process_group('gloo', store=store, rank=rank, world_size=world_size)


def model_of(runner: Runner) -> BaseModel:
    """A Runner's model, without its wrapper of distributed training."""
    return runner.model.module if is_model_wrapper(runner.model) else runner.model


def leave_distributed() -> None:
    """Disconnect the processes at the end of a run, when its models are no longer used.

    A DDP model that outlives the connection, as one in a cycle of references does, makes gloo's
    threads hang or abort the process when Python ends.
    """
    if is_distributed():
        gc.collect()
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()
